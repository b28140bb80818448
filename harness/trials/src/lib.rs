//! The code that runs in a trial's process, compiled once for all tables: here a table is a [`table::Table`].
//!
//! | module | holds |
//! | --- | --- |
//! | `case`, `mix` | a case: one subject under one workload; how often each operation occurs |
//! | `parameters` | the list of a case's parameters: columns, words, units |
//! | `workload`, `trace` | which operation on which key comes next |
//! | `trial` | a trial: throughput, or latency at a rate |
//! | `conductor`, `turns` | when a trial's workers run; the messages to and from trials that take turns |
//! | `fault`, `pin`, `allocator` | the fault of a trial; binding threads to CPUs; the allocator of a process |
//! | `metric`, `latency`, `clock` | the quantities that are recorded |
//! | `memory`, `compressed` | requests for too much memory; files of text, and compressed ones, which are refused |
//! | `unfinished` | files and folders that appear in one step |
//! | `space`, `aggregate`, `verify` | fills, aggregations and recorded histories |
//! | `cache` | trials of caches |
//! | `server`, `server_load` | the messages to and from a trial of a server; the parameters of its load |
//! | `serve` | a program's `main`: prints its catalogue, or runs the trial that it is told to |

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
