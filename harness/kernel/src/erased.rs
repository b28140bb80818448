//! A table behind a trait object: the code that is compiled for each table, besides the table's own.

use structures::map::{ConcurrentMap, Held, MapHandle, MapInfo, PinnedMap, Progress};
use structures::meter;
use table::meter::{Delays, Meter, Reading, Tally};
use table::{
    BLIND, Books, Calls, CountingMaker, Feed, Fillable, Filler, Handle, Info, KEY_BITS, Maker,
    MapOptions, Moves, Op, Table,
};

use crate::counting;

/// A maker of the tables that `build` makes, for code that knows them only by name.
pub fn maker<'b, M: ConcurrentMap<u64, u64> + 'static>(
    build: impl Fn(&MapOptions) -> M + Send + Sync + 'b,
) -> Maker<'b> {
    Maker {
        info: info(&M::INFO),
        meter: METER,
        build: Box::new(move |options| Box::new(Erased { map: build(options), counts: false })),
    }
}

/// The same for tables whose searches are [`Counting`](crate::Counting).
pub fn counting_maker<M: ConcurrentMap<u64, u64> + 'static>(
    build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
) -> CountingMaker {
    CountingMaker {
        info: info(&M::INFO),
        build: Box::new(move |options| Box::new(Erased { map: build(options), counts: true })),
    }
}

/// The meter of [`structures`].
const METER: Meter = Meter { read, delays, forget: meter::forget, slept: meter::slept };

fn read() -> Option<Reading> {
    let reading = meter::read()?;
    let meter::Tally { nodes, bytes } = reading.unreclaimed();
    Some(Reading {
        retired: reading.retired.nodes,
        freed: reading.freed.nodes,
        discarded: reading.discarded.nodes,
        unreclaimed: Tally { nodes, bytes },
    })
}

fn delays() -> Option<Delays> {
    let meter::Delays { p50, p99, max, .. } = meter::delays()?;
    Some(Delays { p50, p99, max })
}

fn info(info: &MapInfo) -> Info {
    Info {
        family: info.family.to_owned(),
        summary: info.summary.to_owned(),
        get: progress(info.get),
        insert: progress(info.insert),
        update: progress(info.update),
        remove: progress(info.remove),
        progress_is_tested: info.progress_is_tested,
        held: held(info.held),
        keeps_entries: info.keeps_entries,
        counts_nodes: info.counts_nodes,
        len_is_bounded: info.len_is_bounded,
        iterates_snapshots: info.iterates_snapshots,
        max_threads: info.max_threads,
    }
}

fn progress(progress: Progress) -> table::Progress {
    match progress {
        Progress::WaitFree => table::Progress::WaitFree,
        Progress::LockFree => table::Progress::LockFree,
        Progress::Blocking => table::Progress::Blocking,
        Progress::Unknown => table::Progress::Unknown,
    }
}

/// The memory that a stalled reader holds, in the interface's terms.
pub(crate) fn held(held: Held) -> table::Held {
    match held {
        Held::Nothing => table::Held::Nothing,
        Held::Constant => table::Held::Constant,
        Held::TableSize => table::Held::TableSize,
        Held::Unbounded => table::Held::Unbounded,
        Held::Unknown => table::Held::Unknown,
    }
}

/// A table, and whether its moves are counted.
struct Erased<M> {
    map: M,
    counts: bool,
}

impl<M: ConcurrentMap<u64, u64>> Table for Erased<M> {
    fn handle(&self) -> Box<dyn Handle + '_> {
        Box::new(Worker(Single(ByHandle(self.map.handle()))))
    }
}

impl<M: ConcurrentMap<u64, u64>> Fillable for Erased<M> {
    fn filler(&self) -> Box<dyn Filler + '_> {
        Box::new(Worker(Single(ByHandle(self.map.handle()))))
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn capacity(&self) -> Option<usize> {
        self.map.capacity()
    }

    fn longest_chain(&self) -> Option<usize> {
        self.map.longest_chain()
    }

    fn take_moves(&self) -> Option<Moves> {
        self.counts.then(counting::take)
    }
}

/// The operations, through a handle or a pin: a table may implement the two in different ways. Both are types, so
/// that the loop over operations is compiled for each separately and the choice costs neither
/// anything.
trait Operations {
    fn get(&mut self, key: &u64) -> Option<u64>;
    fn get_with(&mut self, key: &u64, read: impl FnOnce(&u64) -> u64) -> Option<u64>;
    fn insert(&mut self, key: u64, value: u64) -> bool;
    fn update(&mut self, key: &u64, f: impl FnMut(&u64) -> u64) -> Option<u64>;
    fn upsert(&mut self, key: u64, f: impl FnMut(Option<&u64>) -> u64) -> Option<u64>;
    fn remove(&mut self, key: &u64) -> Option<u64>;
    fn for_each(&mut self, f: impl FnMut(&u64, &u64));
}

/// Each operation pins separately.
struct ByHandle<H>(H);

/// Within a pin that is held already.
struct ByPin<P>(P);

