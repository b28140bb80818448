//! memcached's protocols: what a command line asks for, or a packet. Pure functions of bytes.
//!
//! memcached's `doc/protocol.txt` describes the text and the meta protocol. Where it leaves something open (numbers,
//! lines with something too many, what an error does to the data that follows), memcached 1.6.18 is the reference, since
//! clients have been tried against it; docs/SERVER.md lists where this differs.
//!
//! | file | holds |
//! | --- | --- |
//! | `line` | where a line ends; the words of one |
//! | `number` | numbers, as C's `strtol` reads them |
//! | `refusal` | [`Refusal`]: why a line is not done |
//! | `request` | [`ClientRequest`]: what a line asks for, and why one is refused |
//! | `meta` | [`Meta`]: the flags of meta commands |
//! | [`binary`] | the same of packets of the binary protocol |
//! | `negotiation` | [`Protocol`]: whether a connection sends lines or packets |

pub mod binary;
mod line;
mod meta;
mod negotiation;
mod number;
mod refusal;
mod request;

pub use self::line::{CRLF, Line, MAX_KEY, MOST_LINE, MOST_RETRIEVAL, Words, line};
pub use self::meta::{Command, Meta};
pub use self::negotiation::Protocol;
pub use self::number::{signed, unsigned};
pub use self::refusal::Refusal;
pub use self::request::{Arithmetic, ClientRequest, Retrieval, Storing, request};
