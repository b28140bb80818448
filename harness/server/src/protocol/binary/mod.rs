//! memcached's binary protocol: what a packet asks for. Pure functions of bytes.
//!
//! A packet is a header of 24 bytes, extras, a key and a value; its numbers are in network order. memcached's
//! `protocol_binary.h`, and the page BinaryProtocolRevamped of its wiki, describe it. memcached has called it deprecated
//! since 1.6.0, and clients still speak it. Where the description leaves something open, memcached 1.6.18 is the
//! reference; docs/SERVER.md lists where this differs.
//!
//! | file | holds |
//! | --- | --- |
//! | `header` | [`Header`]: of a request, and of its reply; [`Status`]: how a command has ended |
//! | `opcode` | commands by their numbers |
//! | `packet` | [`BinaryRequest`]: what a packet asks for |

mod header;
mod opcode;
mod packet;

pub use self::header::{BodyLengths, HEADER, Header, REPLY, REQUEST, Status};
pub use self::packet::{BinaryRequest, Lookup, check, request};
