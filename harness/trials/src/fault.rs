//! The axis fault: how a trial is disturbed on purpose. `trial/fault.rs` makes it happen.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Workers of [`Fault::Oversubscribed`] for each thread that was asked for.
pub const OVERSUBSCRIPTION: usize = 4;

/// What disturbs the workers for the whole measured time.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// One more thread stays inside a lookup.
    StalledReader,
    /// One more thread sleeps in the middle of updates.
    DescheduledWriter,
    /// One more thread has a handle, has used it once, and does nothing.
    IdleRegistered,
    /// Four times as many workers as threads were asked for.
    Oversubscribed,
}

impl Fault {
    /// Every one, `none` first.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::StalledReader,
        Self::DescheduledWriter,
        Self::IdleRegistered,
        Self::Oversubscribed,
    ];

    /// Its name in experiment files and results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::StalledReader => "stalled-reader",
            Self::DescheduledWriter => "descheduled-writer",
            Self::IdleRegistered => "idle-registered",
            Self::Oversubscribed => "oversubscribed",
        }
    }

    /// One line for `bench list`.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::None => "nothing goes wrong",
            Self::StalledReader => {
                "one more thread stays inside a lookup for the whole measured time"
            }
            Self::DescheduledWriter => {
                "one more thread sleeps 20 ms in the middle of an update, then 20 ms outside, \
                 again and again"
            }
            Self::IdleRegistered => "one more thread takes a handle, looks up one key, and idles",
            Self::Oversubscribed => "four workers for each of `threads`",
        }
    }

    /// The fault of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Whether nothing goes wrong.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Workers, whose operations count, where `threads` were asked for.
    #[must_use]
    pub const fn workers(self, threads: usize) -> usize {
        match self {
            Self::Oversubscribed => threads * OVERSUBSCRIPTION,
            _ => threads,
        }
    }

    /// Threads beside the workers, whose operations do not count.
    #[must_use]
    pub const fn bystanders(self) -> usize {
        match self {
            Self::None | Self::Oversubscribed => 0,
            Self::StalledReader | Self::DescheduledWriter | Self::IdleRegistered => 1,
        }
    }

    /// Handles of the table that exist at once.
    #[must_use]
    pub const fn handles(self, threads: usize) -> usize {
        self.workers(threads) + self.bystanders()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_serde_writes() {
        for fault in Fault::ALL {
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.name());
            assert_eq!(Fault::named(fault.name()), Some(fault));
        }
        assert_eq!(Fault::named("stalled"), None);
    }

    #[test]
    fn handles_are_workers_and_bystanders() {
        let handles = Fault::ALL.map(|fault| fault.handles(3));
        assert_eq!(handles, [3, 4, 4, 4, 12]);
        assert_eq!(Fault::ALL.map(|fault| fault.workers(3)), [3, 3, 3, 3, 12]);
    }
}
