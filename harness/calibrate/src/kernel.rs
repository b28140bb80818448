//! What the system's kernel does for threads: sleep and wake, and `membarrier(2)`.

use std::hint::{black_box, spin_loop};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use anyhow::Context;
use trials::pin::Cpus;

use crate::alone::step;
use crate::batches::Summary;
use crate::cpu_clock::CpuClock;
use crate::pair::wait_until;
use crate::place::Pair;
use crate::suite::{Batches, Measuring, after_one, each, empty_ns};

/// How long a sleeper is left alone, so that it sleeps when it is woken.
const ASLEEP: Duration = Duration::from_micros(50);
/// Calls of `membarrier` in a batch, and how long before each there is none: most of the time, so that who is
/// interrupted works most of the time.
const CALLS: usize = 10;
const APART: Duration = Duration::from_micros(20);
/// Steps of a piece of the work that is interrupted: some tens of nanoseconds.
const STEPS: usize = 50;
/// Who works has its CPU for so much of a while at least, if no other program does: some systems do not count
/// interrupts as its time.
const WHOLE: f64 = 0.8;

pub(crate) fn measurements(cpus: &Cpus, pair: Pair) -> Vec<Measuring<'_>> {
    vec![
        Measuring::some(
            [
                ("sleep_ns".to_owned(), "CPU time of a thread from its park until it sleeps"),
                ("wake_ns".to_owned(), "unpark of a thread that sleeps"),
                (
                    "woken_ns".to_owned(),
                    "from the end of unpark until the sleeper runs, its own way back included",
                ),
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
    /// The sleeper's clock.
    clock: OnceLock<CpuClock>,
}

/// What is known of a sleep by who has ended it.
struct Wake {
    /// The sleeper's CPU time while it slept, ns.
    asleep_ns: f64,
    /// When the sleeper was woken, and when that was done.
    began: Instant,
    ended: Instant,
}

impl Sleeps {
    /// Sleeps until it is woken: the CPU time of the thread when this began, ns, and since when it runs again.
    fn sleep(&self, turn: usize) -> (f64, Instant) {
        let before = self.clock.get_or_init(CpuClock::own).ns();
        // Release: pairs with the Acquire of `wake`; nothing else is told.
        self.begun.store(turn + 1, Ordering::Release);
        // Acquire: pairs with the Release of `wake`. A wake-up for nothing is slept through.
        while self.over.load(Ordering::Acquire) == turn {
            thread::park();
        }
        (before, Instant::now())
    }

    /// Wakes `sleeper` once it sleeps.
    fn wake(&self, turn: usize, sleeper: &Thread) -> Wake {
        // Acquire: pairs with the Release of `sleep`.
        wait_until(|| self.begun.load(Ordering::Acquire) > turn);
        let asleep = Instant::now() + ASLEEP;
        wait_until(|| Instant::now() >= asleep);
        // What it takes to run again is not in it: that is in how long it takes from the call until it does.
        let asleep_ns = self.clock.get().map_or(f64::NAN, |clock| clock.ns());
        let began = Instant::now();
        // Release: pairs with the Acquire of `sleep`.
        self.over.store(turn + 1, Ordering::Release);
        sleeper.unpark();
        Wake { asleep_ns, began, ended: Instant::now() }
    }
}

/// A thread sleeps, and another wakes it: CPU time of who goes to sleep, time of who wakes, and from then on. The first
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
    // The clock was read within the call: about a half of this comes after.
    let clock = clock_ns() / 2.0;
    let both = || slept[1..].iter().zip(&woke[1..]);
    let sleep = both().map(|((before, _), wake)| wake.asleep_ns - before - clock);
    let empty = empty_ns();
    let wake = woke[1..].iter().map(|wake| (ns(wake.ended - wake.began) - empty).max(0.0));
    // Who runs before the call has returned does so at once.
    let woken = both().map(|((_, ran), wake)| ns(ran.saturating_duration_since(wake.ended)));
    Ok(vec![sleep.collect(), wake.collect(), woken.collect()])
}

/// ns that reading a clock of CPU time takes.
fn clock_ns() -> f64 {
    const TIMES: usize = 100;
    let clock = CpuClock::own();
    each(TIMES, || {
        (0..TIMES).for_each(|_| {
            black_box(clock.ns());
        });
    })
}

/// A while in which a thread worked, and was interrupted or not.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// How long it was, ns.
    ns: f64,
    /// The CPU time of the thread meanwhile, ns; no number where the system does not tell.
    ran_ns: f64,
    /// How often the thread did its piece of work.
    pieces: f64,
    /// What all calls took, ns, if there were any.
    calls_ns: Option<f64>,
}

