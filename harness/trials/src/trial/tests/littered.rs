//! A table whose prefill leaves something to free.

use std::sync::atomic::AtomicBool;

use table::meter::{Delays, Meter, Reading, Tally};

use super::*;

/// What a prefill has left for lookups to free, one each. More than fit into a warm-up.
static LITTER: AtomicUsize = AtomicUsize::new(0);

/// Whether it has left a wait in the meter's sample.
static HAS_WAITED: AtomicBool = AtomicBool::new(false);

/// A table whose prefill leaves it.
struct Littered(ChainingBucketLock<u64, u64>);

impl DirectMap<u64, u64> for Littered {
    fn get_with<T>(&self, key: &u64, read: impl FnOnce(&u64) -> T) -> Option<T> {
        let _ = LITTER.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        self.0.get(key).map(|value| read(&value))
    }

    fn insert(&self, key: u64, value: u64) -> bool {
        LITTER.fetch_add(4_000, Relaxed);
        HAS_WAITED.store(true, Relaxed);
        self.0.insert(key, value)
    }

    fn update(&self, key: &u64, f: impl FnMut(&u64) -> u64) -> Option<u64> {
        self.0.update(key, f)
    }

    fn upsert(&self, key: u64, f: impl FnMut(Option<&u64>) -> u64) -> Option<u64> {
        self.0.upsert(key, f)
    }

    fn remove(&self, key: &u64) -> Option<u64> {
        self.0.remove(key)
    }

    fn for_each(&self, f: impl FnMut(&u64, &u64)) {
        DirectMap::for_each(&self.0, f);
    }
}

impl ConcurrentMap<u64, u64> for Littered {
    const INFO: MapInfo = MapInfo { counts_nodes: true, ..MapInfo::UNKNOWN };

    type Handle<'m> = Direct<'m, Self>;

    fn handle(&self) -> Direct<'_, Self> {
        Direct::new(self)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

#[test]
fn what_the_prefill_has_retired_is_freed_before_anything_is_measured() {
    fn read() -> Option<Reading> {
        let (nodes, bytes) = (LITTER.load(Relaxed) as u64, 0);
        Some(Reading { unreclaimed: Tally { nodes, bytes }, ..Reading::default() })
    }
    fn delays() -> Option<Delays> {
        HAS_WAITED.load(Relaxed).then_some(Delays { p50: 1.0, p99: 2.0, max: 3.0 })
    }
    fn forget() {
        HAS_WAITED.store(false, Relaxed);
    }
    let mut maker = maker(|_: &MapOptions| Littered(ChainingBucketLock::default()));
    maker.meter = Meter { read, delays, forget, ..Meter::default() };
    let measured = super::super::run(&maker, &spec(1, Mix::balanced(100.0), 0.0)).unwrap();
    assert_eq!(measured.failures, Vec::<String>::new());
    assert_eq!(measured.peak_unreclaimed, Some(0));
    assert_eq!(measured.free_delay_max, None, "lookups retire nothing");
}
