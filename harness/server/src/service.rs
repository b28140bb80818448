//! What all connections of a server share: the cache, settings, counts, memory for what is in transit.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cache::store::{Config, ConfigError};
use cache::time::Clock;
use mio::Waker;

use crate::caches::{self, Access, AnyCache};
use crate::clock::MovedClock;
use crate::protocol::Protocol;
use crate::tally::{ServerCount, Tallies};

/// How a server behaves, but for its sockets.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The store's name.
    pub store: String,
    /// The policy's name.
    pub eviction: String,
    /// The bound of item memory, in bytes.
    pub bytes: usize,
    /// The longest value, in bytes.
    pub max_value: usize,
    /// Event loops.
    pub threads: usize,
    /// Connections at a time, at most.
    pub connections: usize,
    /// Whether `flush_all` is obeyed.
    pub flushes: bool,
    /// Whether `shutdown` is obeyed.
    pub shuts_down: bool,
    /// Which protocol is spoken.
    pub protocol: Protocol,
    /// Whether each reply is written by itself.
    pub writes_each: bool,
    /// Bytes that requests and replies in transit may take, all connections together.
    pub transit: usize,
}

/// A server's part that is no socket.
#[derive(Debug)]
pub struct Service {
    /// As it was made.
    pub settings: Settings,
    cache: Box<dyn AnyCache>,
    /// Whether its items have CAS numbers.
    has_cas: bool,
    /// The cache's.
    clock: Arc<dyn Clock>,
    /// What its wall clock and its steady clock said when the server was made.
    clocks_at_start: (u64, u64),
    /// The same clock, if `debugtime` may move it.
    moved: Option<Arc<MovedClock>>,
    counts: Box<[Tallies]>,
    /// What was counted when `stats reset` was asked for last.
    counted: Mutex<[u64; ServerCount::ALL.len()]>,
    /// When everything is to be deleted.
    flush_due: Mutex<Option<Instant>>,
    /// Connections that there are.
    pub current: AtomicUsize,
    /// Connections that there were.
    pub accepted: AtomicU64,
    /// Connections that were one too many.
    pub rejected: AtomicU64,
    /// Bytes in transit.
    pub transit: Transit,
    stopping: AtomicBool,
    /// Wakes who lets connections in, flushes when that is due, and tells workers to stop.
    waker: OnceLock<Waker>,
}

/// Bytes of requests and replies that connections hold, beyond the little that each may have.
#[derive(Debug, Default)]
pub struct Transit {
    bytes: AtomicUsize,
    most: usize,
}

