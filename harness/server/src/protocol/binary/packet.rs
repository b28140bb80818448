//! What a packet asks for.

use cache::time::Expiry;

use super::header::{Header, Status};
use super::opcode::Opcode;
use crate::protocol::{Arithmetic, MAX_KEY, Storing};

/// A packet, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryRequest<'p> {
    /// `Get`, `Touch` and their kin.
    Retrieve(Lookup<'p>),
    /// `Set` and its kin. The value ends the packet.
    Store(Storing<'p>),
    /// `Increment`, `Decrement`.
    Add {
        /// What is added, or taken.
        sum: Arithmetic<'p>,
        /// What a missing key is made with.
        initial: u64,
        /// When it then expires; `None` if it is not made.
        expiry: Option<Expiry>,
        /// The CAS number that the key must have.
        cas: Option<u64>,
    },
    /// `Delete`.
    Delete {
        /// The key.
        key: &'p [u8],
        /// The CAS number that it must have.
        cas: Option<u64>,
        /// Whether it is not said that it is done.
        is_quiet: bool,
    },
    /// `Flush`, in so many seconds.
    Flush {
        /// Seconds; 0 is at once.
        delay: u32,
        /// Whether it is not said that it is done.
        is_quiet: bool,
    },
    /// `Stat`, and what of.
    Stats(Option<&'p [u8]>),
    /// `Noop`.
    Noop,
    /// `Version`.
    Version,
    /// `Quit`.
    Quit {
        /// Whether it is not said that it is done.
        is_quiet: bool,
    },
    /// A command that there is not, with a value that nobody wants; SASL's are among them.
    Unknown,
}

/// A key that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup<'p> {
    /// The key.
    pub key: &'p [u8],
    /// When it is to expire.
    pub expiry: Option<Expiry>,
    /// Whether the value is wanted.
    pub with_value: bool,
    /// Whether the key is said again.
    pub with_key: bool,
    /// Whether a miss is not answered.
    pub is_quiet: bool,
}

/// A missing key that is counted up or down is not made if this is when it should expire.
const NEVER_MADE: u32 = u32::MAX;

/// Whether a packet may have this header. What follows the header need not be there yet.
///
/// # Errors
///
/// The connection is at its end when this is said.
pub fn check(header: &Header) -> Result<(), Status> {
    if header.key + header.extras > header.body {
        return Err(Status::Unknown);
    }
    if header.key > MAX_KEY { Err(Status::BadArguments) } else { Ok(()) }
}

/// What the packet with this header asks for, of which all but the value is there.
///
/// # Errors
///
/// It has a part too many, too few, or one of another length. The connection is at its end when this is said.
pub fn request<'p>(
    header: &Header,
    extras: &[u8],
    key: &'p [u8],
) -> Result<BinaryRequest<'p>, Status> {
    let Some((opcode, is_quiet)) = Opcode::of(header.opcode) else {
        return Ok(BinaryRequest::Unknown);
    };
    read(opcode, is_quiet, header, extras, key).ok_or(Status::BadArguments)
}

fn read<'p>(
    opcode: Opcode,
    is_quiet: bool,
    header: &Header,
    extras: &[u8],
    key: &'p [u8],
) -> Option<BinaryRequest<'p>> {
    let cas = (header.cas != 0).then_some(header.cas);
    let lookup = |expiry, with_value, with_key| {
        BinaryRequest::Retrieve(Lookup { key, expiry, with_value, with_key, is_quiet })
    };
    let store = |command, flags, expiry| {
        let len = header.value();
        BinaryRequest::Store(Storing { command, key, flags, expiry, len, cas, is_quiet })
    };
    // Of most commands a packet has a key and nothing else, or nothing at all.
    let (has_key, has_value) = (!key.is_empty(), header.value() > 0);
    let is_key = has_key && extras.is_empty() && !has_value;
    let is_empty = header.body == 0;
    Some(match opcode {
        Opcode::Get { with_key } if is_key => lookup(None, true, with_key),
        Opcode::Touch { with_value, with_key } if has_key && !has_value => {
            lookup(Some(expiry(number(extras)?)), with_value, with_key)
        }
        Opcode::Store(command) if has_key => {
            let (flags, seconds) = extras.split_first_chunk::<4>()?;
            store(command, u32::from_be_bytes(*flags), expiry(number(seconds)?))
        }
        Opcode::Join(command) if has_key && extras.is_empty() => store(command, 0, Expiry::Never),
        Opcode::Arithmetic { is_increment } if has_key && !has_value => {
            let (delta, rest) = extras.split_first_chunk::<8>()?;
            let (initial, seconds) = rest.split_first_chunk::<8>()?;
            let seconds = number(seconds)?;
            let delta = u64::from_be_bytes(*delta);
            BinaryRequest::Add {
                sum: Arithmetic { key, is_increment, delta, is_quiet },
                initial: u64::from_be_bytes(*initial),
                expiry: (seconds != NEVER_MADE).then(|| expiry(seconds)),
                cas,
            }
        }
        Opcode::Delete if is_key => BinaryRequest::Delete { key, cas, is_quiet },
        Opcode::Flush if is_empty => BinaryRequest::Flush { delay: 0, is_quiet },
        Opcode::Flush if !has_key && !has_value => {
            BinaryRequest::Flush { delay: number(extras)?, is_quiet }
        }
        Opcode::Stats if is_key => BinaryRequest::Stats(Some(key)),
        Opcode::Stats if is_empty => BinaryRequest::Stats(None),
        Opcode::Noop if is_empty => BinaryRequest::Noop,
        Opcode::Version if is_empty => BinaryRequest::Version,
        Opcode::Quit if is_empty => BinaryRequest::Quit { is_quiet },
        // Nobody is asked who they are.
        Opcode::Mechanisms if is_empty => BinaryRequest::Unknown,
        Opcode::Authenticate if has_key && extras.is_empty() => BinaryRequest::Unknown,
        _ => return None,
    })
}

