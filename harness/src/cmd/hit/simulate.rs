//! Caches of one client, simulated: how many of its reads hit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use eviction::evict::{Eviction, Visitor, for_each};
use eviction::store::{Config, ConfigError, Options, Sharded, Units, When};
use eviction::theory::Form;
use eviction::time::{Clock, Expiry};
use rand::SeedableRng;
use serde::Serialize;

use crate::trace::{Moment, Request, Trace};
use crate::workload::{Keys, Op, Purpose, Rng, UniformKeys, ZipfKeys, derive};

/// What a cache has hit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Hits {
    pub(super) eviction: &'static str,
    /// The cache's bound in bytes, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    /// Items that it has room for; or that it has in the end, if its bound is in bytes.
    pub(super) items: u64,
    /// Requests that were counted.
    pub(super) requests: u64,
    pub(super) hits: u64,
    pub(super) hit_ratio: f64,
    /// What theory says, if it does: not of a cache that was never full.
    #[serde(skip)]
    pub(super) closed_form: Option<f64>,
    #[serde(skip)]
    /// The policy's, for each item that there is, in bytes.
    pub(super) metadata_of_item: f64,
}

/// The requests.
#[derive(Debug)]
pub(super) enum Load {
    Drawn { keys: u64, zipf: f64, seed: u64, requests: u64, probabilities: Option<Vec<f64>> },
    Traced { trace: Trace, requests: usize },
}

impl Load {
    /// Shows `each` every request with its moment, and whether it is in the half that is counted.
    fn run(&self, mut each: impl FnMut(Request, Moment, bool)) {
        match self {
            Self::Drawn { keys, zipf, seed, requests, .. } => {
                let mut rng = Rng::seed_from_u64(derive(*seed, Purpose::Stream, 0));
                let mut drawn = distribution(*keys, *zipf, derive(*seed, Purpose::Scatter, 0));
                for number in 0..*requests {
                    let key = drawn.next_key(&mut rng) as u32;
                    let request = Request { op: Op::Get, key, value_bytes: 32 };
                    each(request, Moment::default(), number >= requests / 2);
                }
            }
            Self::Traced { trace, requests } => {
                for (number, &request) in trace.requests()[..*requests].iter().enumerate() {
                    each(request, trace.moment(number), number >= requests / 2);
                }
            }
        }
    }

    /// Bytes of the largest value that may be stored: a deletion's never is.
    pub(super) fn largest_value(&self) -> u32 {
        match self {
            Self::Drawn { .. } => 32,
            Self::Traced { trace, requests } => {
                let storing = trace.requests()[..*requests].iter().filter(|r| r.op != Op::Remove);
                storing.map(|one| one.value_bytes).max().unwrap_or(0)
            }
        }
    }

    /// The key of this number.
    fn name(&self, key: u32) -> Vec<u8> {
        let bytes = match self {
            Self::Drawn { .. } => 16,
            Self::Traced { trace, .. } => trace.key_bytes(key).min(250) as usize,
        };
        format!("{key:0bytes$}").into_bytes()
    }
}

fn distribution(keys: u64, zipf: f64, scatter: u64) -> Box<dyn Keys> {
    if zipf == 0.0 {
        return Box::new(UniformKeys::new(keys));
    }
    Box::new(ZipfKeys::new(keys, zipf, scatter))
}

/// A cache that is asked.
trait Cache {
    /// It is `moment` now, which is how long what is stored is valid.
    fn at(&mut self, moment: Moment);
    /// Whether the request's key is there. If not, it is stored.
    fn read(&mut self, request: Request) -> bool;
    fn write(&mut self, request: Request, when: When);
    fn remove(&mut self, request: Request);
    fn items(&self) -> usize;
    fn metadata_bytes(&self) -> usize;
}

/// A cache of items of one size.
impl<E: Eviction> Cache for Units<E> {
    /// Items without content do not expire.
    fn at(&mut self, _moment: Moment) {}

    fn read(&mut self, request: Request) -> bool {
        self.request(u64::from(request.key))
    }

    fn write(&mut self, request: Request, when: When) {
        let key = u64::from(request.key);
        let is_stored = match when {
            When::Absent => !self.contains(key),
            When::Present => self.contains(key),
            When::Always | When::Cas(_) => true,
        };
        if is_stored {
            self.request(key);
        }
    }

    fn remove(&mut self, request: Request) {
        self.remove(u64::from(request.key));
    }

    fn items(&self) -> usize {
        self.len()
    }

    fn metadata_bytes(&self) -> usize {
        self.metadata_bytes()
    }
}

/// A cache of byte strings, with the sizes that the requests say.
struct Bytes<'l, E> {
    cache: Sharded<E>,
    load: &'l Load,
    /// What values are made of, and where they are read into.
    zeros: Vec<u8>,
    value: Vec<u8>,
    /// The cache's time.
    clock: Arc<TraceTime>,
    ttl: u32,
}

/// Seconds, as the trace says them.
#[derive(Debug, Default)]
struct TraceTime(AtomicU32);

impl Clock for TraceTime {
    fn steady(&self) -> u64 {
        // Relaxed: one thread.
        u64::from(self.0.load(Relaxed))
    }

    fn wall(&self) -> u64 {
        self.steady()
    }
}

