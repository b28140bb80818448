//! The memory model against closed forms, and against what must hold whatever has happened.

mod machines;

use machines::{machine, two_sockets};
use virtual_cores::{CoherentMemory, Number, Part, ServedFrom, Traffic};

const READS: bool = false;
const WRITES: bool = true;

/// A memory of so many cores of a machine of two sockets of 16.
fn memory(cores: usize) -> CoherentMemory {
    CoherentMemory::new(&two_sockets(), cores)
}

/// Accesses one after the other, each when the one before it is done.
fn sequence(
    memory: &mut CoherentMemory,
    accesses: impl IntoIterator<Item = (usize, u32, bool)>,
) -> Vec<ServedFrom> {
    let mut now = 0;
    let access = |(core, line, writes)| {
        let served = memory.access(core, line, writes, now);
        now = served.done;
        served.from
    };
    accesses.into_iter().map(access).collect()
}

#[test]
fn a_writer_invalidates_all_other_holders() {
    for readers in 1..=32 {
        let mut memory = memory(32);
        sequence(&mut memory, (0..readers).map(|core| (core, 0, READS)));
        assert_eq!(memory.counts().invalidations, 0);
        // One of them writes.
        sequence(&mut memory, [(readers / 2, 0, WRITES)]);
        assert_eq!(memory.counts().invalidations, readers as u64 - 1, "of {readers}");
        // Nobody has it any more but the writer.
        sequence(&mut memory, [(readers / 2, 0, WRITES)]);
        assert_eq!(memory.counts().invalidations, readers as u64 - 1, "of {readers}");
        memory.check();
    }
}

#[test]
fn writers_in_turn_hand_the_line_over_each_time() {
    for turns in 1..40_u64 {
        let mut memory = memory(32);
        // Cores of one socket; then of two.
        sequence(&mut memory, (0..turns).map(|turn| (turn as usize % 2, 0, WRITES)));
        let Traffic { near, far, invalidations, memory: first, .. } = memory.counts();
        assert_eq!((near, far, invalidations, first), (turns - 1, 0, turns - 1, 1));
        sequence(&mut memory, (0..turns).map(|turn| (16 * (1 - turn as usize % 2), 1, WRITES)));
        let counts = memory.counts();
        assert_eq!((counts.near, counts.far), (turns - 1, turns - 1));
    }
}

/// Where threads go to the sockets in turn, the first two are far from one another, and the third is near the
/// first.
#[test]
fn spread_threads_are_far_from_their_neighbours() {
    let mut machine = two_sockets();
    machine.spread = Some(Number { is: 1.0, within: None, source: "s".into() });
    for (other, near, far) in [(1, 0, 9), (2, 9, 0), (17, 0, 9), (30, 9, 0)] {
        let mut memory = CoherentMemory::new(&machine, 32);
        sequence(&mut memory, (0..10).map(|turn| (other * (turn % 2), 0, WRITES)));
        let counts = memory.counts();
        assert_eq!((counts.near, counts.far), (near, far), "core {other}");
        memory.check();
    }
}

/// After a write each reader's first read is a miss, and no other; the first of a socket pays for the
/// transfer.
#[test]
fn a_line_that_was_written_comes_once_to_each_reader() {
    let mut memory = memory(32);
    sequence(&mut memory, [(0, 0, WRITES)]);
    let firsts = sequence(&mut memory, (1..32).map(|core| (core, 0, READS)));
    let expected = |core: usize| match core {
        1 => ServedFrom::Near,
        16 => ServedFrom::Far,
        _ => ServedFrom::Llc,
    };
    assert!((1..32).map(expected).eq(firsts));
    let again = sequence(&mut memory, (0..32).map(|core| (core, 0, READS)));
    assert!(again.iter().all(|from| *from == ServedFrom::L1));
    memory.check();
}

/// Cores that ask at one moment have the line one after the other.
#[test]
fn a_line_is_handed_over_in_order() {
    let machine = two_sockets();
    let near = machine.cycles(&machine.near_ns);
    for cores in 2..16_u64 {
        let mut memory = memory(16);
        sequence(&mut memory, [(0, 0, WRITES)]);
        let begin = 1_000_000;
        for core in 1..cores {
            let served = memory.access(core as usize, 0, WRITES, begin);
            assert_eq!(served.done, begin + core * near);
            assert_eq!(served.queued, (core - 1) * near);
        }
        assert_eq!(memory.counts().queued, near * (cores - 1) * (cores - 2) / 2);
    }
}