/// A number of 32 bits that is all of `extras`.
fn number(extras: &[u8]) -> Option<u32> {
    <[u8; 4]>::try_from(extras).ok().map(u32::from_be_bytes)
}

/// When an item expires. There is no sign: what a client sends as a negative number lies in a later century.
fn expiry(seconds: u32) -> Expiry {
    Expiry::from_number(seconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Command;

    /// Whether a part is there.
    #[derive(Clone, Copy)]
    enum Part {
        Never,
        Always,
        Maybe,
    }

    impl Part {
        fn allows(self, bytes: usize) -> bool {
            match self {
                Self::Never => bytes == 0,
                Self::Always => bytes > 0,
                Self::Maybe => true,
            }
        }
    }

    /// Commands, with the lengths that their extras have, and whether there is a key, and a value.
    const SHAPES: [(&[u8], &[usize], Part, Part); 9] = [
        (&[0x00, 0x09, 0x0c, 0x0d, 0x04, 0x14], &[0], Part::Always, Part::Never),
        (&[0x01, 0x02, 0x03, 0x11, 0x12, 0x13], &[8], Part::Always, Part::Maybe),
        (&[0x05, 0x06, 0x15, 0x16], &[20], Part::Always, Part::Never),
        (&[0x07, 0x0a, 0x0b, 0x17, 0x20], &[0], Part::Never, Part::Never),
        (&[0x08, 0x18], &[0, 4], Part::Never, Part::Never),
        (&[0x0e, 0x0f, 0x19, 0x1a], &[0], Part::Always, Part::Maybe),
        (&[0x10], &[0], Part::Maybe, Part::Never),
        (&[0x1c, 0x1d, 0x1e, 0x23, 0x24], &[4], Part::Always, Part::Never),
        (&[0x21, 0x22], &[0], Part::Always, Part::Maybe),
    ];

    fn header(opcode: u8, extras: usize, key: usize, value: usize) -> Header {
        Header { opcode, extras, key, body: extras + key + value, opaque: [0; 4], cas: 9 }
    }

    #[test]
    fn a_packet_has_the_parts_of_its_command() {
        for opcode in 0..=u8::MAX {
            let shape = SHAPES.iter().find(|shape| shape.0.contains(&opcode));
            for (extras, key, value) in (0..100).map(|n| (n / 4, n / 2 % 2, n % 2)) {
                let is_right = shape.is_none_or(|&(_, lengths, of_key, of_value)| {
                    lengths.contains(&extras) && of_key.allows(key) && of_value.allows(value)
                });
                let read =
                    request(&header(opcode, extras, key, value), &[7; 24][..extras], &b"k"[..key]);
                let what = format!("{opcode:#x}: {extras}, {key} and {value} bytes");
                assert_eq!(read.is_ok(), is_right, "{what}");
                assert!(is_right || read == Err(Status::BadArguments), "{what}");
                assert!(shape.is_some() || read == Ok(BinaryRequest::Unknown), "{what}");
            }
        }
    }

    #[test]
    fn a_packet_is_as_long_as_its_parts() {
        assert_eq!(check(&header(0, 0, MAX_KEY, 0)), Ok(()));
        assert_eq!(check(&header(0, 0, MAX_KEY + 1, 0)), Err(Status::BadArguments));
        assert_eq!(check(&Header { body: 10, ..header(0, 5, 5, 0) }), Ok(()));
        assert_eq!(check(&Header { body: 9, ..header(0, 5, 5, 0) }), Err(Status::Unknown));
        assert_eq!(check(&Header { body: 9, ..header(0, 0, 251, 0) }), Err(Status::Unknown));
    }

    #[test]
    fn numbers_are_in_network_order() {
        let key = b"k";
        let storing = Storing {
            command: Command::Set,
            key,
            flags: 0x0102_0304,
            expiry: Expiry::After(5),
            len: 3,
            cas: Some(9),
            is_quiet: true,
        };
        let extras = [1, 2, 3, 4, 0, 0, 0, 5];
        let read = request(&header(0x11, 8, 1, 3), &extras, key);
        assert_eq!(read, Ok(BinaryRequest::Store(storing)));
        let mut extras = [0; 20];
        (extras[6], extras[14]) = (1, 2);
        let expected = |expiry| BinaryRequest::Add {
            sum: Arithmetic { key, is_increment: false, delta: 256, is_quiet: false },
            initial: 512,
            expiry,
            cas: Some(9),
        };
        let read = request(&header(0x06, 20, 1, 0), &extras, key);
        assert_eq!(read, Ok(expected(Some(Expiry::Never))));
        extras[16..].fill(0xff);
        assert_eq!(request(&header(0x06, 20, 1, 0), &extras, key), Ok(expected(None)));
        extras[19] = 0xfe;
        let late = Some(Expiry::At(0xffff_fffe));
        assert_eq!(request(&header(0x06, 20, 1, 0), &extras, key), Ok(expected(late)));
    }
}
