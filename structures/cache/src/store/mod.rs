//! Stores: how an item is found.
//!
//! [`Units`] has items of size 1 without content, to measure policies.

mod units;

pub use self::units::Units;