/// A core that writes a line which is on its way to it waits for it, but stands behind nobody else; another
/// that asks then stands behind both.
#[test]
fn nobody_queues_behind_itself() {
    let machine = two_sockets();
    let near = machine.cycles(&machine.near_ns);
    let mut memory = memory(16);
    sequence(&mut memory, [(0, 0, WRITES)]);
    let begin = 1_000_000;
    let read = memory.access(1, 0, READS, begin);
    let write = memory.access(1, 0, WRITES, begin + 1);
    assert_eq!((read.done, read.queued), (begin + near, 0));
    assert_eq!((write.done, write.queued), (begin + 2 * near, 0));
    let other = memory.access(2, 0, WRITES, begin + 2);
    assert_eq!((other.done, other.queued), (begin + 3 * near, 2 * near - 2));
    assert_eq!(memory.counts().queued, other.queued);
}

/// A write takes as long as the line's way, or as the slowest of those who must give it up: what its cycles go
/// to says which.
#[test]
fn a_write_waits_for_the_slower_of_way_and_invalidation() {
    let machine = two_sockets();
    let [near, far] = [&machine.near_ns, &machine.far_ns].map(|ns| machine.cycles(ns));
    for (readers, from, part, cost) in [
        // From the socket's last cache, while a core beside, or one of the other socket, has it.
        (&[0, 1][..], ServedFrom::Llc, Part::Upgrades, near),
        (&[0, 16][..], ServedFrom::Llc, Part::Upgrades, far),
        // From the other socket alone; and its owner hands it over.
        (&[16, 17][..], ServedFrom::Far, Part::Far, far),
        (&[0][..], ServedFrom::Near, Part::Near, near),
        // The writer has it.
        (&[0, 2][..], ServedFrom::Upgrade, Part::Upgrades, near),
    ] {
        let mut memory = memory(32);
        sequence(&mut memory, readers.iter().map(|core| (*core, 0, READS)));
        let write = memory.access(2, 0, WRITES, 1_000_000);
        let told = (write.from, write.part, write.done - 1_000_000);
        assert_eq!(told, (from, part, cost), "after {readers:?}");
    }
}

/// A core that reads alone may write without asking anybody; if another has read, it must ask.
#[test]
fn a_single_reader_is_the_owner() {
    let mut memory = memory(32);
    let alone = sequence(&mut memory, [(0, 0, READS), (0, 0, WRITES)]);
    assert_eq!(alone, [ServedFrom::Memory, ServedFrom::L1]);
    let shared =
        sequence(&mut memory, [(0, 1, READS), (1, 1, READS), (0, 1, WRITES), (1, 1, READS)]);
    assert_eq!(
        shared,
        [ServedFrom::Memory, ServedFrom::Near, ServedFrom::Upgrade, ServedFrom::Near]
    );
    // Another socket's last cache has it, though no core has: that is no owner's line.
    let lines = 1 + 2 * machine_lines();
    let evict = (0..lines).map(|line| (0, 2 + line, READS));
    sequence(&mut memory, evict);
    let far = sequence(&mut memory, [(16, 0, READS), (16, 0, WRITES)]);
    assert_eq!(far[0], ServedFrom::Far);
    assert_eq!(far[1], ServedFrom::Upgrade);
}

/// Lines of a second cache.
fn machine_lines() -> u32 {
    let l2 = two_sockets().l2;
    (l2.sets() * l2.ways.is as usize) as u32
}

/// Random accesses on caches of a few lines: the directory and the caches say the same, and each
/// access is counted once.
#[test]
fn the_directory_knows_the_caches() {
    for seed in 1..30_u64 {
        let tiny = machine(2, 4, [(1, 4), (2, 2), (4, 8)]);
        let mut memory = CoherentMemory::new(&tiny, 8);
        let mut state = seed;
        let mut draw = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut now = 0;
        for step in 0..3000 {
            let (core, line, writes) = (draw(8) as usize, draw(200) as u32, draw(3) == 0);
            let served = memory.access(core, line, writes, now);
            assert!(served.done > now, "an access takes time");
            assert_eq!(served.queued, 0, "nobody waits for an access that is done");
            now = served.done;
            if step % 100 == 0 {
                memory.check();
            }
        }
        memory.check();
        let Traffic { accesses, l1, l2, llc, memory: dram, near, far, upgrades, .. } =
            memory.counts();
        assert_eq!(accesses, 3000);
        assert_eq!(accesses, l1 + l2 + llc + dram + near + far + upgrades);
        assert!([l1, l2, llc, dram, near, far, upgrades].iter().all(|count| *count > 0));
    }
}
