//! CPU time that a process uses while it should sleep.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{process_cpu_seconds, thread_cpu_seconds};

/// The share of the time that it counts which a process may work in its sleep besides. Of the sleep itself, which is
/// as many times longer as others are alive, it would be a large part of a table's work.
const SHARE: f64 = 0.01;
/// What it may work besides in each sleep, in seconds: the last worker is still on its way to bed.
const EACH: f64 = 1e-4;
/// And in all of them together, in seconds: an interruption of the machine is counted to whom it interrupts. Of a
/// trial of a tenth of a second it would be too much otherwise.
const ONCE: f64 = 2e-3;

/// How a process has slept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asleep {
    /// Sleeps.
    pub times: u64,
    /// All of them together.
    pub seconds: f64,
    /// CPU time of its threads meanwhile, but for the one that waits for the end of the sleep; `None` if
    /// there was no clock for it.
    pub cpu_seconds: Option<f64>,
}

impl Asleep {
    /// Adds a sleep.
    pub fn add(&mut self, sleep: Self) {
        let used = if self.times == 0 { Some(0.0) } else { self.cpu_seconds };
        self.cpu_seconds = used.zip(sleep.cpu_seconds).map(|(all, one)| all + one);
        self.times += sleep.times;
        self.seconds += sleep.seconds;
    }

    /// What is wrong if it was awake: it took its time from those whose turn it was, and what it did in that time is
    /// in no rate. Of a process that counts so many seconds and has nothing to do but its trial.
    #[must_use]
    pub fn complaint(&self, counted: f64) -> Option<String> {
        let used = self.cpu_seconds?;
        let allowed = SHARE * counted + EACH * self.times as f64 + ONCE;
        (used > allowed).then(|| {
            format!(
                "it used {used:.6} s of CPU time in the {:.6} s in which it should have slept, and counts \
                 {counted:.6} s; a table whose own threads work by themselves is measured with `turns = false`",
                self.seconds
            )
        })
    }
}

/// The clocks when a sleep began.
#[derive(Debug)]
pub struct Sleep {
    began: Instant,
    process: Option<f64>,
    own: Option<f64>,
}

impl Sleep {
    /// All threads but the calling one sleep from now on.
    #[must_use]
    pub fn begin() -> Self {
        // Between readings of the own clock lie those of the process's, so that what interrupts this thread between
        // two readings is not counted as work of the others.
        let own = thread_cpu_seconds();
        Self { process: process_cpu_seconds(), own, began: Instant::now() }
    }

    /// They did until now.
    #[must_use]
    pub fn end(&self) -> Asleep {
        let seconds = self.began.elapsed().as_secs_f64();
        let since = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        let all = since(process_cpu_seconds(), self.process);
        let own = since(thread_cpu_seconds(), self.own);
        let cpu_seconds = all.zip(own).map(|(all, own)| (all - own).max(0.0));
        Asleep { times: 1, seconds, cpu_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asleep(times: u64, seconds: f64, cpu_seconds: f64) -> Asleep {
        Asleep { times, seconds, cpu_seconds: Some(cpu_seconds) }
    }

    #[test]
    fn a_sleeper_that_burns_cpu_is_caught() {
        assert_eq!(asleep(10, 2.0, 0.0).complaint(2.0), None);
        assert_eq!(asleep(10, 2.0, 0.0229).complaint(2.0), None);
        let said = asleep(10, 2.0, 0.0231).complaint(2.0).unwrap();
        assert!(said.contains("0.023100 s of CPU time in the 2.000000 s"), "{said}");
        let unknown = Asleep { cpu_seconds: None, ..asleep(1, 1.0, 0.0) };
        assert_eq!(unknown.complaint(1.0), None);
    }

    /// Whoever sleeps while many others have their turns may do no more of its work meanwhile.
    #[test]
    fn how_long_it_sleeps_allows_nothing() {
        let allowed = |slept: f64, counted: f64| {
            let steps = (0..100_000).map(|step| f64::from(step) * 1e-6);
            steps.take_while(|used| asleep(10, slept, *used).complaint(counted).is_none()).last()
        };
        let one = allowed(0.1, 0.1).expect("some");
        assert!((one - 0.004).abs() < 1e-5, "{one}: 1 ms of 0.1 s, 1 ms of ten sleeps, and 2 ms");
        assert_eq!(allowed(2.3, 0.1), Some(one), "with 23 others");
        assert!(allowed(0.1, 0.2) > Some(one));
    }

    #[test]
    fn sleeps_add_up_and_one_unknown_makes_the_sum_unknown() {
        let mut all = Asleep::default();
        all.add(asleep(1, 0.5, 0.25));
        all.add(asleep(1, 1.0, 0.5));
        assert_eq!(all, asleep(2, 1.5, 0.75));
        all.add(Asleep { cpu_seconds: None, ..asleep(1, 1.0, 0.0) });
        all.add(asleep(1, 1.0, 0.0));
        assert_eq!((all.times, all.cpu_seconds), (4, None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn other_threads_are_seen_and_the_one_that_waits_is_not() {
        let burn = || {
            let start = thread_cpu_seconds().expect("there is a clock");
            while thread_cpu_seconds().expect("there is a clock") < start + 0.02 {
                std::hint::spin_loop();
            }
        };
        let sleep = Sleep::begin();
        std::thread::spawn(burn).join().expect("the thread ends");
        let seen = sleep.end();
        assert!(seen.cpu_seconds.expect("there is a clock") >= 0.0199, "{seen:?}");
        assert!(seen.seconds >= 0.0199, "{seen:?}");
    }
}
