//! Headers of packets.

use std::array;

/// Bytes of a header.
pub const HEADER: usize = 24;

/// The first byte of a request.
pub const REQUEST: u8 = 0x80;

/// The first byte of a reply.
pub const REPLY: u8 = 0x81;

/// The header of a request. Lengths are as they were sent: they need not fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which command it is.
    pub opcode: u8,
    /// Bytes of the extras, which come first.
    pub extras: usize,
    /// Bytes of the key, which comes next.
    pub key: usize,
    /// Bytes of extras, key and value together.
    pub body: usize,
    /// What the reply repeats.
    pub opaque: [u8; 4],
    /// A CAS number; 0 is none.
    pub cas: u64,
}

/// How a command has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Status {
    /// As it was to.
    Done = 0x00,
    /// There is no such key.
    NotFound = 0x01,
    /// The key is present and should not be, or has another CAS number.
    Exists = 0x02,
    /// The value is longer than the cache takes.
    TooLarge = 0x03,
    /// The packet is none of this command.
    BadArguments = 0x04,
    /// The key was not stored.
    NotStored = 0x05,
    /// What is to be added to is no number.
    NotNumeric = 0x06,
    /// It is not allowed.
    Denied = 0x20,
    /// There is no such command.
    Unknown = 0x81,
    /// There is no memory for it.
    NoMemory = 0x82,
}

/// Bytes of the parts of a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyLengths {
    /// Of the extras; at most 255.
    pub extras: usize,
    /// Of the key; at most 65,535.
    pub key: usize,
    /// Of extras, key and value together; less than 4 GiB.
    pub body: usize,
}

/// The bytes of a header from `at` on.
fn part<const N: usize>(bytes: &[u8; HEADER], at: usize) -> [u8; N] {
    array::from_fn(|place| bytes[at + place])
}

impl Header {
    /// The header of a request; `None` if these bytes do not begin as one.
    #[must_use]
    pub fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        // The type of data, and which part of the store is meant, were never used.
        (bytes[0] == REQUEST).then(|| Self {
            opcode: bytes[1],
            key: u16::from_be_bytes(part(bytes, 2)).into(),
            extras: bytes[4].into(),
            body: u32::from_be_bytes(part(bytes, 8)) as usize,
            opaque: part(bytes, 12),
            cas: u64::from_be_bytes(part(bytes, 16)),
        })
    }

    /// Bytes of the packet before its value: header, extras and key.
    #[must_use]
    pub fn before_value(&self) -> usize {
        HEADER + self.extras + self.key
    }

    /// Bytes of the value; 0 if extras and key alone are longer than the body.
    #[must_use]
    pub fn value(&self) -> usize {
        self.body.saturating_sub(self.extras + self.key)
    }

    /// The header of a reply to this, which tells a CAS number, or 0.
    #[must_use]
    pub fn reply(&self, status: Status, lengths: BodyLengths, cas: u64) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0] = REPLY;
        bytes[1] = self.opcode;
        bytes[2..4].copy_from_slice(&(lengths.key as u16).to_be_bytes());
        bytes[4] = lengths.extras as u8;
        bytes[6..8].copy_from_slice(&(status as u16).to_be_bytes());
        bytes[8..12].copy_from_slice(&(lengths.body as u32).to_be_bytes());
        bytes[12..16].copy_from_slice(&self.opaque);
        bytes[16..].copy_from_slice(&cas.to_be_bytes());
        bytes
    }
}

impl Status {
    /// What memcached says of it; nothing if the command is done.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Done => "",
            Self::NotFound => "Not found",
            Self::Exists => "Data exists for key.",
            Self::TooLarge => "Too large.",
            Self::BadArguments => "Invalid arguments",
            Self::NotStored => "Not stored.",
            Self::NotNumeric => "Non-numeric server-side value for incr or decr",
            Self::Denied => "Auth failure.",
            Self::Unknown => "Unknown command",
            Self::NoMemory => "Out of memory",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_header_is_read_as_it_was_written(
            opcode: u8,
            key: u16,
            extras: u8,
            unused: [u8; 3],
            body: u32,
            opaque: [u8; 4],
            cas: u64,
            first: u8,
        ) {
            let numbers = [&[opcode][..], &key.to_be_bytes(), &[extras], &unused];
            let numbers = numbers.concat();
            let rest = [&numbers[..], &body.to_be_bytes(), &opaque, &cas.to_be_bytes()].concat();
            let bytes = |first: u8| -> [u8; HEADER] {
                [&[first][..], &rest].concat().try_into().expect("24 bytes")
            };
            let (key, extras, body) = (usize::from(key), usize::from(extras), body as usize);
            let expected = Header { opcode, extras, key, body, opaque, cas };
            prop_assert_eq!(Header::read(&bytes(0x80)), Some(expected));
            prop_assert_eq!(Header::read(&bytes(first)).is_some(), first == 0x80);
            prop_assert_eq!(expected.before_value(), 24 + extras + key);
            prop_assert_eq!(expected.value(), body.saturating_sub(extras + key));
        }

        #[test]
        fn a_reply_repeats_what_it_answers(
            opcode: u8,
            opaque: [u8; 4],
            key: u16,
            extras: u8,
            body: u32,
            cas: u64,
        ) {
            let asked = Header { opcode, extras: 1, key: 2, body: 3, opaque, cas: 4 };
            let lengths =
                BodyLengths { extras: extras.into(), key: key.into(), body: body as usize };
            let expected = [
                &[0x81, opcode][..],
                &key.to_be_bytes(),
                &[extras, 0, 0, 0x82],
                &body.to_be_bytes(),
                &opaque,
                &cas.to_be_bytes(),
            ];
            let reply = asked.reply(Status::NoMemory, lengths, cas);
            prop_assert_eq!(reply.to_vec(), expected.concat());
        }
    }
}
