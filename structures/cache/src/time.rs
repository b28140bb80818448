//! Expiry, and the clock that it goes by, which a test can replace.
//!
//! A cache reads the wall clock once, when it is made; from then on it goes by a steady clock. So a wall
//! clock that is set back, or forward, moves no deadline. As in memcached, time is in whole seconds: an
//! item that expires after one second may do so up to a second early.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::item::LAST_DEADLINE;

/// Where a cache's time comes from.
///
/// A cache may ask while it has a shard's mutex: a clock that uses that cache may wait for ever. An operation
/// in which a clock panics does so too; it has stored nothing, and has left the caller's buffer as it was.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Seconds since some moment, the same for each call; it does not go back.
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
    /// So many seconds from now; 0 is at once.
    After(u32),
    /// At so many seconds since 1970.
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
    pub(crate) fn starting(clock: Arc<dyn Clock>) -> Self {
        let (steady_at_start, wall_at_start) = (clock.steady(), clock.wall());
        Self { clock, steady_at_start, wall_at_start }
    }

    fn now(&self) -> u32 {
        let since = self.clock.steady().saturating_sub(self.steady_at_start);
        up_to_the_last(since)
    }

    /// Whether this deadline has come. Looks at the clock only if there is one.
    #[inline]
    pub(crate) fn has_come(&self, deadline: u32) -> bool {
        deadline != 0 && deadline <= self.now()
    }

    /// The seconds until this deadline, if there is one.
    pub(crate) fn left(&self, deadline: u32) -> Option<u32> {
        (deadline != 0).then(|| deadline.saturating_sub(self.now()))
    }

    /// The deadline of an item that is stored now: 0 is never; `None` if it has come already.
    pub(crate) fn deadline(&self, expiry: Expiry) -> Option<u32> {
        match expiry {
            Expiry::Never => Some(0),
            Expiry::After(0) => None,
            Expiry::After(seconds) => {
                Some(up_to_the_last(u64::from(self.now()) + u64::from(seconds)))
            }
            Expiry::At(second) => {
                let since = second.saturating_sub(self.wall_at_start);
                let deadline = up_to_the_last(since);
                (deadline > self.now()).then_some(deadline)
            }
        }
    }
}

/// The latest deadline there is stands for all that are later.
fn up_to_the_last(seconds: u64) -> u32 {
    seconds.min(u64::from(LAST_DEADLINE)) as u32
}
