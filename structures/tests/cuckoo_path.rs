//! Path searches on graphs whose every path is known.

use std::collections::{HashMap, HashSet, VecDeque};

use proptest::prelude::*;
use structures::cuckoo::path::{Bfs, Graph, Place, RandomWalk, Search};

/// Buckets of four slots; each slot says to which bucket its entry can move.
#[derive(Clone, Debug)]
struct Buckets<const SLOTS: usize>(Vec<[Option<usize>; SLOTS]>);

impl<const SLOTS: usize> Graph for Buckets<SLOTS> {
    const SLOTS: usize = SLOTS;

    fn other_bucket(&self, place: Place) -> Option<usize> {
        self.0[place.bucket][place.slot]
    }
}

impl<const SLOTS: usize> Buckets<SLOTS> {
    /// Moves on a shortest path, by a search that forgets no bucket.
    fn distance(&self, starts: [usize; 2]) -> Option<usize> {
        let mut queue: VecDeque<_> = starts.iter().map(|bucket| (*bucket, 0)).collect();
        let mut seen = HashSet::from(starts);
        while let Some((bucket, moves)) = queue.pop_front() {
            for other in self.0[bucket] {
                let Some(other) = other else { return Some(moves) };
                if seen.insert(other) {
                    queue.push_back((other, moves + 1));
                }
            }
        }
        None
    }

    /// Makes the moves, from the hole backwards, as a table does.
    fn follow(&self, starts: [usize; 2], path: &[Place]) -> Result<(), String> {
        if !path.first().is_some_and(|first| starts.contains(&first.bucket)) {
            return Err(format!("does not begin in {starts:?}"));
        }
        let mut now = self.clone();
        for hop in path.windows(2).rev() {
            let (from, to) = (hop[0], hop[1]);
            if now.other_bucket(to).is_some() {
                return Err(format!("{to:?} is in use"));
            }
            if now.other_bucket(from) != Some(to.bucket) {
                return Err(format!("the entry at {from:?} cannot move to {to:?}"));
            }
            now.0[to.bucket][to.slot] = Some(from.bucket);
            now.0[from.bucket][from.slot] = None;
        }
        match now.other_bucket(path[0]) {
            None => Ok(()),
            Some(_) => Err("ends with no hole".to_owned()),
        }
    }
}

/// Buckets whose every entry can move to some other bucket, with up to `holes` empty slots.
fn buckets<const SLOTS: usize>(
    count: usize,
    holes: usize,
) -> impl Strategy<Value = Buckets<SLOTS>> {
    let entries = proptest::collection::vec(0..count, count * SLOTS);
    let empty = proptest::collection::vec(0..count * SLOTS, 0..=holes);
    (entries, empty).prop_map(move |(entries, empty)| {
        let mut buckets = Buckets(vec![[None; SLOTS]; count]);
        for (i, other) in entries.into_iter().enumerate() {
            let bucket = i / SLOTS;
            // Never the bucket itself.
            let other = if other == bucket { (other + 1) % count } else { other };
            buckets.0[bucket][i % SLOTS] = Some(other);
        }
        empty.into_iter().for_each(|i| buckets.0[i / SLOTS][i % SLOTS] = None);
        buckets
    })
}

proptest! {
    #[test]
    fn breadth_first_paths_are_shortest(graph in buckets::<4>(64, 6), seed: u64) {
        check_shortest(&graph, seed)?;
    }

    #[test]
    fn breadth_first_paths_are_shortest_with_two_slots(graph in buckets::<2>(64, 6), seed: u64) {
        check_shortest(&graph, seed)?;
    }

    #[test]
    fn random_walks_can_be_followed(graph in buckets::<4>(32, 4), seed: u64) {
        check_walk::<1>(&graph, seed)?;
        check_walk::<2>(&graph, seed)?;
    }

    #[test]
    fn the_same_seed_gives_the_same_path(graph in buckets::<4>(32, 4), seed: u64) {
        prop_assert_eq!(Bfs::find(&graph, [0, 1], seed), Bfs::find(&graph, [0, 1], seed));
        let walk = || RandomWalk::<2>::find(&graph, [0, 1], seed);
        prop_assert_eq!(walk(), walk());
    }
}

/// Buckets reached twice are examined twice, so a hole may be out of reach; but not if even the
/// widest tree up to there has no more buckets than are examined.
fn check_shortest<const SLOTS: usize>(
    graph: &Buckets<SLOTS>,
    seed: u64,
) -> Result<(), TestCaseError> {
    let distance = graph.distance([0, 1]);
    let Some(path) = Bfs::find(graph, [0, 1], seed) else {
        let tree = |moves| (0..=moves).map(|level| 2 * SLOTS.pow(level as u32)).sum::<usize>();
        prop_assert!(distance.is_none_or(|moves| tree(moves) > Bfs::EXAMINED / SLOTS));
        return Ok(());
    };
    prop_assert_eq!(Some(path.len() - 1), distance);
    prop_assert_eq!(graph.follow([0, 1], &path), Ok(()));
    Ok(())
}

