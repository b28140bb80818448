//! What [`update`](super::Cache::update) shows of a key, and what it is told to do.

use std::fmt;

use super::{Found, Options, When};
use crate::item::Item;
use crate::time::{Expiry, Timer};

/// A key that is present, as it is while nobody else may write it.
pub struct Current<'c> {
    found: Found,
    deadline: u32,
    timer: &'c Timer,
    value: Value<'c>,
}

/// Where the value is.
enum Value<'c> {
    InWords(Item<'c>),
    Whole(&'c [u8]),
}

impl<'c> Current<'c> {
    /// That of an item in a chunk.
    pub(super) fn in_words(item: Item<'c>, timer: &'c Timer) -> Self {
        let deadline = item.deadline();
        Self { found: Found::of(item), deadline, timer, value: Value::InWords(item) }
    }

    /// That of an item whose value is in one piece.
    #[must_use]
    pub fn whole(value: &'c [u8], (found, deadline): (Found, u32), timer: &'c Timer) -> Self {
        Self { found, deadline, timer, value: Value::Whole(value) }
    }

    /// What [`get`](super::Cache::get) would find it with.
    #[must_use]
    pub fn found(&self) -> Found {
        self.found
    }

    /// The seconds until it expires, if it does.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u32> {
        self.timer.left(self.deadline)
    }

    /// Appends its value to `out`.
    pub fn value_into(&self, out: &mut Vec<u8>) {
        match self.value {
            Value::InWords(item) => item.value_into(out),
            Value::Whole(value) => out.extend_from_slice(value),
        }
    }
}

/// Without the value.
impl fmt::Debug for Current<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").field("found", &self.found).finish_non_exhaustive()
    }
}

/// What is to be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'v> {
    /// Nothing.
    Nothing,
    /// It is to be absent.
    Remove,
    /// It is to be present.
    Write(Write<'v>),
}

/// What is written. What is not given stays as it is; if the key is absent, the value is then empty, flags and
/// marks are 0, and it never expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Write<'v> {
    /// The value.
    pub value: Option<&'v [u8]>,
    /// The flags.
    pub flags: Option<u32>,
    /// When it expires.
    pub expiry: Option<Expiry>,
    /// The marks: at most [`ALL_MARKS`](crate::item::ALL_MARKS), bits above are dropped.
    pub marks: Option<u8>,
    /// Which CAS number it gets, if the cache keeps them.
    pub cas: NewCas,
    /// Whether the key is absent if this cannot be written: what it has is then not what was to be there last, as
    /// after a set. Otherwise it stays as it is.
    pub or_absent: bool,
}

/// Which CAS number an item gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewCas {
    /// One that none had before, but those that were given; and another one than the key has, whoever gave that.
    #[default]
    Next,
    /// The one that it has; the next if the key is absent.
    Kept,
    /// This one.
    Given(u64),
}

impl<'v> Write<'v> {
    /// What a set writes.
    #[must_use]
    pub fn of(value: &'v [u8], options: Options) -> Self {
        Self {
            value: Some(value),
            flags: Some(options.flags),
            expiry: Some(options.expiry),
            marks: Some(0),
            cas: NewCas::Next,
            or_absent: options.when == When::Always,
        }
    }
}

impl NewCas {
    /// The number of an item that had `old`, after `last`, if the cache keeps any.
    pub fn after(self, last: &mut Option<u64>, old: Option<u64>) -> Option<u64> {
        let last = last.as_mut()?;
        match (self, old) {
            (Self::Given(number), _) => Some(number),
            (Self::Kept, Some(old)) => Some(old),
            _ => {
                *last += 1;
                // The next one may be that which the key was given: who has read it must see that this is written.
                *last += u64::from(old == Some(*last));
                Some(*last)
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// A key that is written again and again, with numbers given that the count comes by.
        #[test]
        fn a_write_changes_the_number(given in vec(of(0_u64..20), 1..50)) {
            let (mut last, mut now, mut counted) = (Some(0), None, 0);
            for given in given {
                let new = given.map_or(NewCas::Next, NewCas::Given).after(&mut last, now);
                if given.is_some() {
                    prop_assert_eq!(new, given);
                } else {
                    prop_assert!(new != now && new > Some(counted), "{:?} after {:?}", new, now);
                    counted = new.unwrap();
                }
                prop_assert_eq!(NewCas::Kept.after(&mut last, new), new);
                now = new;
            }
        }
    }
}
