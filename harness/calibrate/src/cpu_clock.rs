//! A thread's clock of CPU time, which other threads can read: it tells when the thread went to sleep, and whether it
//! had its CPU all the time.

/// A thread's clock of CPU time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuClock(i32);

impl CpuClock {
    /// That of the calling thread.
    pub(crate) fn own() -> Self {
        Self(system::own())
    }

    /// How long its thread has run so far, ns; no number where the system has no such clock, or the thread has ended.
    pub(crate) fn ns(self) -> f64 {
        system::ns(self.0).unwrap_or(f64::NAN)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use nix::time::ClockId;
    use nix::unistd::gettid;

    /// That a clock is a thread's, and no process's …
    const OF_A_THREAD: i32 = 0b100;
    /// … and counts while it runs, in the kernel as well.
    const WHILE_IT_RUNS: i32 = 0b010;

    /// The number of the clock: as the kernel makes it of the thread's, and `pthread_getcpuclockid(3)` tells it.
    pub(super) fn own() -> i32 {
        (!gettid().as_raw() << 3) | OF_A_THREAD | WHILE_IT_RUNS
    }

    pub(super) fn ns(clock: i32) -> Option<f64> {
        let time = ClockId::from_raw(clock).now().ok()?;
        Some(time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn own() -> i32 {
        0
    }

    pub(super) fn ns(_clock: i32) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};
    use std::thread;

    use trials::metric::thread_cpu_seconds;

    use super::*;

    /// The calling thread's CPU time so far, ns, by another clock.
    fn ran() -> f64 {
        thread_cpu_seconds().expect("Linux tells") * 1e9
    }

    /// What a thread reads is the clock of the other, which has run for longer.
    #[test]
    #[cfg_attr(not(target_os = "linux"), ignore = "only Linux has such clocks")]
    fn a_threads_clock_is_read_by_another() {
        let least = ran() + 1e7;
        let told = Mutex::new(None);
        let (has_worked, is_read) = (Barrier::new(2), Barrier::new(2));
        let work = || {
            while ran() < least {}
            *told.lock().expect("nobody panics") = Some((CpuClock::own(), ran()));
            has_worked.wait();
            is_read.wait();
            ran()
        };
        let (read, before, after) = thread::scope(|scope| {
            let worker = scope.spawn(work);
            has_worked.wait();
            let (clock, before) = told.lock().expect("nobody panics").expect("it has told");
            let read = clock.ns();
            is_read.wait();
            (read, before, worker.join().expect("it does not panic"))
        });
        // To the microsecond, as seconds in a float are.
        assert!(before - 1e3 <= read && read <= after + 1e3, "{read}: from {before} to {after}");
    }
}
