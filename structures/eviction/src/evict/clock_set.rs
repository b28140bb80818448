//! CLOCK as in MemC3: a bit an item, and a new item's bit is set.
//!
//! B. Fan, D. Andersen, M. Kaminsky, *MemC3: Compact and Concurrent MemCache with Dumber Caching and
//! Smarter Hashing*, NSDI 2013, section "Concurrent Cache Management": an update sets the bit, and so, in
//! the authors' code, does the insertion that an eviction makes room for. So an item that is never hit
//! stays for up to two turns of the hand, which costs more than it brings: `clock.rs` has the other way.

use super::hand::{Hand, NewBit};
use crate::theory::Form;

/// CLOCK, where an item begins with its bit set: MemC3's.
pub type ClockSet = Hand<Set>;

/// A new item's bit is set.
#[derive(Debug)]
pub enum Set {}

impl NewBit for Set {
    const NAME: &'static str = "clock-set";
    const FORM: Form = Form::ClockSet;
    const IS_SET: bool = true;
}
