//! Operations on a table, one thread at a time, against `std::collections::HashMap`.
//!
//! The bytes choose a table, a hasher and a sequence of operations, with panics planted in the
//! user's code and allocations refused. Every result must be the model's; an operation that
//! panicked or was refused must have had no effect; a table has no more capacity than its entries
//! explain; and all keys and values are dropped once.

mod check;
mod entries;
mod extras;
mod faults;
mod hashing;
mod memory;
mod script;
mod tables;

use self::hashing::{Hashing, Spread};
use self::script::Bytes;
use self::script::Plan;
use self::tables::TABLES;

/// Runs the operations that `data` stands for.
///
/// # Panics
///
/// If the table did what the model did not.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let table = bytes.next() % TABLES;
    let hashing = Hashing { spread: Spread::of(bytes.next()), seed: u64::from(bytes.next()) };
    let capacity = [0, 1, 16, 100, 1000][usize::from(bytes.next()) % 5];
    tables::run(&Plan { table, capacity, hashing, ops: bytes.ops() });
}