impl<E: Eviction> Cache for Bytes<'_, E> {
    fn at(&mut self, moment: Moment) {
        self.clock.0.store(moment.at, Relaxed);
        self.ttl = moment.ttl;
    }

    fn read(&mut self, request: Request) -> bool {
        self.value.clear();
        let is_there = self.cache.get(&self.load.name(request.key), &mut self.value).is_some();
        if !is_there {
            self.write(request, When::Always);
        }
        is_there
    }

    fn write(&mut self, request: Request, when: When) {
        let name = self.load.name(request.key);
        let bytes = (request.value_bytes as usize).min(self.zeros.len());
        // A value that is too large or has no room is not stored, and will be missed.
        let expiry = if self.ttl == 0 { Expiry::Never } else { Expiry::After(self.ttl) };
        let options = Options { when, expiry, ..Options::default() };
        _ = self.cache.set(&name, &self.zeros[..bytes], options);
    }

    fn remove(&mut self, request: Request) {
        self.cache.remove(&self.load.name(request.key));
    }

    fn items(&self) -> usize {
        self.cache.len()
    }

    fn metadata_bytes(&self) -> usize {
        self.cache.stats().metadata_bytes
    }
}

/// A cache of `bytes` bytes for values of up to `largest`: one shard, so that it is one cache, of at least 64 pages.
/// They are as small as the largest item lets them be, so that each class of sizes can have the memory that it is worth.
fn config(bytes: u64, largest: u32, seed: u64) -> Config {
    let bytes = bytes as usize;
    let page = (largest as usize + 512).next_power_of_two().max(1 << 12);
    let page = page.min(1 << (bytes / 64).ilog2()).min(1 << 20);
    let max_value = page - 512;
    let seed = Some(seed);
    Config { page, max_value, shards: 1, cas: false, seed, ..Config::of(bytes) }
}

/// Sends the requests to `cache`: how many reads were counted, and how many of these were hits.
fn simulate(load: &Load, cache: &mut impl Cache) -> (u64, u64) {
    let (mut reads, mut hits) = (0, 0);
    load.run(|request, moment, is_counted| {
        cache.at(moment);
        match request.op {
            Op::Get => {
                let is_hit = cache.read(request);
                reads += u64::from(is_counted);
                hits += u64::from(is_counted && is_hit);
            }
            Op::Insert => cache.write(request, When::Absent),
            Op::Update => cache.write(request, When::Present),
            Op::Upsert => cache.write(request, When::Always),
            Op::Remove => cache.remove(request),
        }
    });
    (reads, hits)
}

/// Which caches.
#[derive(Debug)]
pub(super) struct Caches<'a> {
    /// Policies; none are all.
    pub(super) eviction: &'a [&'static str],
    pub(super) items: &'a [u64],
    pub(super) bytes: &'a [u64],
    pub(super) seed: u64,
}

/// What each cache hits, in the order of `caches`.
pub(super) fn simulations(caches: &Caches<'_>, load: &Load) -> Result<Vec<Hits>, ConfigError> {
    let mut all = Simulations { caches, load, found: Ok(Vec::new()) };
    for_each(&mut all);
    let mut found = all.found?;
    found.sort_by_key(|hits| caches.eviction.iter().position(|name| *name == hits.eviction));
    Ok(found)
}

/// Simulates the policies that are wanted.
struct Simulations<'a> {
    caches: &'a Caches<'a>,
    load: &'a Load,
    found: Result<Vec<Hits>, ConfigError>,
}

impl Visitor for Simulations<'_> {
    fn visit<E: Eviction + 'static>(&mut self) {
        let wanted = self.caches.eviction;
        if !wanted.is_empty() && !wanted.contains(&E::NAME) {
            return;
        }
        match (self.of::<E>(), &mut self.found) {
            (Ok(more), Ok(found)) => found.extend(more),
            (Err(error), found) => *found = Err(error),
            (Ok(_), Err(_)) => {}
        }
    }
}

impl Simulations<'_> {
    /// What a policy hits in each cache.
    fn of<E: Eviction>(&self) -> Result<Vec<Hits>, ConfigError> {
        let Caches { items, bytes, seed, .. } = *self.caches;
        let mut found = Vec::new();
        for &items in items {
            let cache = Units::<E>::new(items as usize, seed);
            let hits = self.measure::<E>(cache, |cache| cache.items() as u64);
            // Theory's cache is full.
            let form = E::FORM.filter(|_| hits.items == items);
            let closed_form = self.load.closed_form(form, items as usize);
            found.push(Hits { items, closed_form, ..hits });
        }
        for &bytes in bytes {
            let clock = Arc::new(TraceTime::default());
            let config =
                Config { clock: clock.clone(), ..config(bytes, self.load.largest_value(), seed) };
            let (zeros, value) = (vec![0; config.max_value + 1], Vec::new());
            let (cache, load) = (Sharded::<E>::new(&config)?, self.load);
            let cache = Bytes { cache, load, zeros, value, clock, ttl: 0 };
            let hits = self.measure::<E>(cache, |cache| cache.items() as u64);
            found.push(Hits { bytes: Some(bytes), ..hits });
        }
        Ok(found)
    }

    fn measure<E: Eviction>(
        &self,
        mut cache: impl Cache,
        items: impl Fn(&dyn Cache) -> u64,
    ) -> Hits {
        let (requests, hits) = simulate(self.load, &mut cache);
        Hits {
            eviction: E::NAME,
            bytes: None,
            items: items(&cache),
            requests,
            hits,
            hit_ratio: hits as f64 / requests as f64,
            closed_form: None,
            metadata_of_item: cache.metadata_bytes() as f64 / cache.items().max(1) as f64,
        }
    }
}

impl Load {
    fn closed_form(&self, form: Option<Form>, items: usize) -> Option<f64> {
        match self {
            Self::Drawn { probabilities: Some(probabilities), .. } => {
                form.map(|form| form.hit_ratio(probabilities, items))
            }
            _ => None,
        }
    }
}