impl Window {
    /// Whether the thread that works had its CPU; what it got done does not say, as that is what is measured. Where
    /// nobody tells, whether it worked.
    fn is_whole(&self) -> bool {
        if self.ran_ns.is_nan() { self.pieces > 0.0 } else { self.ran_ns >= WHOLE * self.ns }
    }
}

/// One thread calls `membarrier` now and then, while another works.
fn membarriers(cpus: &Cpus, pair: Pair, batches: usize) -> Batches {
    membarrier::register().context("this system has no membarrier(2)")?;
    let (pieces, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let clock = OnceLock::new();
    let ((first, windows), second) = thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let bound = cpus.bind(pair.second);
            clock.get_or_init(CpuClock::own);
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
            let worker = *clock.wait();
            let both = |_| [window(&pieces, worker, false), window(&pieces, worker, true)];
            let windows = after_one(batches, both);
            is_over.store(true, Ordering::Release);
            (bound, windows.concat())
        });
        let called = caller.join().expect("no batch panics");
        (called, worker.join().expect("no batch panics"))
    });
    first?;
    second?;
    let (calls, interrupts) = interrupted(&windows).into_iter().unzip();
    Ok(vec![calls, interrupts])
}

/// [`CALLS`] times a pause, and a call or none, while the thread with the clock `worker` works.
fn window(pieces: &AtomicU64, worker: CpuClock, calls: bool) -> Window {
    let ran_ns = worker.ns();
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
    let pieces = (pieces.load(Ordering::Relaxed) - before) as f64;
    Window { ns, ran_ns: worker.ns() - ran_ns, pieces, calls_ns: calls.then_some(calls_ns) }
}

/// Of each window with calls, in which the thread that works had its CPU: what a call took, and what it took of that
/// thread, ns. What a piece of work takes is the median of the windows without calls in which it had it.
fn interrupted(windows: &[Window]) -> Vec<(f64, f64)> {
    let whole = || windows.iter().filter(|window| window.is_whole());
    let quiet = whole().filter(|window| window.calls_ns.is_none());
    let pieces: Vec<f64> = quiet.map(|window| window.ns / window.pieces).collect();
    let Some(Summary { median: piece, .. }) = Summary::of(&pieces) else { return Vec::new() };
    let calls = CALLS as f64;
    let of = |window: &Window| {
        let lost = window.ns - window.pieces * piece;
        Some((window.calls_ns? / calls, lost / calls))
    };
    whole().filter_map(of).collect()
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
        /// Calls and interrupts come out as they were, whatever windows another program took the CPU in, and however
        /// fast some were.
        #[test]
        fn interrupts_are_told_from_other_programs(
            piece in 20.0_f64..100.0,
            call in 100.0_f64..5000.0,
            interrupt in 0.0_f64..2000.0,
            stops in prop::collection::vec(any::<bool>(), 3..40),
        ) {
            let mut windows: Vec<Window> = std::iter::once(&false)
                .chain(&stops)
                .flat_map(|stops| {
                    let ns = CALLS as f64 * (APART.as_nanos() as f64 + call);
                    let stopped = if *stops { 0.9 * ns } else { 0.0 };
                    let works = |lost: f64| (ns - stopped - lost).max(0.0) / piece;
                    let ran_ns = ns - stopped;
                    let quiet = Window { ns, ran_ns, pieces: works(0.0), calls_ns: None };
                    let lost = interrupt * CALLS as f64;
                    let calls_ns = Some(CALLS as f64 * call);
                    [quiet, Window { pieces: works(lost), calls_ns, ..quiet }]
                })
                .collect();
            let whole = 1 + stops.iter().filter(|stops| !**stops).count();
            // In some, but less than a half, the clock was faster.
            let fast = Window { ns: 1e5, ran_ns: 1e5, pieces: 2e5 / piece, calls_ns: None };
            windows.extend(std::iter::repeat_n(fast, (whole - 1) / 2));
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
        for ran_ns in [0.0, f64::NAN] {
            let stopped = Window { ns: 1e6, ran_ns, pieces: 0.0, calls_ns: None };
            assert_eq!(interrupted(&[stopped, Window { calls_ns: Some(9.0), ..stopped }]), []);
        }
    }
}
