//! A memcached that can be taken apart: memcached's protocols over the caches of `structures/cache`.
//!
//! docs/SERVER.md says how to use it, and where it differs from memcached.
//!
//! | module | holds |
//! | --- | --- |
//! | `protocol` | what a command line asks for, or a packet: pure functions of bytes |
//! | `caches` | stores and policies by name |
//! | `tally` | what a worker counts |
//! | `clock` | a clock that tests move |
//! | `service` | what all connections share |
//! | `conversation` | a connection without its socket: bytes in, bytes out |
//! | `net` | sockets: an acceptor, and an event loop a worker |
//! | `descriptors` | how many sockets a process may have open |
//! | `flags` | the flags of `bench serve` |
//! | `floor` | a server that answers each command with a constant |
//! | `load` | `bench load`: requests for a server, and a check of every value |
//! | `trial` | a trial of a server, memcached's included |
//!
//! None uses what is below it. No code here is `unsafe`.

#![forbid(unsafe_code)]

pub mod caches;
pub mod clock;
pub mod conversation;
pub mod descriptors;
pub mod flags;
pub mod floor;
pub mod load;
pub mod net;
pub mod protocol;
pub mod service;
pub mod tally;
pub mod trial;
