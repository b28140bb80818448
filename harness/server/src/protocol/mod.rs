//! memcached's text and meta protocols: what a command line asks for. Pure functions of bytes.
//!
//! memcached's `doc/protocol.txt` describes both. Where it leaves something open (numbers, lines with
//! something too many, what an error does to the data that follows), memcached 1.6.18 is the reference, since
//! clients have been tried against it; docs/SERVER.md lists where this differs.
//!
//! | file | holds |
//! | --- | --- |
//! | `line` | where a line ends; the words of one |
//! | `number` | numbers, as C's `strtol` reads them |
//! | `request` | [`ClientRequest`]: what a line asks for, and why one is refused |
//! | `meta` | [`Meta`]: the flags of meta commands |

mod line;
mod meta;
mod number;
mod request;

pub use self::line::{Line, MOST_LINE, MOST_RETRIEVAL, Words, line};
pub use self::meta::{Command, Meta};
pub use self::number::{signed, unsigned};
pub use self::request::{Arithmetic, ClientRequest, Refusal, Retrieval, Storing, request};

/// The longest key, in bytes.
pub const MAX_KEY: usize = cache::item::MAX_KEY;

/// The end of every line and value.
pub const CRLF: &[u8] = b"\r\n";
