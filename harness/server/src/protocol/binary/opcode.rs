//! Commands by their numbers.

use crate::protocol::Command;

/// A command, whether it is quiet or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    /// `Get`, `GetK`.
    Get { with_key: bool },
    /// `Touch`, `GAT`, `GATK`.
    Touch { with_value: bool, with_key: bool },
    /// `Set`, `Add`, `Replace`.
    Store(Command),
    /// `Append`, `Prepend`.
    Join(Command),
    /// `Delete`.
    Delete,
    /// `Increment`, `Decrement`.
    Arithmetic { is_increment: bool },
    /// `Flush`.
    Flush,
    /// `Noop`.
    Noop,
    /// `Version`.
    Version,
    /// `Stat`.
    Stats,
    /// `Quit`.
    Quit,
    /// SASL's list of mechanisms.
    Mechanisms,
    /// SASL's first step, or a further one.
    Authenticate,
}

impl Opcode {
    /// The command with this number, and whether it is quiet. `None` if memcached has none: `Verbosity` has a number,
    /// and is not there.
    pub(super) fn of(number: u8) -> Option<(Self, bool)> {
        let is_quiet = matches!(number, 0x09 | 0x0d | 0x11..=0x1a | 0x1e | 0x24);
        let opcode = match number {
            0x00 | 0x09 => Self::Get { with_key: false },
            0x0c | 0x0d => Self::Get { with_key: true },
            0x01 | 0x11 => Self::Store(Command::Set),
            0x02 | 0x12 => Self::Store(Command::Add),
            0x03 | 0x13 => Self::Store(Command::Replace),
            0x04 | 0x14 => Self::Delete,
            0x05 | 0x15 => Self::Arithmetic { is_increment: true },
            0x06 | 0x16 => Self::Arithmetic { is_increment: false },
            0x07 | 0x17 => Self::Quit,
            0x08 | 0x18 => Self::Flush,
            0x0a => Self::Noop,
            0x0b => Self::Version,
            0x0e | 0x19 => Self::Join(Command::Append),
            0x0f | 0x1a => Self::Join(Command::Prepend),
            0x10 => Self::Stats,
            0x1c => Self::Touch { with_value: false, with_key: false },
            0x1d | 0x1e => Self::Touch { with_value: true, with_key: false },
            0x23 | 0x24 => Self::Touch { with_value: true, with_key: true },
            0x20 => Self::Mechanisms,
            0x21 | 0x22 => Self::Authenticate,
            _ => return None,
        };
        Some((opcode, is_quiet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each loud command that has a quiet form, and that.
    const PAIRS: [(u8, u8); 14] = [
        (0x00, 0x09),
        (0x0c, 0x0d),
        (0x01, 0x11),
        (0x02, 0x12),
        (0x03, 0x13),
        (0x04, 0x14),
        (0x05, 0x15),
        (0x06, 0x16),
        (0x07, 0x17),
        (0x08, 0x18),
        (0x0e, 0x19),
        (0x0f, 0x1a),
        (0x1d, 0x1e),
        (0x23, 0x24),
    ];

    #[test]
    fn a_quiet_command_is_the_loud_one() {
        for (loud, quiet) in PAIRS {
            let (command, is_quiet) = Opcode::of(loud).unwrap();
            assert!(!is_quiet, "{loud:#x}");
            assert_eq!(Opcode::of(quiet), Some((command, true)), "{quiet:#x}");
        }
        let quiet = (0..=u8::MAX).filter(|&n| Opcode::of(n).is_some_and(|(_, is_quiet)| is_quiet));
        assert_eq!(quiet.count(), PAIRS.len());
    }

    #[test]
    fn no_two_numbers_are_one_command() {
        let all: Vec<_> = (0..=u8::MAX).filter_map(Opcode::of).collect();
        for (number, one) in all.iter().enumerate() {
            let is_double = all[..number].contains(one);
            assert!(!is_double || *one == (Opcode::Authenticate, false), "{one:?}");
        }
    }
}
