//! The clock of a recorded round and of an open-loop trial: it must be cheap, must not make threads
//! wait for each other as a shared counter would, and must not go backwards from one CPU to the next.

#[cfg(target_arch = "x86_64")]
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(target_arch = "x86_64")]
use std::thread;
use std::time::{Duration, Instant};

#[cfg(target_arch = "x86_64")]
use crate::pin::Cpus;

/// How long the clock is compared with the system's to learn its rate. Both are read within tens of
/// nanoseconds, so the rate is known to a few millionths.
const COMPARED: Duration = Duration::from_millis(20);

/// What tells the time of a round.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The CPU's time stamp counter, read between fences.
    #[cfg(target_arch = "x86_64")]
    TimeStampCounter,
    /// The system's monotonic clock, from this time on.
    Monotonic(Instant),
}

impl Clock {
    /// The time stamp counter where it runs at a constant rate and was seen to agree between the
    /// CPUs that the process may use; otherwise the system's clock.
    #[must_use]
    pub fn choose() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_invariant() && agrees_between_cpus() {
            return Self::TimeStampCounter;
        }
        Self::monotonic()
    }

    /// The system's clock.
    #[must_use]
    pub fn monotonic() -> Self {
        Self::Monotonic(Instant::now())
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::TimeStampCounter => "time stamp counter",
            Self::Monotonic(_) => "monotonic clock",
        }
    }

    /// Nanoseconds of a tick, as the system's clock has them.
    #[must_use]
    pub fn nanos_per_tick(self) -> f64 {
        if matches!(self, Self::Monotonic(_)) {
            return 1.0;
        }
        let (first, from) = self.beside_the_systems();
        std::thread::sleep(COMPARED);
        let (last, to) = self.beside_the_systems();
        (to - from).as_nanos() as f64 / (last - first) as f64
    }

    /// One moment by both clocks: of several readings the one that was interrupted least.
    fn beside_the_systems(self) -> (u64, Instant) {
        let read = |_| {
            let (before, at, after) = (self.now(), Instant::now(), self.now());
            (after - before, before.midpoint(after), at)
        };
        let (_, ticks, at) =
            (0..16).map(read).min_by_key(|reading| reading.0).expect("16 readings");
        (ticks, at)
    }

    /// The time at which an operation has returned: its stores have left the CPU's store buffer,
    /// so that every thread sees them.
    #[inline(always)]
    #[must_use]
    pub fn after_stores(self) -> u64 {
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
        self.now()
    }

    /// The time in ticks: not before what precedes the call in program order has been done, and
    /// before anything that follows it begins. Stores that precede it may still be on their way.
    #[inline(always)]
    #[must_use]
    pub fn now(self) -> u64 {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::TimeStampCounter => time_stamp(),
            Self::Monotonic(start) => start.elapsed().as_nanos() as u64,
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn time_stamp() -> u64 {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};
    // SAFETY: x86-64 has SSE2.
    unsafe { _mm_lfence() };
    // SAFETY: x86-64 has the instruction; a system that forbids it to programs kills the process.
    let ticks = unsafe { _rdtsc() };
    // SAFETY: x86-64 has SSE2.
    unsafe { _mm_lfence() };
    ticks
}

/// Whether the counter runs at one rate, whatever the CPU's frequency and sleep.
#[cfg(target_arch = "x86_64")]
fn is_invariant() -> bool {
    use std::arch::x86_64::__cpuid;
    const POWER: u32 = 0x8000_0007;
    const INVARIANT_TSC: u32 = 1 << 8;
    __cpuid(0x8000_0000).eax >= POWER && __cpuid(POWER).edx & INVARIANT_TSC != 0
}

/// Whether no CPU reads an earlier time than another CPU has read before it.
#[cfg(target_arch = "x86_64")]
fn agrees_between_cpus() -> bool {
    const READINGS: usize = 2_000;
    let Ok(cpus) = Cpus::allowed() else { return false };
    // std's atomics, as this is no part of any table.
    let (latest, agrees) = (AtomicU64::new(0), AtomicBool::new(true));
    let compare = |cpu: usize| {
        let bound = cpus.bind(cpu).is_ok();
        for _ in 0..READINGS {
            // Acquire: pairs with the Release below: that reading came before ours.
            let before = latest.load(Ordering::Acquire);
            let now = time_stamp();
            if !bound || now < before {
                // Relaxed: read after the threads have been joined.
                agrees.store(false, Ordering::Relaxed);
            }
            // Release: pairs with the Acquire above.
            latest.fetch_max(now, Ordering::Release);
        }
    };
    thread::scope(|scope| {
        for cpu in 0..cpus.len() {
            let compare = &compare;
            scope.spawn(move || compare(cpu));
        }
    });
    agrees.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_goes_backwards_or_stands_still() {
        for clock in [Clock::choose(), Clock::monotonic()] {
            let readings: Vec<u64> = (0..1000).map(|_| clock.now()).collect();
            assert!(readings.is_sorted(), "{}", clock.name());
            std::thread::sleep(Duration::from_millis(1));
            assert!(clock.now() > readings[0], "{}", clock.name());
        }
    }

    #[test]
    fn ticks_are_converted_to_the_systems_nanoseconds() {
        let clock = Clock::choose();
        let nanos = clock.nanos_per_tick();
        let (started, first) = (Instant::now(), clock.now());
        std::thread::sleep(Duration::from_millis(20));
        let (last, took) = (clock.now(), started.elapsed());
        // The clock's two readings lie between the system's.
        let measured = (last - first) as f64 * nanos;
        assert!(measured <= took.as_nanos() as f64 * 1.001, "{measured} ns of {took:?}");
        assert!(measured >= 20e6 * 0.999, "{measured} ns of at least 20 ms");
        assert_eq!(Clock::monotonic().nanos_per_tick(), 1.0);
    }
}
