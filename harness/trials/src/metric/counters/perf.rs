//! By Linux' perf events. The counters are opened before the table is made, so that every thread of
//! the trial inherits them, and count user code from [`Counters::start`] to [`Counters::stop`]. Each
//! is there or absent by itself.

use std::fs;
use std::io;

use perf_event::events::{Cache, CacheId, CacheOp, CacheResult, Event, Hardware};
use perf_event::{Builder, CountAndTime, Counter};

use super::{COUNTERS, Counts};

/// The counters of this process, in the order of [`COUNTERS`].
#[derive(Debug)]
pub struct Counters([io::Result<Counter>; 3]);

impl Counters {
    /// Opens them; they do not count yet. Threads that are started from here on are counted too.
    #[must_use]
    pub fn open() -> Self {
        let misses =
            Cache { which: CacheId::LL, operation: CacheOp::READ, result: CacheResult::MISS };
        Self([open(Hardware::INSTRUCTIONS), open(Hardware::CPU_CYCLES), open(misses)])
    }

    /// Begins to count.
    pub fn start(&mut self) {
        for counter in self.0.iter_mut().flatten() {
            // One that does not count reads 0 of no time, which is absent.
            let _ = counter.enable();
        }
    }

    /// Ends counting, and reads.
    pub fn stop(&mut self) -> Counts {
        for counter in self.0.iter_mut().flatten() {
            let _ = counter.disable();
        }
        let [instructions, cycles, llc_misses] = self.0.each_mut().map(|counter| {
            let counter = counter.as_mut().ok()?;
            whole(counter.read_count_and_time().ok()?)
        });
        Counts { instructions, cycles, llc_misses }
    }

    /// Why some are absent, in a line; `None` if all are there.
    #[must_use]
    pub fn absent(&self) -> Option<String> {
        let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
        for (counter, name) in self.0.iter().zip(COUNTERS) {
            let Err(error) = counter else { continue };
            let why = why(error, paranoid());
            match reasons.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, names)) => names.push(name),
                None => reasons.push((why, vec![name])),
            }
        }
        let in_words = reasons.iter().map(|(why, names)| format!("no {}: {why}", names.join(", ")));
        (!reasons.is_empty()).then(|| in_words.collect::<Vec<_>>().join("; "))
    }
}

fn open(event: impl Event) -> io::Result<Counter> {
    Builder::new(event).inherit(true).build()
}

/// The count, scaled up if the CPU had to share its counters among more events than it has; `None`
/// if it never counted.
fn whole(CountAndTime { count, time_enabled, time_running }: CountAndTime) -> Option<f64> {
    (time_running > 0).then(|| count as f64 * (time_enabled as f64 / time_running as f64))
}

/// What an error of opening says of the machine.
fn why(error: &io::Error, paranoid: Option<String>) -> String {
    use nix::errno::Errno;
    let Some(number) = error.raw_os_error() else { return error.to_string() };
    match Errno::from_raw(number) {
        Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP | Errno::EINVAL => {
            "the kernel offers no such counter of this CPU (a virtual machine has them only if its \
             host passes them on)"
                .to_owned()
        }
        Errno::EPERM | Errno::EACCES => {
            let paranoid = paranoid.unwrap_or_else(|| "unknown".to_owned());
            format!(
                "the kernel forbids it to this process (kernel.perf_event_paranoid is {paranoid}; up \
                 to 2 allows it, unless a container's seccomp profile does not)"
            )
        }
        Errno::ENOSYS => "this kernel, or the sandbox, has no perf events".to_owned(),
        _ => error.to_string(),
    }
}

fn paranoid() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::sync::Barrier;
    use std::thread;

    use perf_event::events::Software;

    use super::*;

    const MEGABYTE: usize = 1 << 20;

    /// Touches new pages: a page fault for each, or, where pages are huge, for each 2 MB.
    fn fault() {
        let mut pages = vec![0_u8; 64 * MEGABYTE];
        pages.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        black_box(pages);
    }

    #[test]
    fn threads_are_counted_from_start_to_stop() {
        // Page faults, since they are there where the CPU's own counters are not.
        let counter = || open(Software::PAGE_FAULTS);
        let mut counters = Counters([counter(), counter(), Err(io::Error::other("left out"))]);
        assert!(counters.absent().is_some_and(|why| why.contains("no llc_misses: left out")));
        if counters.0[0].is_err() {
            let why = counters.absent().expect("a reason");
            assert!(why.starts_with("no instructions, cycles: "), "{why}");
            return;
        }
        let barrier = Barrier::new(2);
        let counts = thread::scope(|scope| {
            // Started before the counters are, as workers are.
            scope.spawn(|| {
                fault();
                barrier.wait();
                barrier.wait();
                fault();
                barrier.wait();
                barrier.wait();
                fault();
            });
            barrier.wait();
            counters.start();
            barrier.wait();
            barrier.wait();
            let counts = counters.stop();
            barrier.wait();
            counts
        });
        let faults = counts.instructions.expect("it was opened");
        assert!((32.0..30_000.0).contains(&faults), "{faults} in one of three times 64 MB");
        assert_eq!((counts.cycles.is_some(), counts.llc_misses), (true, None));
        // What happened after the end was not counted.
        assert_eq!(counters.stop().instructions, Some(faults));
        counters.0[2] = counter();
        counters.start();
        let nothing = counters.stop().llc_misses.expect("it was opened");
        assert!(nothing < 32.0, "{nothing} faults while nothing was touched");
    }

    #[test]
    fn shared_counters_are_scaled_and_what_never_counted_is_absent() {
        let read = |count, time_enabled, time_running| {
            whole(CountAndTime { count, time_enabled, time_running })
        };
        assert_eq!(read(10, 100, 100), Some(10.0));
        assert_eq!(read(10, 100, 25), Some(40.0));
        assert_eq!(read(0, 100, 0), None);
        assert_eq!(read(0, 100, 100), Some(0.0));
    }

    #[test]
    fn reasons_are_told_apart() {
        let why = |errno: nix::errno::Errno, paranoid: Option<&str>| {
            let error = io::Error::from_raw_os_error(errno as i32);
            super::why(&error, paranoid.map(str::to_owned))
        };
        assert!(why(nix::errno::Errno::ENOENT, None).contains("virtual machine"));
        assert!(why(nix::errno::Errno::EACCES, Some("3")).contains("perf_event_paranoid is 3"));
        assert!(why(nix::errno::Errno::EPERM, None).contains("is unknown"));
        assert!(why(nix::errno::Errno::ENOSYS, None).contains("no perf events"));
        assert!(why(nix::errno::Errno::EMFILE, None).contains("Too many open files"));
    }
}
