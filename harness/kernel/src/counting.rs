//! Displacements, counted where cuckoo paths are found.
//!
//! A path search is a type parameter of a cuckoo table. So the table of a counted fill has another
//! type than the one that is measured, and the latter pays nothing for the counting.

use std::cell::Cell;
use std::marker::PhantomData;

use structures::cuckoo::path::{Graph, Place, Search};
use table::Moves;

/// `P`, whose paths are counted, thread by thread. While one thread uses the table, each path is
/// walked to its end as it was found, so that its places, less one, are entries that move.
#[derive(Debug)]
pub struct Counting<P>(PhantomData<P>);

thread_local! {
    static MOVES: Cell<Moves> = const { Cell::new(Moves { all: 0, most: 0 }) };
}

impl<P: Search> Search for Counting<P> {
    const NAME: &'static str = P::NAME;

    fn find<G: Graph>(graph: &G, starts: [usize; 2], seed: u64) -> Option<Vec<Place>> {
        let path = P::find(graph, starts, seed)?;
        let moves = path.len() as u64 - 1;
        MOVES.with(|counted| {
            let Moves { all, most } = counted.get();
            counted.set(Moves { all: all + moves, most: most.max(moves) });
        });
        Some(path)
    }
}

/// The moves that this thread's searches have found since the last call.
pub(crate) fn take() -> Moves {
    MOVES.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bucket's entries lead to the second, which has an empty slot if it is told so.
    struct Two {
        has_room: bool,
    }

    impl Graph for Two {
        const SLOTS: usize = 1;

        fn other_bucket(&self, place: Place) -> Option<usize> {
            match place.bucket {
                2 if self.has_room => None,
                bucket => Some((bucket + 2) % 4),
            }
        }
    }

    /// Finds the path of one hop, if there is room.
    struct Hop;

    impl std::fmt::Debug for Hop {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Hop")
        }
    }

    impl Search for Hop {
        const NAME: &'static str = "hop";

        fn find<G: Graph>(graph: &G, starts: [usize; 2], _: u64) -> Option<Vec<Place>> {
            let first = Place { bucket: starts[0], slot: 0 };
            let then = Place { bucket: graph.other_bucket(first)?, slot: 0 };
            graph.other_bucket(then).is_none().then(|| vec![first, then])
        }
    }

    #[test]
    fn a_path_of_two_places_is_a_move_and_none_is_none() {
        take();
        assert!(Counting::<Hop>::find(&Two { has_room: true }, [0, 1], 0).is_some());
        assert!(Counting::<Hop>::find(&Two { has_room: true }, [0, 1], 0).is_some());
        assert!(Counting::<Hop>::find(&Two { has_room: false }, [0, 1], 0).is_none());
        assert_eq!(take(), Moves { all: 2, most: 1 });
        assert_eq!(take(), Moves::default());
    }
}
