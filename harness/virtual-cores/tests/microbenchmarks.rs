//! Simulated microbenchmarks return the machine file's numbers, within 5 %.

mod machines;

use std::cell::Cell;
use std::rc::Rc;

use machines::two_sockets;
use virtual_cores::{
    CoreProgram, CycleStack, Event, LINE, MachineModel, Part, RunReport, counts, did, fence,
    forget_waits, membarrier, mispredict, now, park, pause, run, spent, turn, unpark, work,
};

/// Where the lines of these programs are; nothing is there.
const HERE: usize = 0x10_0000_0000;

fn access(event: Event, address: usize, value: usize) {
    turn();
    did(event, address, value).expect("a core runs");
}

/// Each line has the address of the next one: `lines` of them, over and over.
fn chase(lines: usize, steps: usize) {
    for step in 0..steps {
        let at = |step: usize| HERE + step % lines * LINE;
        access(Event::Load, at(step), at(step + 1));
    }
}

/// Runs `programs`, and the cycles that the first took from when it said so.
fn took(
    machine: &MachineModel,
    measured: impl FnOnce() + 'static,
    others: Vec<CoreProgram>,
) -> f64 {
    let cycles = Rc::new(Cell::new(0.0));
    let told = Rc::clone(&cycles);
    let first: CoreProgram = Box::new(move || {
        // After the others.
        work(10_000_000);
        let begin = now();
        measured();
        // All that was loaded has come.
        fence();
        told.set((now() - begin) as f64);
    });
    let programs = std::iter::once(first).chain(others).collect();
    run(machine, programs).expect("there are so many cores");
    cycles.get()
}

fn is_near(measured: f64, expected: f64, what: &str) {
    let ratio = measured / expected;
    assert!((ratio - 1.0).abs() <= 0.05, "{what}: {measured} for {expected}");
}

/// Cycles of one step of a chain of pointers, by the size of the chain.
fn latency(lines: usize, others: impl Fn() -> Vec<CoreProgram>) -> f64 {
    let machine = two_sockets();
    let steps = 20_000;
    let warm = took(&machine, move || chase(lines, lines), others());
    let all = took(&machine, move || chase(lines, lines + steps), others());
    (all - warm) / steps as f64
}

#[test]
fn chains_take_each_caches_latency() {
    let machine = two_sockets();
    let sizes = [(&machine.l1, 4), (&machine.l2, 128), (&machine.llc, 4096)];
    for (level, kib) in sizes {
        is_near(latency(kib * 1024 / LINE, Vec::new), level.cycles.is, &format!("{kib} KiB"));
    }
}

#[test]
fn chains_take_memorys_latency() {
    let machine = two_sockets();
    // Pages are of the two sockets in turn.
    let lines = 100_000;
    let cycles = took(&machine, move || chase(lines, lines), Vec::new()) / lines as f64;
    let both = [&machine.memory_ns, &machine.far_memory_ns].map(|ns| machine.cycles(ns) as f64);
    is_near(cycles, f64::midpoint(both[0], both[1]), "memory");
}

/// A program that writes `lines`, on some core.
fn writer(lines: usize) -> CoreProgram {
    Box::new(move || (0..lines).for_each(|line| access(Event::Store, HERE + line * LINE, 0)))
}

fn idle() -> CoreProgram {
    Box::new(|| ())
}

/// A chain of lines that another core has written: of the same socket, and of the other.
#[test]
fn chains_of_dirty_lines_take_a_transfers_latency() {
    let machine = two_sockets();
    let lines = 2000;
    for (core, ns) in [(1, &machine.near_ns), (16, &machine.far_ns)] {
        let mut others: Vec<CoreProgram> = (1..core).map(|_| idle()).collect();
        others.push(writer(lines));
        let cycles = took(&machine, move || chase(lines, lines), others) / lines as f64;
        is_near(cycles, machine.cycles(ns) as f64, &format!("dirty in core {core}"));
    }
}

/// Loads that depend on nothing are on their way side by side.
#[test]
fn independent_loads_overlap() {
    let machine = two_sockets();
    let lines = 2000;
    let scan = move || (0..lines).for_each(|line| access(Event::Load, HERE + line * LINE, 0));
    let cycles = took(&machine, scan, vec![writer(lines)]) / lines as f64;
    is_near(
        cycles,
        machine.cycles(&machine.near_ns) as f64 / machine.misses.is,
        "independent loads",
    );
}

