//! Heaps of cores against closed forms, and against what must hold whatever cores do.

mod machines;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use machines::two_sockets;
use virtual_cores::{
    AllocatorModel, CoreProgram, LINE, MachineModel, Number, RunReport, arena_at, keep, kept_block,
    now, owns, run, turn, will_allocate, will_free, work,
};

/// Where the blocks of these programs are, each in a line of its own; nothing is there.
const HERE: usize = 0x10_0000_0000;
const BYTES: usize = 48;
/// Cycles that are enough for whatever a core does here.
const STAGE: u64 = 10_000_000;

/// Two sockets of 16 cores, whose heaps keep, give back and take so many blocks.
fn machine(cached: usize, given_back: usize, taken: usize) -> MachineModel {
    let number = |is: usize| Number { is: is as f64, within: None, source: "s".to_owned() };
    let mut machine = two_sockets();
    machine.allocator = Some(AllocatorModel {
        cached: number(cached),
        given_back: number(given_back),
        taken: number(taken),
    });
    machine
}

/// As an allocator does it: a block that was kept, or new memory.
fn allocate(bytes: usize, new: &Cell<usize>) -> usize {
    will_allocate(bytes);
    kept_block(bytes).unwrap_or_else(|| {
        let block = HERE + new.get() * LINE;
        new.set(new.get() + 1);
        owns(block, bytes);
        block
    })
}

fn free(block: usize, bytes: usize) {
    will_free(bytes);
    assert!(keep(block, bytes), "such blocks are looked after");
}

/// Waits until a stage begins, and all that was before it has been done.
fn stage(number: usize) {
    work((number as u64 * STAGE).saturating_sub(now()));
    turn();
}

/// How often a core gives back when it frees so many blocks.
fn times_given_back(blocks: usize, cached: usize, given_back: usize) -> usize {
    blocks.saturating_sub(cached).div_ceil(given_back)
}

/// One core allocates and another frees: each block that comes back is stored to, and loaded from on its way back; the
/// arena's line is updated once for all that are moved together.
#[test]
fn a_consumer_gives_back_what_a_producer_takes_again() {
    let limits = [(1, 1, 1), (7, 1, 7), (7, 7, 1), (8, 4, 4), (200, 100, 100)];
    for (cached, given_back, taken) in limits {
        for blocks in [0, 1, cached, cached + 1, 3 * cached, 300] {
            let machine = machine(cached, given_back, taken);
            let new = Rc::new(Cell::new(0));
            let passed = Rc::new(RefCell::new(Vec::new()));
            let times = times_given_back(blocks, cached, given_back);
            let back = times * given_back;
            let (to_pass, of_producer) = (Rc::clone(&passed), Rc::clone(&new));
            let producer: CoreProgram = Box::new(move || {
                for _ in 0..blocks {
                    let block = allocate(BYTES, &of_producer);
                    to_pass.borrow_mut().push(block);
                }
                stage(2);
                for _ in 0..back {
                    allocate(BYTES, &of_producer);
                }
                assert_eq!(of_producer.get(), blocks, "they are what came back");
                allocate(BYTES, &of_producer);
                assert_eq!(of_producer.get(), blocks + 1, "nothing else came back");
            });
            let consumer: CoreProgram = Box::new(move || {
                stage(1);
                let all = passed.take();
                all.into_iter().for_each(|block| free(block, BYTES));
            });
            let report = run(&machine, vec![producer, consumer]).expect("they fit");
            let takes = back.div_ceil(taken);
            let (counts, came) = (report.counts, usize::from(times > 0));
            let accesses = times * (given_back + 1) + takes + back;
            let words = format!("{blocks} of {cached}, {given_back}, {taken}");
            assert_eq!(counts.accesses, accesses as u64, "{words}");
            // Each line that the consumer wrote is handed over once: the blocks', and the arena's.
            assert_eq!((counts.near, counts.far), ((back + came) as u64, 0), "{words}");
            assert_eq!(counts.memory, (back + came) as u64, "{words}");
            assert_eq!(report.left.len(), blocks - back, "{words}");
        }
    }
}

