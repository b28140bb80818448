//! Trials of a cache that is simple enough to say what it must do.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::sync::{Mutex, MutexGuard};

use table::cache::{CacheClient, CacheEntry, Serves, Serving};
use table::{Length, Op};

use super::*;
use crate::case::CacheLoad;
use crate::mix::Mix;
use crate::trace::Trace;

/// First in, first out: so many items, of a key's and a value's length each.
#[derive(Default)]
struct Queue {
    bound: u64,
    inner: Mutex<Inner>,
    /// What `held_bytes` says more than there is.
    beyond: u64,
    /// Values are another key's.
    lies: bool,
    /// What it says that it was above its bound.
    overrun: u64,
}

#[derive(Default)]
struct Inner {
    values: HashMap<Vec<u8>, Vec<u8>>,
    order: VecDeque<Vec<u8>>,
    bytes: u64,
    evictions: u64,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl SharedCache for Queue {
    fn client(&self) -> Box<dyn CacheClient + '_> {
        Box::new(Serving::new(self))
    }

    fn state(&self) -> CacheState {
        let inner = self.lock();
        CacheState {
            items: inner.values.len() as u64,
            memory_bytes: inner.bytes,
            evictions: Some(inner.evictions),
            overrun_bytes: self.overrun,
            ..CacheState::default()
        }
    }

    fn held_bytes(&self) -> Option<u64> {
        Some(self.lock().bytes + self.beyond)
    }
}

impl Serves for &Queue {
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> bool {
        let inner = self.lock();
        let Some(found) = inner.values.get(key) else { return false };
        value.extend_from_slice(found);
        value[0] ^= u8::from(self.lies);
        true
    }

    fn set(&mut self, key: &[u8], value: &[u8], _op: Op, _ttl: u32) -> bool {
        let mut inner = self.lock();
        let bytes = (key.len() + value.len()) as u64;
        if let Some(old) = inner.values.insert(key.to_vec(), value.to_vec()) {
            inner.bytes += bytes - (key.len() + old.len()) as u64;
            return true;
        }
        inner.order.push_back(key.to_vec());
        inner.bytes += bytes;
        while inner.bytes > self.bound {
            let oldest = inner.order.pop_front().unwrap();
            let value = inner.values.remove(&oldest).unwrap();
            inner.bytes -= (oldest.len() + value.len()) as u64;
            inner.evictions += 1;
        }
        true
    }

    fn remove(&mut self, _key: &[u8]) {}
}

/// A queue with these faults; and what makes it.
fn queue(beyond: u64, lies: bool, is_strict: bool) -> CacheMaker {
    let build: BuildCache = Box::new(move |options| {
        Ok(Box::new(Queue { bound: options.bytes, beyond, lies, ..Queue::default() }))
    });
    let entry = CacheEntry {
        store: "queue".to_owned(),
        eviction: "fifo".to_owned(),
        is_strict,
        ..CacheEntry::default()
    };
    CacheMaker { entry, builds: vec![("none".to_owned(), build)] }
}

fn spec(threads: usize, change: impl Fn(&mut Case)) -> CacheSpec {
    let mut case = Case {
        threads,
        mix: Mix { reads: 100.0, inserts: 0.0, ..Mix::balanced(100.0) },
        keys: 1000,
        prefill: 0,
        pin: false,
        key_bytes: Some(Length::Bytes(16)),
        value_bytes: Some(Length::Bytes(32)),
        cache: Some(CacheLoad { bytes: 48 * 100, requests: 40_001 }),
        ..Case::new("queue/fifo", "none")
    };
    change(&mut case);
    CacheSpec { case, seed: 3, trace_file: None }
}

fn run_queue(maker: &CacheMaker, spec: &CacheSpec) -> anyhow::Result<Cached> {
    run(maker, maker.build("none").unwrap(), spec)
}

#[test]
fn the_second_half_is_counted_whatever_the_number_of_threads() {
    for threads in [1, 3] {
        let cached = run_queue(&queue(0, false, true), &spec(threads, |_| {})).unwrap();
        assert_eq!(cached.measured.failures, [""; 0]);
        let CacheTally { requests, gets, hits, get_bytes, hit_bytes, .. } = cached.tally;
        assert_eq!((requests, gets, cached.measured.ops), (20_001, 20_001, 20_001));
        assert_eq!((get_bytes, hit_bytes), (32 * gets, 32 * hits));
        // A tenth of the keys are there, each as likely as any other: four standard deviations.
        let ratio = hits as f64 / gets as f64;
        assert!((ratio - 0.1).abs() < 4.0 * (0.09_f64 / gets as f64).sqrt(), "{ratio}");
        assert_eq!((cached.state.items, cached.state.memory_bytes), (100, 4800));
        assert_eq!(cached.peak_memory_bytes, 4800);
        assert!(cached.measured.seconds > 0.0 && cached.state.evictions > Some(10_000));
    }
}

#[test]
fn one_thread_hits_the_same_again_and_another_seed_others() {
    let of = |seed: u64| {
        let spec = CacheSpec { seed, ..spec(1, |_| {}) };
        run_queue(&queue(0, false, true), &spec).unwrap().tally
    };
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
}

#[test]
fn other_operations_are_no_lookups() {
    let upserts = |case: &mut Case| (case.mix.reads, case.mix.upserts) = (60.0, 40.0);
    let cached = run_queue(&queue(0, false, true), &spec(2, upserts)).unwrap();
    let share = cached.tally.gets as f64 / cached.tally.requests as f64;
    assert!((share - 0.6).abs() < 0.02 && cached.tally.requests == 20_001, "{share}");
}