/// The operations of a handle and of a pin have the same names, but belong to different traits.
macro_rules! operations {
    ($by:ident: $of:ident) => {
        impl<T: $of<u64, u64>> Operations for $by<T> {
            #[inline(always)]
            fn get(&mut self, key: &u64) -> Option<u64> {
                $of::get(&mut self.0, key)
            }

            #[inline(always)]
            fn get_with(&mut self, key: &u64, read: impl FnOnce(&u64) -> u64) -> Option<u64> {
                $of::get_with(&mut self.0, key, read)
            }

            #[inline(always)]
            fn insert(&mut self, key: u64, value: u64) -> bool {
                $of::insert(&mut self.0, key, value)
            }

            #[inline(always)]
            fn update(&mut self, key: &u64, f: impl FnMut(&u64) -> u64) -> Option<u64> {
                $of::update(&mut self.0, key, f)
            }

            #[inline(always)]
            fn upsert(&mut self, key: u64, f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
                $of::upsert(&mut self.0, key, f)
            }

            #[inline(always)]
            fn remove(&mut self, key: &u64) -> Option<u64> {
                $of::remove(&mut self.0, key)
            }

            fn for_each(&mut self, f: impl FnMut(&u64, &u64)) {
                $of::for_each(&mut self.0, f);
            }
        }
    };
}

operations!(ByHandle: MapHandle);
operations!(ByPin: PinnedMap);

/// [`Operations`] as a trait object.
struct Single<T>(T);

impl<T: Operations> Calls for Single<T> {
    fn get(&mut self, key: u64) -> Option<u64> {
        Operations::get(&mut self.0, &key)
    }

    fn get_with(&mut self, key: u64, read: &mut dyn FnMut(&u64) -> u64) -> Option<u64> {
        Operations::get_with(&mut self.0, &key, read)
    }

    fn insert(&mut self, key: u64, value: u64) -> bool {
        Operations::insert(&mut self.0, key, value)
    }

    fn update(&mut self, key: u64, f: &mut dyn FnMut(&u64) -> u64) -> Option<u64> {
        Operations::update(&mut self.0, &key, f)
    }

    fn upsert(&mut self, key: u64, f: &mut dyn FnMut(Option<&u64>) -> u64) -> Option<u64> {
        Operations::upsert(&mut self.0, key, f)
    }

    fn remove(&mut self, key: u64) -> Option<u64> {
        Operations::remove(&mut self.0, &key)
    }

    fn for_each(&mut self, f: &mut dyn FnMut(u64, u64)) {
        Operations::for_each(&mut self.0, |key, value| f(*key, *value));
    }
}

/// Runs one operation and records it. No branch here depends on the result.
///
/// The operation is found by comparing, and not by a `match`, which would be an indirect jump:
/// mispredicted as often, and dearer each time.
#[inline(always)]
fn operate(books: &mut Books, table: &mut impl Operations, op: Op, key: u64) {
    if op <= Op::Insert {
        if op == Op::Get {
            books.consume(key, table.get(&key));
        } else {
            let new = u64::from(table.insert(key, key));
            books.inserted += new;
            books.inserted_keys = books.inserted_keys.wrapping_add(new * key);
        }
    } else if op == Op::Remove {
        let old = table.remove(&key);
        let gone = u64::from(old.is_some());
        books.removed += gone;
        books.removed_keys = books.removed_keys.wrapping_add(gone * key);
        books.consume(key, old);
    } else if op == Op::Update {
        let old = table.update(&key, |value| value.wrapping_add(1 << KEY_BITS));
        books.consume(key, old);
    } else {
        let old = table.upsert(key, |_| key | BLIND);
        let new = u64::from(old.is_none());
        books.inserted += new;
        books.inserted_keys = books.inserted_keys.wrapping_add(new * key);
        books.consume(key, old);
    }
}

/// Runs the operations of `feed` until a block is empty.
#[inline(always)]
fn work(table: &mut impl Operations, feed: &mut dyn Feed, books: &mut Books) {
    loop {
        let block = feed.next();
        if block.is_empty() {
            return;
        }
        for &(op, key) in block {
            operate(books, table, op, key);
        }
    }
}

/// A thread's handle.
struct Worker<H>(Single<ByHandle<H>>);

impl<H: MapHandle<u64, u64>> Filler for Worker<H> {
    fn fill(&mut self, keys: &[u64]) -> usize {
        MapHandle::insert_many(&mut self.0.0.0, keys.iter().map(|key| (*key, *key)))
    }

    fn insert(&mut self, key: u64) -> bool {
        MapHandle::insert(&mut self.0.0.0, key, key)
    }

    fn find(&mut self, keys: &[u64]) -> usize {
        let found =
            |key: &&u64| std::hint::black_box(MapHandle::get(&mut self.0.0.0, key)) == Some(**key);
        keys.iter().filter(found).count()
    }
}

impl<H: MapHandle<u64, u64>> Handle for Worker<H> {
    fn run(&mut self, feed: &mut dyn Feed, books: &mut Books) {
        // A copy, which may stay in registers.
        let mut ours = *books;
        work(&mut self.0.0, feed, &mut ours);
        *books = ours;
    }

    fn run_pinned(&mut self, pins: u32, feed: &mut dyn Feed, books: &mut Books) {
        let mut ours = *books;
        for _ in 0..pins {
            work(&mut ByPin(self.0.0.0.pin()), feed, &mut ours);
        }
        *books = ours;
    }

    fn get_many(&mut self, keys: &[u64], values: &mut [Option<u64>]) {
        MapHandle::get_many(&mut self.0.0.0, keys, values);
    }

    fn add(&mut self, counts: &[(u64, u64)]) {
        for &(word, count) in counts {
            let add = |old: Option<&u64>| old.copied().unwrap_or(0) + count;
            MapHandle::upsert(&mut self.0.0.0, word, add);
        }
    }

    fn offline(&mut self, f: &mut dyn FnMut()) {
        MapHandle::offline(&mut self.0.0.0, f);
    }

    fn calls(&mut self) -> &mut dyn Calls {
        &mut self.0
    }

    fn pinned(&mut self, f: &mut dyn FnMut(&mut dyn Calls)) {
        f(&mut Single(ByPin(self.0.0.0.pin())));
    }
}
