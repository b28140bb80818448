//! A server of memcached's protocols over the caches of `structures/cache`, in parts that can be tested separately.
//!
//! docs/SERVER.md says how to use it, and where it differs from memcached.
//!
//! | module | holds |
//! | --- | --- |
//! | `protocol` | parses a command line or a packet: pure functions of bytes |
//! | `caches` | stores and policies by name |
//! | `tally` | the counts of a worker |
//! | `clock` | a clock that tests can set |
//! | `service` | the state that all connections share |
//! | `conversation` | a connection without its socket: bytes in, bytes out |
//! | `net` | sockets: an acceptor, and an event loop per worker |
//! | `descriptors` | how many sockets a process may have open |
//! | `flags` | the flags of `bench serve` |
//! | `floor` | a server that answers each command with a constant |
//! | `load` | `bench load`: requests for a server, and a check of every value |
//! | `trial` | a trial of a server, memcached's included |
//!
//! No module uses one below it in this table. No code here is `unsafe`.

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
