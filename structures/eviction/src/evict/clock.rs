//! CLOCK: a bit an item, and a new item's bit is clear.
//!
//! F. Corbató, *A Paging Experiment with the Multics System*, MIT Project MAC report MAC-M-384, 1968. An
//! item that is never hit goes when the hand comes to it for the first time, as under FIFO; hits in a
//! turn of the hand give an item one more turn. With a new item's bit clear its hit ratio on
//! independent requests is above that of LRU; with the bit set (`clock_set.rs`) it is below.

use super::hand::{Hand, NewBit};
use crate::theory::Form;

/// CLOCK, where an item begins with its bit clear.
pub type ClockClear = Hand<Clear>;

/// A new item's bit is clear.
#[derive(Debug)]
pub enum Clear {}

impl NewBit for Clear {
    const NAME: &'static str = "clock";
    const FORM: Form = Form::Clock;
    const IS_SET: bool = false;
}