impl Transit {
    /// Whether no more may be taken.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        // Relaxed, here and below: a sum that nothing else hangs on. Who is late overshoots by what a worker
        // does between two looks.
        self.bytes.load(Ordering::Relaxed) >= self.most
    }

    /// A connection that held `before` bytes holds `now`.
    pub fn change(&self, before: usize, now: usize) {
        if now > before {
            self.bytes.fetch_add(now - before, Ordering::Relaxed);
        } else if now < before {
            self.bytes.fetch_sub(before - now, Ordering::Relaxed);
        }
    }

    /// Bytes that are held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these guard is whole after each statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    /// A server over a cache that is made as `config` says.
    ///
    /// # Errors
    ///
    /// There can be none of these sizes.
    ///
    /// # Panics
    ///
    /// If there is no store, or no policy, with the name in `settings`.
    pub fn new(config: &Config, settings: Settings) -> Result<Self, ConfigError> {
        let make = caches::named(&settings.store, &settings.eviction);
        let cache = make.expect("there is a cache with these names")(config)?;
        Ok(Self {
            counts: (0..settings.threads).map(|_| Tallies::default()).collect(),
            transit: Transit { bytes: AtomicUsize::new(0), most: settings.transit },
            settings,
            cache,
            has_cas: config.cas,
            clock: config.clock.clone(),
            clocks_at_start: (config.clock.wall(), config.clock.steady()),
            moved: None,
            counted: Mutex::new([0; ServerCount::ALL.len()]),
            flush_due: Mutex::new(None),
            current: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            waker: OnceLock::new(),
        })
    }

    /// Lets `debugtime` move this clock, which is the cache's.
    #[must_use]
    pub fn moved_by(self, clock: Arc<MovedClock>) -> Self {
        Self { moved: Some(clock), ..self }
    }

    /// Moves the clock forward, if it may be; whether it may. A flush that is to come comes so much sooner.
    pub fn move_time(&self, seconds: u32) -> bool {
        let is_moved = self.moved.as_ref().inspect(|clock| clock.move_by(seconds)).is_some();
        if is_moved {
            let sooner = Duration::from_secs(seconds.into());
            if let Some(due) = lock(&self.flush_due).as_mut() {
                *due = due.checked_sub(sooner).unwrap_or(*due);
            }
            // Who waits for the flush waits for less now.
            self.wake();
        }
        is_moved
    }

    /// What worker `number` works with.
    ///
    /// # Panics
    ///
    /// If there is no such worker.
    #[must_use]
    pub fn desk(&self, number: usize) -> Desk<'_> {
        Desk {
            service: self,
            counts: &self.counts[number],
            handle: self.cache.handle(),
            value: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// What the cache has.
    #[must_use]
    pub fn cache(&self) -> &dyn AnyCache {
        &*self.cache
    }

    /// Whether items have CAS numbers.
    #[must_use]
    pub fn has_cas(&self) -> bool {
        self.has_cas
    }

    /// Seconds since the server was made, by the cache's clock.
    #[must_use]
    pub fn uptime(&self) -> u64 {
        let (_, steady) = self.clocks_at_start;
        self.clock.steady().saturating_sub(steady)
    }

    /// Seconds since 1970. As the cache, it reads the wall clock once: one that is set later moves no time.
    #[must_use]
    pub fn wall(&self) -> u64 {
        let (wall, _) = self.clocks_at_start;
        wall + self.uptime()
    }

    /// The seconds until this second since 1970; 0 if it has come.
    #[must_use]
    pub fn until(&self, second: u64) -> u32 {
        u32::try_from(second.saturating_sub(self.wall())).unwrap_or(u32::MAX)
    }

    /// Of all workers, since the last reset.
    #[must_use]
    pub fn count(&self, count: ServerCount) -> u64 {
        // Locked first: a sum from before a reset may be less than what was counted then.
        let counted = lock(&self.counted);
        self.sum(count) - counted[count as usize]
    }

    fn sum(&self, count: ServerCount) -> u64 {
        self.counts.iter().map(|counts| counts.get(count)).sum()
    }

    /// Tallies from 0 on.
    pub fn reset(&self) {
        let mut counted = lock(&self.counted);
        for (count, _) in ServerCount::ALL {
            counted[count as usize] = self.sum(count);
        }
    }

    /// Lets everything be deleted after so many seconds. A later call counts instead of this one.
    pub fn flush_after(&self, seconds: u32) {
        *lock(&self.flush_due) = Some(Instant::now() + Duration::from_secs(seconds.into()));
    }

    /// Takes a flush back that was to come.
    pub fn flush_no_more(&self) {
        *lock(&self.flush_due) = None;
    }

    /// How long it is until everything is to be deleted, if it is.
    #[must_use]
    pub fn until_flush(&self) -> Option<Duration> {
        let due = *lock(&self.flush_due);
        due.map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// Whether everything is to be deleted now, which the caller then does.
    pub fn take_flush(&self) -> bool {
        lock(&self.flush_due).take_if(|due| *due <= Instant::now()).is_some()
    }

    /// Asks the server to stop: it answers what it has been asked, and no more.
    pub fn stop(&self) {
        // Release, pairs with `is_stopping`: who sees it sees what was done before.
        self.stopping.store(true, Ordering::Release);
        self.wake();
    }

    /// Wakes who lets connections in, if that has begun.
    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            // A full pipe wakes as well.
            let _ = waker.wake();
        }
    }

    /// Lets the service wake a thread by this. The first one counts.
    pub(crate) fn wakes_by(&self, waker: Waker) {
        let _ = self.waker.set(waker);
    }

    /// Whether the server is to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        // Acquire, pairs with `stop`.
        self.stopping.load(Ordering::Acquire)
    }
}

/// What a worker does its connections' work with.
#[allow(
    missing_debug_implementations,
    reason = "a handle is a thread's way into a cache, whichever it is"
)]
pub struct Desk<'s> {
    /// The server.
    pub service: &'s Service,
    /// The worker's counts.
    pub counts: &'s Tallies,
    /// The worker's way into the cache.
    pub handle: Box<dyn Access + 's>,
    /// Room for a value that is read.
    pub(crate) value: Vec<u8>,
    /// Room for a value that is written.
    pub(crate) buffer: Vec<u8>,
}

impl Desk<'_> {
    /// Gives room back that only large values need.
    pub fn tidy(&mut self) {
        for room in [&mut self.value, &mut self.buffer] {
            room.clear();
            room.shrink_to(SMALL);
        }
    }
}

/// What a buffer may keep, in bytes.
pub(crate) const SMALL: usize = 16 << 10;