#[test]
fn single_instructions_take_what_the_machine_says() {
    let machine = two_sockets();
    let times = 1000;
    let update = move || (0..times).for_each(|_| access(Event::Update, HERE, 0));
    let costs: [(&str, f64, CoreProgram); 4] = [
        ("rmw", machine.rmw_cycles.is, Box::new(update)),
        ("fence", machine.fence_cycles.is, Box::new(move || (0..times).for_each(|_| fence()))),
        ("pause", machine.pause_cycles.is, Box::new(move || (0..times).for_each(|_| pause()))),
        (
            "branch",
            machine.mispredict_cycles.is,
            Box::new(move || (0..times).for_each(|_| mispredict())),
        ),
    ];
    for (what, expected, instructions) in costs {
        is_near(took(&machine, instructions, Vec::new()) / f64::from(times), expected, what);
    }
}

/// Updates of lines that another core has written wait for each, one after the other; or side by side, on a
/// machine that does so.
#[test]
fn updates_wait_for_their_lines() {
    let mut machine = two_sockets();
    let lines = 2000;
    let update = move || (0..lines).for_each(|line| access(Event::Update, HERE + line * LINE, 0));
    let each = machine.cycles(&machine.near_ns) as f64 + machine.rmw_cycles.is;
    is_near(took(&machine, update, vec![writer(lines)]) / lines as f64, each, "an update");
    machine.rmw_overlaps.is = 1.0;
    let side_by_side = took(&machine, update, vec![writer(lines)]) / lines as f64;
    assert!(side_by_side < each / 2.0, "{side_by_side} cycles, for {each} one after the other");
}

/// An update of a line that is on its way, as the core has loaded from it, begins when the line has come.
#[test]
fn an_update_waits_for_a_line_on_its_way() {
    let mut machine = two_sockets();
    machine.rmw_overlaps.is = 1.0;
    let both = || {
        access(Event::Load, HERE, 0);
        access(Event::Update, HERE, 0);
    };
    let expected =
        machine.cycles(&machine.memory_ns) as f64 + machine.rmw_cycles.is + machine.fence_cycles.is;
    let cycles = took(&machine, both, Vec::new());
    assert!((cycles - expected).abs() < 0.5, "{cycles} cycles, not {expected}");
}

/// Cores that update one word take turns: each waits for the transfer and the update of all others.
#[test]
fn contended_updates_take_turns() {
    let machine = two_sockets();
    for cores in [2, 4, 16] {
        let updates = 400;
        let program = || -> CoreProgram {
            Box::new(move || (0..updates).for_each(|_| access(Event::Update, HERE, 0)))
        };
        let report = run(&machine, (0..cores).map(|_| program()).collect()).expect("they fit");
        let end = *report.ended.iter().max().expect("there are cores") as f64;
        let transfers = report.counts.near as f64;
        assert!(transfers > 0.9 * f64::from(updates) * cores as f64, "{transfers} transfers");
        is_near(end / transfers, machine.cycles(&machine.near_ns) as f64, "an update");
    }
}

#[test]
fn a_sleeper_is_woken_after_what_the_machine_says() {
    let machine = two_sockets();
    let begin = 1_000_000;
    let sleeper: CoreProgram = Box::new(|| park(HERE));
    let waker: CoreProgram = Box::new(move || {
        work(begin);
        turn();
        unpark(HERE);
    });
    let report = run(&machine, vec![sleeper, waker]).expect("they fit");
    assert_eq!(report.parks, 1);
    let cycles = |ns| machine.cycles(ns);
    assert_eq!(report.ended[1], begin + cycles(&machine.wake_ns));
    assert_eq!(report.ended[0], begin + cycles(&machine.wake_ns) + cycles(&machine.woken_ns));
}

#[test]
#[should_panic(expected = "nobody is there to wake them")]
fn who_sleeps_for_ever_is_told() {
    run(&two_sockets(), vec![Box::new(|| park(HERE))]).expect("it fits");
}

#[test]
fn a_membarrier_interrupts_all_that_run() {
    let machine = two_sockets();
    let other = || -> CoreProgram {
        Box::new(|| {
            (0..1000).for_each(|_| {
                turn();
                work(1000);
            })
        })
    };
    let caller: CoreProgram = Box::new(|| {
        work(500_000);
        membarrier();
    });
    let report = run(&machine, vec![caller, other(), other()]).expect("they fit");
    let fence = machine.fence_cycles.is as u64;
    let cycles = |ns| machine.cycles(ns);
    assert_eq!(report.ended[0], 500_000 + fence + cycles(&machine.membarrier_ns));
    assert_eq!(report.ended[1..], [1_000_000 + fence + cycles(&machine.interrupt_ns); 2]);
}

#[test]
fn more_threads_than_cores_are_refused() {
    let refused = run(&two_sockets(), (0..33).map(|_| idle()).collect());
    let message = refused.expect_err("33 on 32").to_string();
    assert!(message.contains("33 threads on 32 cores"), "{message}");
}

