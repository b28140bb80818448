//! CPU time.

use nix::time::{ClockId, clock_gettime};

/// CPU time of the whole process so far, threads that have ended included.
#[must_use]
pub fn process_cpu_seconds() -> Option<f64> {
    seconds(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPU time of the calling thread so far.
#[must_use]
pub fn thread_cpu_seconds() -> Option<f64> {
    seconds(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

fn seconds(clock: ClockId) -> Option<f64> {
    let time = clock_gettime(clock).ok()?;
    Some(time.tv_sec() as f64 + time.tv_nsec() as f64 * 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() {
        let start = thread_cpu_seconds().expect("there is a clock");
        while thread_cpu_seconds().expect("there is a clock") < start + 0.02 {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_thread_counts_its_own_time_and_the_process_everyones() {
        let own = thread_cpu_seconds().expect("there is a clock");
        let all = process_cpu_seconds().expect("there is a clock");
        std::thread::spawn(work).join().expect("the thread ends");
        // Waiting costs less than the work that was waited for.
        assert!(thread_cpu_seconds().expect("there is a clock") - own < 0.015);
        assert!(process_cpu_seconds().expect("there is a clock") - all >= 0.02);
    }
}
