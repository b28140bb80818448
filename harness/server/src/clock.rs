//! A clock that tests move, as the command `debugtime` of a memcached that was built for debugging does.

use std::sync::atomic::{AtomicU64, Ordering};

use cache::time::{Clock, SystemClock};

/// The system's clocks, some seconds later.
#[derive(Debug, Default)]
pub struct MovedClock {
    system: SystemClock,
    later: AtomicU64,
}

impl MovedClock {
    /// Moves both clocks forward.
    pub fn move_by(&self, seconds: u32) {
        // Relaxed, here and below: a number that nothing else hangs on.
        self.later.fetch_add(seconds.into(), Ordering::Relaxed);
    }
}

impl Clock for MovedClock {
    fn steady(&self) -> u64 {
        self.system.steady() + self.later.load(Ordering::Relaxed)
    }

    fn wall(&self) -> u64 {
        self.system.wall() + self.later.load(Ordering::Relaxed)
    }
}