/// Programs that draw what they do.
fn drawn_programs(machine: &MachineModel, steps: usize) -> RunReport {
    let program = |seed: u64| -> CoreProgram {
        Box::new(move || {
            let mut state = seed;
            for _ in 0..steps {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let address = HERE + (state >> 33) as usize % 5000 * 8;
                let events = [
                    Event::Load,
                    Event::Load,
                    Event::Store,
                    Event::Update,
                    Event::FailedExchange,
                    Event::Prefetch,
                ];
                access(events[(state >> 60) as usize % events.len()], address, 0);
                match state >> 56 & 0xff {
                    0..8 => fence(),
                    8..16 => mispredict(),
                    16..24 => pause(),
                    24 => membarrier(),
                    _ => work(state >> 61),
                }
            }
        })
    };
    run(machine, (1..=32).map(program).collect()).expect("they fit")
}

#[test]
fn runs_repeat() {
    let once = || drawn_programs(&two_sockets(), 3000);
    let (first, second) = (once(), once());
    assert_eq!(first.ended, second.ended);
    assert_eq!(first.counts, second.counts);
    assert_eq!(first.spent, second.spent);
    assert_eq!(first.hot, second.hot);
    assert!(!first.hot.is_empty());
}

/// Each cycle of a core goes to one part, whatever it does; and each wait is some line's.
#[test]
fn every_cycle_went_somewhere() {
    for overlaps in [0.0, 1.0] {
        let mut machine = two_sockets();
        machine.rmw_overlaps.is = overlaps;
        let report = drawn_programs(&machine, 1000);
        for (ended, spent) in report.ended.iter().zip(&report.spent) {
            assert_eq!(spent.total(), *ended);
            assert!(Part::ALL.iter().all(|part| spent.of(*part) > 0), "{spent:?}");
        }
        assert_eq!(report.waited, report.counts.queued);
        assert!(report.counts.failed > 0);
    }
}

/// The cycles of a program on a core, after others, by what they went to.
fn stack(others: Vec<CoreProgram>, measured: impl FnOnce() + 'static) -> CycleStack {
    let stack = Rc::new(Cell::new(CycleStack::default()));
    let told = Rc::clone(&stack);
    let first: CoreProgram = Box::new(move || {
        work(10_000_000);
        turn();
        let before = spent();
        measured();
        fence();
        told.set(spent().since(&before));
    });
    let programs = std::iter::once(first).chain(others).collect();
    run(&two_sockets(), programs).expect("there are so many cores");
    stack.get()
}

/// What a chain of pointers waits for is where its lines are.
#[test]
fn waiting_is_for_where_the_lines_are() {
    let lines = 2000;
    let far = || -> Vec<CoreProgram> { (1..16).map(|_| idle()).chain([writer(lines)]).collect() };
    for (others, part) in
        [(Vec::new(), Part::Memory), (vec![writer(lines)], Part::Near), (far(), Part::Far)]
    {
        let stack = stack(others, move || chase(lines, lines));
        let share = stack.of(part) as f64 / stack.total() as f64;
        assert!(share > 0.95, "{part:?}: {stack:?}");
    }
    let cached = stack(Vec::new(), || chase(64, 100_000));
    assert!(cached.of(Part::Caches) * 2 > cached.total(), "{cached:?}");
}

/// Of cores that update one word, each waits mostly until others have had it; the line and the code are told.
#[test]
fn waiting_in_turn_is_told_with_the_code_that_waits() {
    let program = || -> CoreProgram {
        Box::new(|| {
            access(Event::Update, HERE + 128 * LINE, 0);
            work(100_000);
            turn();
            if is_first() {
                forget_waits();
                assert_eq!(counts().failed, 0);
            }
            (0..400).for_each(|_| access(Event::FailedExchange, HERE, 0));
        })
    };
    let report = run(&two_sockets(), (0..8).map(|_| program()).collect()).expect("they fit");
    let [hot] = report.hot[..] else { panic!("{:?}", report.hot) };
    assert_eq!((hot.address, hot.waited), (HERE, report.waited));
    assert!(hot.at.file().ends_with("microbenchmarks.rs") && hot.waited_there == hot.waited);
    let queued: u64 = report.spent.iter().map(|spent| spent.of(Part::Queued)).sum();
    let near: u64 = report.spent.iter().map(|spent| spent.of(Part::Near)).sum();
    assert!(queued > 5 * near, "{queued} and {near}");
    assert_eq!(report.counts.failed, 8 * 400);
}

/// Whether the running core is the first.
fn is_first() -> bool {
    virtual_cores::is_running() == Some(0)
}
