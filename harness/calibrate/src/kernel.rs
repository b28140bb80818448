//! What the system's kernel does for threads: sleep and wake, and `membarrier(2)`.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use anyhow::Context;
use trials::metric::thread_cpu_seconds;
use trials::pin::Cpus;

use crate::alone::step;
use crate::pair::wait_until;
use crate::place::Pair;
use crate::suite::{Batches, Measuring, each};

/// How long a sleeper is left alone, so that it sleeps when it is woken.
const ASLEEP: Duration = Duration::from_micros(50);
/// Calls of `membarrier` in a batch, and how long before each there is none: most of the time, so that who is
/// interrupted works most of the time.
const CALLS: usize = 10;
const APART: Duration = Duration::from_micros(20);
/// Steps of a piece of the work that is interrupted: some tens of nanoseconds.
const STEPS: usize = 50;

pub(crate) fn measurements(cpus: &Cpus, pair: Pair) -> Vec<Measuring<'_>> {
    vec![
        Measuring::some(
            [
                ("sleep_ns".to_owned(), "CPU time of a thread that parks, and runs again"),
                ("wake_ns".to_owned(), "unpark of a thread that sleeps"),
                ("woken_ns".to_owned(), "from the end of unpark until the sleeper runs"),
            ],
            move |batches| sleeps(cpus, pair, batches),
        ),
        Measuring::some(
            [
                ("membarrier_ns".to_owned(), "membarrier(2), while another thread runs"),
                (
                    "interrupt_ns".to_owned(),
                    "what a membarrier(2) takes of another thread that runs",
                ),
            ],
            move |batches| membarriers(cpus, pair, batches),
        ),
    ]
}

/// How many sleeps have begun, and how many are over.
#[derive(Default)]
struct Sleeps {
    begun: AtomicUsize,
    over: AtomicUsize,
}

impl Sleeps {
    /// Sleeps until it is woken: the CPU time that this took, ns, and since when it runs again.
    fn sleep(&self, turn: usize) -> (f64, Instant) {
        let before = cpu_ns();
        // Release: pairs with the Acquire of `wake`; nothing else is told.
        self.begun.store(turn + 1, Ordering::Release);
        // Acquire: pairs with the Release of `wake`. A wake-up for nothing is slept through.
        while self.over.load(Ordering::Acquire) == turn {
            thread::park();
        }
        let ran = Instant::now();
        (cpu_ns() - before, ran)
    }

    /// Wakes `sleeper` once it sleeps: when this began, and when it was done.
    fn wake(&self, turn: usize, sleeper: &Thread) -> (Instant, Instant) {
        // Acquire: pairs with the Release of `sleep`.
        wait_until(|| self.begun.load(Ordering::Acquire) > turn);
        let asleep = Instant::now() + ASLEEP;
        wait_until(|| Instant::now() >= asleep);
        let began = Instant::now();
        // Release: pairs with the Acquire of `sleep`.
        self.over.store(turn + 1, Ordering::Release);
        sleeper.unpark();
        (began, Instant::now())
    }
}

/// A thread sleeps, and another wakes it: CPU time of who sleeps, time of who wakes, and from then on. The first
/// sleep does not count.
fn sleeps(cpus: &Cpus, pair: Pair, batches: usize) -> Batches {
    let sleeps = &Sleeps::default();
    let (bound, slept, woke) = thread::scope(|scope| {
        let sleeper = scope.spawn(move || {
            let bound = cpus.bind(pair.second);
            (bound, (0..=batches).map(|turn| sleeps.sleep(turn)).collect::<Vec<_>>())
        });
        let target = sleeper.thread().clone();
        let waker = scope.spawn(move || {
            let bound = cpus.bind(pair.first);
            (bound, (0..=batches).map(|turn| sleeps.wake(turn, &target)).collect::<Vec<_>>())
        });
        let (bound, woke) = waker.join().expect("no batch panics");
        let (own, slept) = sleeper.join().expect("no batch panics");
        (bound.and(own), slept, woke)
    });
    bound?;
    let ns = |duration: Duration| duration.as_nanos() as f64;
    let clock = clock_ns();
    let sleep = slept[1..].iter().map(|(cpu_ns, _)| cpu_ns - clock);
    let wake = woke[1..].iter().map(|(began, ended)| ns(*ended - *began));
    // Who runs before the call has returned does so at once.
    let both = slept[1..].iter().zip(&woke[1..]);
    let woken = both.map(|((_, ran), (_, ended))| ns(ran.saturating_duration_since(*ended)));
    Ok(vec![sleep.collect(), wake.collect(), woken.collect()])
}

/// The calling thread's CPU time; no number where the system has no such clock.
fn cpu_ns() -> f64 {
    thread_cpu_seconds().map_or(f64::NAN, |seconds| seconds * 1e9)
}

/// ns that reading the clock of CPU time takes.
fn clock_ns() -> f64 {
    const TIMES: usize = 100;
    each(TIMES, || {
        (0..TIMES).for_each(|_| {
            black_box(cpu_ns());
        });
    })
}

