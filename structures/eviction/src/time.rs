//! Expiry, and its clock, which a test can replace.
//!
//! A cache reads the wall clock once, when it is made; from then on it uses a monotonic clock. So a wall
//! clock that is set back, or forward, moves no deadline. As in memcached, time is in whole seconds: an
//! item that expires after one second may do so up to a second early.
//!
//! A deadline has 29 bits in an item. For nearly fifteen years after a cache was made they count seconds. Later
//! deadlines are rounded up, by less than a millionth of the time beyond these years: by up to half a minute after
//! one year more. So a cache may be of any age, even one whose clock counts units shorter than a second.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::item::LAST_DEADLINE;

/// The source of a cache's time.
///
/// A cache may call it while it holds a shard's mutex: a clock that uses that cache may wait for ever. An operation
/// in which a clock panics panics too; it has stored nothing, and has left the caller's buffer unchanged.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Seconds since some fixed moment; the value never decreases.
    fn steady(&self) -> u64;

    /// Seconds since 1970 by the clock on the wall, which may be set.
    fn wall(&self) -> u64;
}

/// The system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    began: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn steady(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    fn wall(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}

/// A clock that stands still, for tests.
#[derive(Clone, Copy, Debug)]
pub struct StillClock {
    /// What its steady clock says.
    pub steady: u64,
    /// What its wall clock says.
    pub wall: u64,
}

impl Clock for StillClock {
    fn steady(&self) -> u64 {
        self.steady
    }

    fn wall(&self) -> u64 {
        self.wall
    }
}

/// When an item expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    #[default]
    Never,
    /// This many seconds from now; 0 is at once.
    After(u32),
    /// At this many seconds since 1970.
    At(u64),
}

/// A number up to this is relative: thirty days, in seconds.
const RELATIVE: i64 = 30 * 24 * 60 * 60;

impl Expiry {
    /// What memcached's clients mean by this number: 0 is never, a negative one at once, one of up to
    /// thirty days in seconds from now, a larger one since 1970.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Never,
            ..0 => Self::After(0),
            1..=RELATIVE => Self::After(number as u32),
            _ => Self::At(number.unsigned_abs()),
        }
    }
}

/// A cache's time: seconds since it was made.
#[derive(Clone, Debug)]
pub struct Timer {
    clock: Arc<dyn Clock>,
    steady_at_start: u64,
    wall_at_start: u64,
}

impl Timer {
    /// The time of a cache that is made now.
    #[must_use]
    pub fn starting(clock: Arc<dyn Clock>) -> Self {
        let (steady_at_start, wall_at_start) = (clock.steady(), clock.wall());
        Self { clock, steady_at_start, wall_at_start }
    }

    fn now(&self) -> u64 {
        self.clock.steady().saturating_sub(self.steady_at_start)
    }

    /// Whether this deadline has come; 0 never does. Looks at the clock only if there is one.
    #[inline]
    #[must_use]
    pub fn has_come(&self, deadline: u32) -> bool {
        deadline != 0 && second_of(deadline) <= self.now()
    }

    /// The seconds until this deadline, if there is one.
    pub(crate) fn left(&self, deadline: u32) -> Option<u32> {
        let left = || second_of(deadline).saturating_sub(self.now());
        (deadline != 0).then(|| u32::try_from(left()).unwrap_or(u32::MAX))
    }

    /// The deadline of an item that is stored now: 0 is never; `None` if it has come already.
    #[must_use]
    pub fn deadline(&self, expiry: Expiry) -> Option<u32> {
        match expiry {
            Expiry::Never => Some(0),
            Expiry::After(0) => None,
            Expiry::After(seconds) => Some(coded(self.now().saturating_add(u64::from(seconds)))),
            Expiry::At(second) => {
                let since = second.saturating_sub(self.wall_at_start);
                (since > self.now()).then(|| coded(since))
            }
        }
    }
}

/// Deadlines below this are a second. Those from here on tell what a second has beyond it.
const EXACT: u32 = LAST_DEADLINE + 1 - (1 << 26);

/// Bits of a significand behind its first: the largest number beyond that is exact has one more.
const FRACTION_BITS: u32 = 20;

/// The latest deadline, in seconds; it stands for all that are later.
const LATEST: u64 = 1 << 62;

/// The deadline of this second. What it has beyond [`EXACT`] is a number in floating point, rounded up.
fn coded(second: u64) -> u32 {
    let Some(beyond) = second.min(LATEST).checked_sub(u64::from(EXACT)) else {
        return second as u32;
    };
    let bits = u64::BITS - beyond.leading_zeros();
    let exponent = bits.saturating_sub(FRACTION_BITS + 1);
    // If rounding it up makes it longer, the sum is the number with the next exponent.
    let significand = beyond.div_ceil(1 << exponent) as u32;
    EXACT + (exponent << FRACTION_BITS) + significand
}

/// The second of a deadline.
#[inline]
fn second_of(deadline: u32) -> u64 {
    let Some(beyond) = deadline.checked_sub(EXACT) else { return u64::from(deadline) };
    // A significand has its first bit above the fraction, unless the exponent is 0.
    let exponent = (beyond >> FRACTION_BITS).saturating_sub(1);
    let significand = beyond - (exponent << FRACTION_BITS);
    u64::from(EXACT) + (u64::from(significand) << exponent)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of every length; and many about the first that are rounded.
    fn seconds() -> impl Strategy<Value = u64> {
        let all = (2..u64::BITS, any::<u64>()).prop_map(|(cut, any)| any >> cut);
        let some = 8 << FRACTION_BITS;
        let first = (0_u64..some).prop_map(|more| u64::from(EXACT) - 1000 + more);
        prop_oneof![all, first]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_deadline_is_its_second_rounded_up(second in seconds()) {
            let deadline = coded(second);
            prop_assert!(deadline <= LAST_DEADLINE, "{}", deadline);
            let (told, beyond) = (second_of(deadline), second.saturating_sub(u64::from(EXACT)));
            prop_assert!(told >= second, "{} before {}", told, second);
            prop_assert!(told - second <= beyond >> FRACTION_BITS, "{} for {}", told, second);
        }
    }

    #[test]
    fn the_latest_deadline_is_one() {
        for second in [LATEST - 1, LATEST, LATEST + 1, u64::MAX] {
            assert!(coded(second) <= LAST_DEADLINE && second_of(coded(second)) >= LATEST - 1);
        }
    }
}