#[test]
fn what_a_cache_does_wrong_fails_the_trial() {
    let failures = |beyond, lies, is_strict| {
        let cached = run_queue(&queue(beyond, lies, is_strict), &spec(2, |_| {})).unwrap();
        cached.measured.failures.join("; ")
    };
    let foreign = failures(0, true, true);
    assert!(foreign.ends_with(" values belonged to another key"), "{foreign}");
    assert_eq!(failures(1, false, true), "item memory was 4801 bytes, and its bound is 4800");
    assert_eq!(failures(1, false, false), "", "it claims no strict bound");
    // What a store has counted itself between two looks at it.
    let mut counting = queue(0, false, false);
    let build: BuildCache = Box::new(|options| {
        Ok(Box::new(Queue { bound: options.bytes, overrun: 77, ..Queue::default() }))
    });
    counting.builds = vec![("none".to_owned(), build)];
    let cached = run_queue(&counting, &spec(1, |_| {})).unwrap();
    assert_eq!(cached.peak_memory_bytes, 4877);
}

/// The machine may have other things to do than to let the main thread look while the workers work.
#[test]
fn memory_is_looked_at_when_all_have_ended_at_once() {
    let spec = spec(1, |_| {});
    let requests = Requests::of(&spec).unwrap();
    let cache = Queue { beyond: 9, ..Queue::default() };
    assert_eq!(Trial::new(&cache, &requests, &spec).watch(0), 9);
}

#[test]
fn a_reader_stalls_in_a_key_that_is_there_and_ends() {
    let stalled = |case: &mut Case| case.fault = Fault::StalledReader;
    let cached = run_queue(&queue(0, false, true), &spec(2, stalled)).unwrap();
    assert_eq!((cached.measured.warnings, cached.tally.requests), (Vec::<String>::new(), 20_001));
    // Nothing is ever there.
    let none = |case: &mut Case| {
        stalled(case);
        case.cache = Some(CacheLoad { bytes: 1, requests: 200 });
    };
    let cached = run_queue(&queue(0, false, true), &spec(1, none)).unwrap();
    assert_eq!(cached.measured.warnings, ["no key was there for the stalled reader"]);
    let mut locked = queue(0, false, true);
    locked.entry.why_no_stall = "it would hold a lock".to_owned();
    let said = run_queue(&locked, &spec(1, stalled)).unwrap_err().to_string();
    assert!(said.contains("it would hold a lock"), "{said}");
    let idle = |case: &mut Case| case.fault = Fault::IdleRegistered;
    assert!(run_queue(&locked, &spec(1, idle)).is_err());
}

/// A trace's deletions store nothing, nor does what comes behind the trial's last request.
#[test]
fn a_cache_is_made_for_what_a_trace_stores() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let lines = [("a", 10, "get"), ("b", 0, "delete"), ("a", 9000, "delete"), ("a", 70, "set")];
    let lines = lines.into_iter().chain([("c", 8000, "set"), ("c", 1, "get")]);
    let line = |(key, bytes, op): (&str, u32, &str)| format!("0,{key},20,{bytes},1,{op},0\n");
    fs::write(&path, lines.map(line).collect::<String>()).unwrap();
    let facts = Trace::read(&path).unwrap().facts(&path);
    let replayed = |case: &mut Case| {
        case.replay(&facts);
        (case.key_bytes, case.value_bytes) = (None, None);
        case.cache = Some(CacheLoad { bytes: 1 << 20, requests: 4 });
    };
    let spec = CacheSpec { trace_file: Some(path.clone()), ..spec(1, replayed) };
    let requests = Requests::of(&spec).unwrap();
    assert_eq!((requests.smallest_item(), requests.largest_value()), (20 + 10, 70));
}

#[test]
fn a_trace_is_replayed_once_with_its_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let line = |key: u32, bytes: u32| format!("0,k{key},20,{bytes},1,get,0\n");
    // The second half asks for 50 keys of 70 bytes, of which 30 were there last.
    let lines: String = (0..50).map(|key| line(key, 10)).collect::<String>()
        + &(20..70).map(|key| line(key, 70)).collect::<String>();
    fs::write(&path, lines).unwrap();
    let facts = Trace::read(&path).unwrap().facts(&path);
    let replayed = |case: &mut Case| {
        case.replay(&facts);
        (case.key_bytes, case.value_bytes) = (None, None);
        case.cache = Some(CacheLoad { bytes: 1 << 20, requests: 100 });
    };
    let spec = CacheSpec { trace_file: Some(path.clone()), ..spec(1, replayed) };
    let cached = run_queue(&queue(0, false, true), &spec).unwrap();
    let CacheTally { gets, hits, get_bytes, hit_bytes, .. } = cached.tally;
    assert_eq!((gets, hits, hit_bytes, get_bytes), (50, 30, 300, 300 + 20 * 70));
    assert_eq!(cached.state.memory_bytes, 50 * 30 + 20 * 90, "keys of 20 bytes");
    assert_eq!(cached.measured.payload_bytes, Some(60.0));
    let mut longer = spec.clone();
    longer.case.cache = Some(CacheLoad { bytes: 1 << 20, requests: 101 });
    let said = run_queue(&queue(0, false, true), &longer).unwrap_err().to_string();
    assert!(said.contains("100 requests, fewer than 101"), "{said}");
    fs::write(&path, line(1, 1)).unwrap();
    let said = run_queue(&queue(0, false, true), &spec).unwrap_err().to_string();
    assert!(said.contains("another trace now"), "{said}");
}