fn check_walk<const WALKS: usize>(graph: &Buckets<4>, seed: u64) -> Result<(), TestCaseError> {
    match RandomWalk::<WALKS>::find(graph, [0, 1], seed) {
        Some(path) => {
            prop_assert_eq!(graph.follow([0, 1], &path), Ok(()));
            prop_assert!(path.len() <= 501, "more than 500 displacements");
        }
        // One walk looks at the first bucket alone, two at both.
        None => prop_assert_ne!(graph.distance([0, WALKS - 1]), Some(0)),
    }
    Ok(())
}

/// The paper's bound, for a graph in which no two slots lead to the same bucket: 2000 slots of four
/// a bucket are those of all buckets up to three moves away, and of some that are four away. So
/// five buckets are on a path.
#[test]
fn breadth_first_paths_have_at_most_five_buckets() {
    assert_eq!(longest_in_tree::<4>(), 4);
    assert_eq!(longest_in_tree::<8>(), 3);
}

/// The deepest level of such a tree of which the search finds a hole in the first bucket.
fn longest_in_tree<const SLOTS: usize>() -> u32 {
    let levels = (0..).take_while(|depth| hole_in_tree::<SLOTS>(*depth).is_some());
    levels.last().expect("a hole in a start is found")
}

fn hole_in_tree<const SLOTS: usize>(depth: u32) -> Option<Vec<Place>> {
    let before: usize = (0..depth).map(|level| 2 * SLOTS.pow(level)).sum();
    let tree = Tree::<SLOTS> { hole: before };
    let path = Bfs::find(&tree, [0, 1], 0)?;
    assert_eq!(path.len() - 1, depth as usize);
    assert_eq!(path.last().map(|place| place.bucket), Some(before));
    Some(path)
}

/// Two complete trees side by side, numbered level by level: bucket b leads to 2 + b · SLOTS and
/// the next ones.
struct Tree<const SLOTS: usize> {
    hole: usize,
}

impl<const SLOTS: usize> Graph for Tree<SLOTS> {
    const SLOTS: usize = SLOTS;

    fn other_bucket(&self, place: Place) -> Option<usize> {
        (place.bucket != self.hole).then_some(2 + place.bucket * SLOTS + place.slot)
    }
}

/// Slots that lead back, or to the same bucket as another, take no place among those examined: a
/// chain of buckets is followed to its end.
#[test]
fn breadth_first_search_follows_a_chain() {
    struct Chain;
    impl Graph for Chain {
        const SLOTS: usize = 4;
        fn other_bucket(&self, place: Place) -> Option<usize> {
            let ahead = place.bucket + 2;
            let back = place.bucket.checked_sub(2).unwrap_or(ahead);
            (place.bucket < 490).then_some([back, ahead, ahead, back][place.slot])
        }
    }
    let path = Bfs::find(&Chain, [0, 1], 0).expect("490 of 500 buckets");
    assert_eq!(path.len() - 1, 245);
}

/// Searches end, after as many looks at slots as they say, where no slot is empty.
#[test]
fn searches_give_up() {
    struct Endless(std::cell::Cell<usize>);
    impl Graph for Endless {
        const SLOTS: usize = 4;
        fn other_bucket(&self, place: Place) -> Option<usize> {
            self.0.set(self.0.get() + 1);
            Some(2 + place.bucket * 4 % 1_000_003 + place.slot)
        }
    }
    fn looks<S: Search>() -> usize {
        let graph = Endless(std::cell::Cell::new(0));
        assert_eq!(S::find(&graph, [0, 1], 7), None);
        graph.0.get()
    }
    assert_eq!(looks::<Bfs>(), Bfs::EXAMINED);
    // Each of 501 buckets: all four slots, and the entry to move.
    assert_eq!(looks::<RandomWalk<1>>(), 501 * 5);
    assert_eq!(looks::<RandomWalk<2>>(), 2 * 501 * 5);
}

/// The entry that is moved is not always that in the same slot.
#[test]
fn seeds_give_different_paths() {
    // All entries of bucket 0 and 1 can move to bucket 2, which is empty.
    let graph = Buckets(vec![[Some(2); 4], [Some(2); 4], [None; 4]]);
    let slots = |find: fn(&Buckets<4>, [usize; 2], u64) -> Option<Vec<Place>>| {
        let mut moved = HashMap::new();
        for seed in 0..64_u64 {
            let path = find(&graph, [0, 1], seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            *moved.entry(path.expect("there is room")[0].slot).or_insert(0) += 1;
        }
        moved.len()
    };
    assert_eq!(slots(Bfs::find), 4);
    assert_eq!(slots(RandomWalk::<1>::find), 4);
}
