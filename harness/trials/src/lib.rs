//! All that happens in a trial's process, compiled once for all tables: a table is a [`table::Table`] here.
//!
//! | module | holds |
//! | --- | --- |
//! | `case`, `mix` | a case: one subject under one workload; how often each operation occurs |
//! | `parameters` | the list of a case's parameters: columns, words, units |
//! | `workload`, `trace` | which operation on which key comes next |
//! | `trial` | a trial: throughput, or latency at a rate |
//! | `conductor`, `turns` | when its workers work; trials that take turns: what they are told, and say |
//! | `fault`, `pin`, `allocator` | what goes wrong; binding threads to CPUs; the allocator of a process |
//! | `metric`, `latency`, `clock` | what is recorded |
//! | `memory`, `compressed` | what does not fit; files of text, and what is none |
//! | `unfinished` | files and folders that are made in one step |
//! | `space`, `aggregate`, `verify` | fills, aggregations and recorded histories |
//! | `cache` | trials of caches |
//! | `server`, `server_load` | what a trial of a server is told, and answers; how a load asks |
//! | `serve` | a program's `main`: says its catalogue, and runs what it is told |

pub mod aggregate;
pub mod allocator;
pub mod cache;
pub mod case;
pub mod clock;
pub mod compressed;
pub mod conductor;
pub mod fault;
pub mod latency;
pub mod memory;
pub mod metric;
pub mod mix;
pub mod parameters;
pub mod pin;
pub mod serve;
pub mod server;
pub mod server_load;
pub mod space;
pub mod trace;
pub mod trial;
pub mod turns;
pub mod unfinished;
pub mod verify;
pub mod workload;
