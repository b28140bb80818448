//! Tables to judge comparisons by: a dozen that are alike, and two that do a little more work.
//!
//! ```text
//! cargo run --release --example handicap -- run --structure plain-1,handicapped-1 --threads 2
//! ```
//!
//! A comparison of two plain ones is to call no difference, but by chance; one with a handicapped one is to call
//! it slower. `ci/turns_evidence.py` counts how often they do.

use std::cell::Cell;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::process::ExitCode;

use structures::ChainingBucketLock;
use structures::map::{ConcurrentMap, Direct, DirectMap};

/// Tables that are alike.
const PLAIN: u32 = 12;
/// Tables that do more.
const HANDICAPPED: u32 = 2;
/// Of so many operations one is followed by a lookup of another key: 3 % of the work of a trial with few
/// writes, of which a part is not the table's.
const SOME: u32 = 27;
/// Of so many: a thread does not get there.
const NONE: u32 = u32::MAX;

fn main() -> ExitCode {
    let plain = (1..=PLAIN).fold(harness::Bench::new(), |bench, number| {
        let name = format!("plain-{number}");
        bench.structure_with(&name, |o| Handicap::<_, NONE>::of(o.capacity, o.hasher()))
    });
    let all = (1..=HANDICAPPED).fold(plain, |bench, number| {
        let name = format!("handicapped-{number}");
        bench.structure_with(&name, |o| Handicap::<_, SOME>::of(o.capacity, o.hasher()))
    });
    all.main()
}

/// A table of ours, of whose operations one in `EVERY` on each thread does more.
struct Handicap<S, const EVERY: u32>(ChainingBucketLock<u64, u64, S>);

thread_local! {
    /// Operations of this thread since it last did more.
    static SINCE: Cell<u32> = const { Cell::new(0) };
}

impl<S: BuildHasher, const EVERY: u32> Handicap<S, EVERY> {
    fn of(capacity: usize, hasher: S) -> Self {
        Self(ChainingBucketLock::with_capacity_and_hasher(capacity, hasher))
    }

    /// To call after an operation on `key`: a key next to it is as likely to be there, in another bucket.
    fn more(&self, key: u64) {
        let since = SINCE.get() + 1;
        if since == EVERY {
            SINCE.set(0);
            black_box(self.0.get_with(&(key ^ 1), |value| *value));
        } else {
            SINCE.set(since);
        }
    }
}

impl<S, const EVERY: u32> ConcurrentMap<u64, u64> for Handicap<S, EVERY>
where
    S: BuildHasher + Send + Sync + 'static,
{
    type Handle<'m> = Direct<'m, Self>;

    fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl<S, const EVERY: u32> DirectMap<u64, u64> for Handicap<S, EVERY>
where
    S: BuildHasher + Send + Sync,
{
    fn get_with<T>(&self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
        let found = self.0.get_with(key, read);
        self.more(*key);
        found
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        let is_new = self.0.insert(key, value);
        self.more(key);
        is_new
    }

    fn update(&self, key: &u64, f: impl FnMut(&u64) -> u64) -> Option<u64> {
        let old = self.0.update(key, f);
        self.more(*key);
        old
    }

    fn upsert(&self, key: u64, f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        let old = self.0.upsert(key, f);
        self.more(key);
        old
    }

    fn remove(&self, key: &u64) -> Option<u64> {
        let old = self.0.remove(key);
        self.more(*key);
        old
    }

    fn for_each(&self, f: impl FnMut(&u64, &u64)) {
        self.0.for_each(f);
    }
}