/// Cores that free what one has allocated hand the line of its arena over to each other, and all their blocks to it.
#[test]
fn cores_that_free_what_one_has_allocated_share_its_arena() {
    let (cached, given_back, each) = (7, 3, 20);
    let times = times_given_back(each, cached, given_back);
    assert!(times > 1);
    for cores in [2, 5, 16, 17, 32] {
        let machine = machine(cached, given_back, cached);
        let new = Rc::new(Cell::new(0));
        let passed = Rc::new(RefCell::new(Vec::new()));
        let program = |core: usize| -> CoreProgram {
            let (new, passed) = (Rc::clone(&new), Rc::clone(&passed));
            Box::new(move || {
                if core > 0 {
                    stage(core);
                    let mine: Vec<usize> = passed.borrow_mut().drain(..each).collect();
                    mine.into_iter().for_each(|block| free(block, BYTES));
                    return;
                }
                for _ in 0..each * (cores - 1) {
                    let block = allocate(BYTES, &new);
                    passed.borrow_mut().push(block);
                }
                stage(cores);
                for _ in 0..times * given_back * (cores - 1) {
                    allocate(BYTES, &new);
                }
                assert_eq!(new.get(), each * (cores - 1), "all that was given back came back");
            })
        };
        let report = run(&machine, (0..cores).map(program).collect()).expect("they fit");
        let (near_cores, far_cores) = (cores.min(16) - 1, cores.saturating_sub(16));
        let back = times * given_back;
        let is_far = usize::from(far_cores > 0);
        // To each core but the first that frees, and to the one that has allocated; across the sockets there and back.
        let handed_over = cores - 1;
        let near = handed_over - 2 * is_far + back * near_cores;
        let far = 2 * is_far + back * far_cores;
        let counts = report.counts;
        assert_eq!((counts.near, counts.far), (near as u64, far as u64), "{cores} cores");
        assert_eq!(counts.invalidations, handed_over as u64, "{cores} cores");
    }
}

/// Cores that do so at one time wait for that line and for no other.
#[test]
fn an_arena_that_is_waited_for_is_known() {
    let machine = machine(1, 1, 1);
    let new = Rc::new(Cell::new(0));
    let passed = Rc::new(RefCell::new(Vec::new()));
    let program = |core: usize| -> CoreProgram {
        let (new, passed) = (Rc::clone(&new), Rc::clone(&passed));
        Box::new(move || {
            if core == 3 {
                for _ in 0..800 {
                    let block = allocate(BYTES, &new);
                    passed.borrow_mut().push(block);
                }
                return;
            }
            stage(1);
            let mine: Vec<usize> = passed.borrow_mut().drain(..100).collect();
            mine.into_iter().for_each(|block| free(block, BYTES));
        })
    };
    let report = run(&machine, (0..9).map(program).collect()).expect("they fit");
    let [hot] = report.hot[..] else { panic!("{:?}", report.hot) };
    assert_eq!((arena_at(hot.address), hot.waited), (Some(3), report.waited));
    assert_eq!(arena_at(HERE), None);
}

/// What a core keeps for itself costs nothing.
#[test]
fn a_core_that_frees_its_own_touches_nothing() {
    let machine = machine(7, 7, 7);
    let program: CoreProgram = Box::new(|| {
        let new = Cell::new(0);
        for round in 0..100 {
            let blocks: Vec<usize> = (0..round % 8).map(|_| allocate(BYTES, &new)).collect();
            blocks.into_iter().for_each(|block| free(block, BYTES));
        }
        assert_eq!(new.get(), 7);
    });
    let report = run(&machine, vec![program]).expect("it fits");
    assert_eq!((report.counts.accesses, report.left.len()), (0, 7));
}

/// What is freed without a word stays until somebody says the next: then all goes back that is too much, to one arena at
/// once.
#[test]
fn who_keeps_too_many_gives_back_until_there_is_room() {
    for (cached, given_back) in [(1, 1), (7, 1), (7, 3), (7, 7)] {
        for kept in 1..30 {
            let machine = machine(cached, given_back, cached);
            let program: CoreProgram = Box::new(move || {
                // From now on such blocks are looked after.
                will_free(BYTES);
                for number in 0..kept {
                    assert!(keep(HERE + number * LINE, BYTES));
                }
                free(HERE + kept * LINE, BYTES);
            });
            let report = run(&machine, vec![program]).expect("it fits");
            let times = (kept + 1).saturating_sub(cached).div_ceil(given_back);
            let accesses = times * given_back + usize::from(times > 0);
            let words = format!("{kept} of {cached}, {given_back}");
            assert_eq!(report.counts.accesses, accesses as u64, "{words}");
            assert_eq!(report.left.len(), kept + 1, "{words}");
        }
    }
}

