//! An iteration ends, however slow `Clone` is: others change what it copies meanwhile.

use std::cell::{Cell, RefCell};

use structures::CuckooOptimisticItems;
use structures::reclaim::{Epoch, Hazard, Reclaimer};

use super::hooked::State;
use crate::alone::Case;

thread_local! {
    static OTHER: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
    static CLONES: Cell<u64> = const { Cell::new(0) };
}

/// Each clone takes as long as somebody else's update of another key in the bucket.
struct Slow(u64);

impl Clone for Slow {
    fn clone(&self) -> Self {
        // Not by the clones of the update itself.
        if let Some(mut update) = OTHER.take() {
            CLONES.set(CLONES.get() + 1);
            assert!(CLONES.get() < 10_000, "the iteration starts anew for each clone");
            update();
            OTHER.set(Some(update));
        }
        Self(self.0)
    }
}

fn an_iteration_ends<R: Reclaimer + 'static>() {
    type Map<R> = CuckooOptimisticItems<u64, Slow, R, State, 4>;
    let map: &'static Map<R> = Box::leak(Box::new(Map::default()));
    let (mut handle, mut other) = (map.handle(), map.handle());
    // Of one hash: one bucket.
    assert!((1..5).all(|key| handle.insert(key, Slow(0))));
    OTHER.set(Some(Box::new(move || {
        assert!(other.update(&1, |value| Slow(value.0 + 1)).is_some());
    })));
    let mut seen = Vec::new();
    handle.for_each(|key, _| seen.push(*key));
    OTHER.set(None);
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3, 4], "each once: an update stays in its place");
    assert!(CLONES.get() >= 4);
}

pub fn cases() -> Vec<Case> {
    vec![
        Case { name: "slow-clone/epoch".to_owned(), run: |_| an_iteration_ends::<Epoch>() },
        Case { name: "slow-clone/hazard".to_owned(), run: |_| an_iteration_ends::<Hazard>() },
    ]
}
