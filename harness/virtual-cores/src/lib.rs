//! Virtual cores: a program runs on many of them in one thread, in virtual time, over a model of coherent
//! caches.
//!
//! | module | holds |
//! | --- | --- |
//! | `machine`, `written` | [`MachineModel`]: a machine's numbers, each with its source; the text of its file |
//! | `cache` | [`LineCache`]: a set-associative cache |
//! | `memory` | [`CoherentMemory`]: caches and a directory; the cost of an access, and the lines that it invalidates |
//! | `core` | [`Core`]: an interval model of a core |
//! | `lines` | which cache line an address is in |
//! | `spent` | [`CycleStack`]: how cores spend their cycles |
//! | `hot` | which cache lines cores wait for, and in which code |
//! | `cores` | [`run`]: coroutines, scheduled in the exact order of their clocks |
//! | `heaps` | [`will_allocate`], [`will_free`]: an allocator with a heap per core |
//! | `predicted` | [`PredictedRow`]: the row of a prediction |
//!
//! `docs/PREDICTION.md` says what is modelled and what is not.

mod allocator;
mod cache;
mod core;
mod cores;
mod heaps;
mod hot;
mod lines;
mod machine;
mod memory;
mod predicted;
mod spent;
mod written;

pub use self::allocator::{arena_at, keep, kept_block, owns, will_allocate, will_free};
pub use self::cache::LineCache;
pub use self::core::Core;
pub use self::cores::{
    CoreProgram, Event, RunReport, allocated, counts, did, did_at, fence, forget_waits, is_running,
    issued, membarrier, mispredict, now, park, parks, pause, run, spent, turn, unpark, work,
};
pub use self::hot::HotLine;
pub use self::machine::{
    AllocatorModel, LINE, Level, MOST_CORES, MOST_SOCKETS, MachineModel, Number, PublishedCurve,
};
pub use self::memory::{CoherentMemory, Served, ServedFrom, Traffic};
pub use self::predicted::{
    HOT_LINES, HotLineRow, MODEL, OPTIONS, PREDICTED, PREDICTIONS, PredictedRow,
};
pub use self::spent::{CycleStack, Part};