/// What was allocated where no core ran is of the cores in turn.
#[test]
fn blocks_of_nobody_are_of_the_cores_in_turn() {
    let machine = machine(1, 1, 1);
    let program = |core: usize| -> CoreProgram {
        Box::new(move || {
            if core == 0 {
                // The last of them stays with this core.
                (0..8).for_each(|number| free(HERE + number * LINE, BYTES));
                return;
            }
            stage(core);
            let mut mine = 0;
            loop {
                will_allocate(BYTES);
                let Some(block) = kept_block(BYTES) else { break };
                assert_eq!((block - HERE) / LINE % 4, core);
                mine += 1;
            }
            assert_eq!(mine, [2, 2, 2, 1][core]);
        })
    };
    run(&machine, (0..4).map(program).collect()).expect("they fit");
}

/// Where no allocator is modelled, heaps have nothing and take nothing.
#[test]
fn without_a_model_there_are_no_heaps() {
    let program: CoreProgram = Box::new(|| {
        will_free(BYTES);
        assert!(!keep(HERE, BYTES));
        will_allocate(BYTES);
        assert_eq!(kept_block(BYTES), None);
    });
    let report = run(&two_sockets(), vec![program]).expect("it fits");
    assert_eq!((report.counts.accesses, report.left.len()), (0, 0));
}

/// Blocks that cores of both sockets allocate and free, each by whoever draws it, in two sizes: a block is never at two
/// places, stays of its size, and is free or allocated at the end.
fn drawn_programs(seed: u64) -> RunReport {
    #[derive(Default)]
    struct Shared {
        new: Cell<usize>,
        allocated: RefCell<Vec<(usize, usize)>>,
        there: RefCell<BTreeSet<usize>>,
        sizes: RefCell<BTreeMap<usize, usize>>,
    }
    let shared = Rc::new(Shared::default());
    let program = |core: usize| -> CoreProgram {
        let shared = Rc::clone(&shared);
        let mut state = seed * 64 + core as u64;
        let mut draw = move |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        Box::new(move || {
            for _ in 0..1500 {
                work(draw(200) as u64);
                if draw(2) == 0 {
                    let bytes = BYTES + 16 * draw(2);
                    let block = allocate(bytes, &shared.new);
                    assert!(shared.there.borrow_mut().insert(block), "it is allocated twice");
                    let is = *shared.sizes.borrow_mut().entry(block).or_insert(bytes);
                    assert_eq!(is, bytes, "it is of another size");
                    shared.allocated.borrow_mut().push((block, bytes));
                    continue;
                }
                let drawn = {
                    let mut allocated = shared.allocated.borrow_mut();
                    let count = allocated.len();
                    (count > 0).then(|| allocated.swap_remove(draw(count)))
                };
                if let Some((block, bytes)) = drawn {
                    assert!(shared.there.borrow_mut().remove(&block));
                    free(block, bytes);
                }
            }
        })
    };
    let report = run(&machine(7, 3, 5), (0..20).map(program).collect()).expect("they fit");
    let mut all = shared.there.take();
    let sizes = shared.sizes.take();
    for (block, bytes) in &report.left {
        assert!(all.insert(*block), "it is free and allocated, or free twice");
        assert_eq!(sizes[block], *bytes);
    }
    assert_eq!(all.len(), shared.new.get());
    assert!(report.counts.near > 0 && report.counts.far > 0);
    report
}

#[test]
fn blocks_are_at_one_place_and_runs_repeat() {
    for seed in 1..6 {
        let (first, second) = (drawn_programs(seed), drawn_programs(seed));
        assert_eq!((first.ended, first.counts), (second.ended, second.counts));
        assert_eq!((first.left, first.hot), (second.left, second.hot));
    }
}