/// A while in which a thread worked, and was interrupted or not.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// How long it was, ns.
    ns: f64,
    /// How often the thread did its piece of work.
    pieces: f64,
    /// What all calls took, ns; 0 if there were none.
    calls_ns: f64,
}

/// One thread calls `membarrier` now and then, while another works.
fn membarriers(cpus: &Cpus, pair: Pair, batches: usize) -> Batches {
    membarrier::register().context("this system has no membarrier(2)")?;
    let (pieces, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let ((first, windows), second) = thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let bound = cpus.bind(pair.second);
            // Acquire: pairs with the Release below; nothing else is told.
            while !is_over.load(Ordering::Acquire) {
                step(STEPS);
                // Relaxed: a count.
                pieces.fetch_add(1, Ordering::Relaxed);
            }
            bound
        });
        let caller = scope.spawn(|| {
            let bound = cpus.bind(pair.first);
            let both = |_| [window(&pieces, false), window(&pieces, true)];
            let windows: Vec<Window> = (0..batches).flat_map(both).collect();
            is_over.store(true, Ordering::Release);
            (bound, windows)
        });
        let called = caller.join().expect("no batch panics");
        (called, worker.join().expect("no batch panics"))
    });
    first?;
    second?;
    let (calls, interrupts) = interrupted(&windows).into_iter().unzip();
    Ok(vec![calls, interrupts])
}

/// [`CALLS`] times a pause, and a call or none.
fn window(pieces: &AtomicU64, calls: bool) -> Window {
    let (before, began) = (pieces.load(Ordering::Relaxed), Instant::now());
    let mut calls_ns = 0.0;
    for _ in 0..CALLS {
        let until = Instant::now() + APART;
        while Instant::now() < until {
            spin_loop();
        }
        if calls {
            calls_ns += each(1, membarrier::call);
        }
    }
    let ns = began.elapsed().as_nanos() as f64;
    Window { ns, pieces: (pieces.load(Ordering::Relaxed) - before) as f64, calls_ns }
}

/// Of each window with calls, in which the thread that works did not stop: what a call took, and what it took of that
/// thread, ns. What a piece of work takes is known from the window with the most of them.
fn interrupted(windows: &[Window]) -> Vec<(f64, f64)> {
    let quiet = windows.iter().filter(|window| window.calls_ns == 0.0 && window.pieces > 0.0);
    let piece = quiet.map(|window| window.ns / window.pieces).fold(f64::INFINITY, f64::min);
    let of = |window: &Window| {
        let lost = window.ns - window.pieces * piece;
        let calls = CALLS as f64;
        // Who has stopped for another program has lost more.
        let is_whole = window.calls_ns > 0.0 && lost < 0.5 * window.ns;
        is_whole.then(|| (window.calls_ns / calls, lost / calls))
    };
    windows.iter().filter_map(of).collect()
}

#[cfg(target_os = "linux")]
mod membarrier {
    use std::io;

    use libc::{MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED};

    /// The process may call it from then on.
    pub(super) fn register() -> io::Result<()> {
        run(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
    }

    /// Each thread of the process that runs passes a full fence.
    pub(super) fn call() {
        run(MEMBARRIER_CMD_PRIVATE_EXPEDITED).expect("the process is registered");
    }

    fn run(command: libc::membarrier_cmd) -> io::Result<()> {
        // SAFETY: takes three integers and touches no memory of ours.
        let result = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(not(target_os = "linux"))]
mod membarrier {
    use std::io;

    pub(super) fn register() -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    pub(super) fn call() {
        unreachable!("nobody is registered");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Calls and interrupts come out as they were, whatever windows another program took the CPU in.
        #[test]
        fn interrupts_are_told_from_other_programs(
            piece in 20.0_f64..100.0,
            call in 100.0_f64..5000.0,
            interrupt in 0.0_f64..2000.0,
            stops in prop::collection::vec(any::<bool>(), 3..40),
        ) {
            let windows: Vec<Window> = std::iter::once(&false)
                .chain(&stops)
                .flat_map(|stops| {
                    let ns = CALLS as f64 * (APART.as_nanos() as f64 + call);
                    let stopped = if *stops { 0.9 * ns } else { 0.0 };
                    let works = |lost: f64| (ns - stopped - lost).max(0.0) / piece;
                    let quiet = Window { ns, pieces: works(0.0), calls_ns: 0.0 };
                    let lost = interrupt * CALLS as f64;
                    let calls_ns = CALLS as f64 * call;
                    [quiet, Window { ns, pieces: works(lost), calls_ns }]
                })
                .collect();
            let whole = 1 + stops.iter().filter(|stops| !**stops).count();
            let told = interrupted(&windows);
            prop_assert_eq!(told.len(), whole);
            for (own_call, own_interrupt) in told {
                prop_assert!((own_call - call).abs() < 1e-6 * call);
                prop_assert!((own_interrupt - interrupt).abs() < 1e-6 * (APART.as_nanos() as f64 + call));
            }
        }
    }

    #[test]
    fn where_the_other_never_ran_there_is_no_batch() {
        let stopped = Window { ns: 1e6, pieces: 0.0, calls_ns: 0.0 };
        assert_eq!(interrupted(&[stopped, Window { calls_ns: 100.0, ..stopped }]), []);
    }
}
