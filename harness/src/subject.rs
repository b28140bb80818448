//! The registry: structure × reclaimer → a monomorphised trial. With the conformance matrix,
//! the only place that names two axes.

mod families;
mod forms;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use foldhash::fast::FixedState;
use structures::cuckoo::path::Bfs;
use structures::exclusion::Optimistic;
use structures::map::{ConcurrentMap, MapInfo};
use structures::reclaim::{self, Caps, Epoch, Hazard, Reclaimer, RefCounts, RootScheme, Visitor};
use structures::tagging::Tagged;
use structures::versioned::SHARDS;
use structures::versioned::cow::{Cas, Locked};
use structures::versioned::flat::Flat;
use structures::versioned::hamt::Bundled;
use structures::versioned::left_right::LeftRight;
use structures::versioned::map::VersionedMap;
use structures::{
    ChainingBucketLock, ChainingGlobalLock, ChainingInline, CuckooOptimistic, CuckooStriped, Pages,
};

use crate::aggregate::{self, AggregateSpec, Aggregated};
use crate::allocator;
use crate::case::{Case, subject_name};
use crate::catalogue::{Catalogue, ReclaimerEntry, StructureEntry};
use crate::controls::{NoOp, Sequential};
use crate::factors;
use crate::hashers::{AnyHasher, Hashing};
use crate::payload::{ByteKeys, ByteStrings, Bytes};
use crate::space::{self, Asked, Counting, Filled, SpaceSpec};
use crate::trial::{self, Measurement, TrialSpec};
use crate::verify::record::{self, Recorded};
use crate::verify::round::Round;
use crate::verify::{self, Findings, VerifySpec};

pub(crate) use self::families::TrieCow;
use self::families::{FlatCow, LockFreeChaining, OptimisticItems, ReplicasAndLog, TriePsim};
pub use self::forms::Form;

/// The reclaimer's name of a structure that takes none.
pub const NO_RECLAIMER: &str = "none";

/// Why a structure that takes all other schemes does not take `arc`.
const NO_ROOTS: &str = "arc counts who has loaded a root; this has links to count in";

/// Why a structure is there with foldhash alone.
pub(crate) const FOLDHASH_ALONE: &str = "it is registered with foldhash alone";

/// What a table is made with.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MapOptions {
    /// Entries that it should hold without growing: the case's prefill and an eighth more.
    pub capacity: usize,
    /// Seed of its hasher.
    pub hash_seed: u64,
    /// Whether it should ask for huge pages: only ever true for a structure that was said to
    /// heed it ([`Structure::asks_for_huge_pages`]).
    pub huge_pages: bool,
    /// For [`Reclaimer::new`]: only ever set for a reclaimer that takes it.
    pub reclaim_batch: Option<usize>,
    /// The hash function: only ever another than the default for a table that was registered with
    /// [`any_hasher`](Self::any_hasher).
    pub hashing: Hashing,
    /// The byte strings of a table of such.
    pub bytes: Option<&'static ByteKeys>,
}

impl MapOptions {
    /// The hasher of every table, seeded: foldhash's fast variant.
    #[must_use]
    pub fn hasher(&self) -> FixedState {
        hasher(self.hash_seed)
    }

    /// The hasher that the case asks for, chosen at each hash.
    #[must_use]
    pub fn any_hasher(&self) -> AnyHasher {
        AnyHasher::new(self.hashing, self.hash_seed)
    }

    /// The pages to ask for.
    #[must_use]
    pub fn pages(&self) -> Pages {
        if self.huge_pages { Pages::Huge } else { Pages::Default }
    }
}

/// The hasher of every table in its usual form, with this seed.
pub(crate) fn hasher(seed: u64) -> FixedState {
    FixedState::with_seed(seed)
}

type RunTrial = Box<dyn Fn(&TrialSpec) -> anyhow::Result<Measurement> + Send + Sync>;
type RunFill = Box<dyn Fn(&SpaceSpec) -> anyhow::Result<Filled> + Send + Sync>;
type RunAggregate = Box<dyn Fn(&AggregateSpec) -> anyhow::Result<Aggregated> + Send + Sync>;
type RunRound = Box<dyn Fn(&Round) -> Recorded + Send + Sync>;

/// A structure with one of its reclaimers.
struct Subject {
    reclaimer: &'static str,
    info: MapInfo,
    trial: RunTrial,
    round: RunRound,
    fill: RunFill,
    /// The fill of a table that counts its moves, if it can.
    counted_fill: Option<RunFill>,
    aggregate: RunAggregate,
}

/// A structure in another form, with one of its reclaimers.
struct OtherForm {
    form: Form,
    reclaimer: &'static str,
    trial: RunTrial,
    fill: RunFill,
}

impl OtherForm {
    fn new<M: ConcurrentMap<u64, u64>>(
        form: Form,
        reclaimer: &'static str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) -> Self {
        let build = Arc::new(build);
        let for_fills = Arc::clone(&build);
        Self {
            form,
            reclaimer,
            trial: Box::new(move |spec| trial::run(|options| build(options), spec)),
            fill: Box::new(move |spec| space::run(|options| for_fills(options), spec, false)),
        }
    }
}

impl Subject {
    fn new<M: ConcurrentMap<u64, u64>>(
        reclaimer: &'static str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) -> Self {
        let build = Arc::new(build);
        let (for_rounds, for_fills) = (Arc::clone(&build), Arc::clone(&build));
        let for_counts = Arc::clone(&build);
        Self {
            reclaimer,
            info: M::INFO,
            trial: Box::new(move |spec| trial::run(|options| build(options), spec)),
            round: Box::new(move |round| record::record(|options| for_rounds(options), round)),
            fill: Box::new(move |spec| space::run(|options| for_fills(options), spec, false)),
            counted_fill: None,
            aggregate: Box::new(move |spec| aggregate::run(|options| for_counts(options), spec)),
        }
    }
}

/// One structure, with the reclaimers that it takes.
pub struct Structure {
    /// Its name on the command line and in results.
    pub name: String,
    /// What it says of itself, under whichever of its reclaimers: of each operation the least
    /// progress. See [`pairs`](Self::pairs).
    pub info: MapInfo,
    /// Why it does not take the reclaimers that it does not take; empty if it takes all.
    pub why_not: &'static str,
    /// Whether it heeds [`MapOptions::huge_pages`].
    pub huge_pages: bool,
    /// Of a variant, the structure from which it differs in some factors.
    pub variant_of: Option<String>,
    /// Why it is not there with byte strings, if it is not.
    pub why_no_bytes: &'static str,
    subjects: Vec<Subject>,
    others: Vec<OtherForm>,
}

impl Structure {
    /// Says that the structure heeds [`MapOptions::huge_pages`]. Others are not run with it.
    pub fn asks_for_huge_pages(&mut self) {
        self.huge_pages = true;
    }

    /// Says that its keys and values are words, which byte strings are not.
    pub fn holds_words_alone(&mut self) {
        self.why_no_bytes = "its entries are inline words";
    }

    /// Says that `build` makes the same table with searches that are
    /// [`Counting`](crate::space::Counting).
    pub(crate) fn counts_moves_in<M: ConcurrentMap<u64, u64>>(
        &mut self,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) {
        for subject in &mut self.subjects {
            assert_eq!(subject.reclaimer, NO_RECLAIMER, "one table a subject");
        }
        let fill: RunFill = Box::new(move |spec| space::run(&build, spec, true));
        self.subjects.last_mut().expect("a structure has a subject").counted_fill = Some(fill);
    }

    /// The reclaimers with which it is there in that form.
    pub fn reclaimers_in(&self, form: Form) -> impl Iterator<Item = &'static str> {
        let others = self.others.iter().filter(move |other| other.form == form);
        let usual = self.subjects.iter().filter(move |_| form == Form::Usual);
        usual.map(|subject| subject.reclaimer).chain(others.map(|other| other.reclaimer))
    }

    /// What it says of itself with each of the reclaimers that it takes, in the order of
    /// [`reclaimers`](Self::reclaimers).
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &MapInfo)> {
        self.subjects.iter().map(|subject| (subject.reclaimer, &subject.info))
    }

    /// The reclaimers that it takes, in order of registration; `["none"]` if it needs none.
    pub fn reclaimers(&self) -> impl Iterator<Item = &'static str> {
        self.subjects.iter().map(|subject| subject.reclaimer)
    }
}

impl fmt::Debug for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reclaimers: Vec<_> = self.reclaimers().collect();
        f.debug_struct("Structure")
            .field("name", &self.name)
            .field("reclaimers", &reclaimers)
            .finish_non_exhaustive()
    }
}

/// A scheme, as `bench list` shows it.
#[derive(Clone, Copy, Debug)]
pub struct ReclaimerInfo {
    /// Its name.
    pub name: &'static str,
    /// The scheme and its source.
    pub summary: &'static str,
    /// What it guarantees and needs.
    pub caps: Caps,
}

/// A structure for every reclaimer: a type, so that one line registers it with all of them.
pub trait Reclaimed {
    /// The table.
    type Map<R: Reclaimer + 'static>: ConcurrentMap<u64, u64>;

    /// An empty table.
    fn build<R: Reclaimer + 'static>(options: &MapOptions) -> Self::Map<R>;
}

/// A structure for every scheme that looks after roots, [`RefCounts`] among them.
pub trait Rooted {
    /// The table.
    type Map<R: RootScheme + 'static>: ConcurrentMap<u64, u64>;

    /// An empty table.
    fn build<R: RootScheme + 'static>(options: &MapOptions) -> Self::Map<R>;
}

impl<F: Rooted> Reclaimed for F {
    type Map<R: Reclaimer + 'static> = <F as Rooted>::Map<R>;

    fn build<R: Reclaimer + 'static>(options: &MapOptions) -> Self::Map<R> {
        <F as Rooted>::build::<R>(options)
    }
}

/// The subjects of a structure: visiting a scheme adds the structure with it.
pub struct Subjects<F> {
    subjects: Vec<Subject>,
    family: PhantomData<F>,
}

impl<F> fmt::Debug for Subjects<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subjects").field("count", &self.subjects.len()).finish_non_exhaustive()
    }
}

impl<F: Reclaimed + 'static> Visitor for Subjects<F> {
    fn visit<R: Reclaimer + 'static>(&mut self) {
        self.subjects.push(Subject::new(R::NAME, F::build::<R>));
    }
}

impl<F: Rooted + 'static> Subjects<F> {
    /// Adds the structure with reference counts.
    fn add_arc(&mut self) {
        self.subjects.push(Subject::new(RefCounts::NAME, <F as Rooted>::build::<RefCounts>));
    }
}

/// Every scheme that looks after roots.
fn all_of_roots<F: Rooted + 'static>(subjects: &mut Subjects<F>) {
    reclaim::for_each(subjects);
    subjects.add_arc();
}

/// Those of [`two_schemes`], and reference counts.
pub(crate) fn three_schemes<F: Rooted + 'static>(subjects: &mut Subjects<F>) {
    two_schemes(subjects);
    subjects.add_arc();
}

/// Epochs, and hazard pointers: a scheme that protects all that a guard can reach, and one that
/// protects single nodes.
fn two_schemes(visitor: &mut impl Visitor) {
    visitor.visit::<Epoch>();
    visitor.visit::<Hazard>();
}

/// Every structure and reclaimer that this binary can measure.
#[derive(Debug, Default)]
pub struct Registry {
    structures: Vec<Structure>,
}

impl Registry {
    /// The tables of this workbench, the controls and, with the feature `peers`, the tables of
    /// other crates.
    #[must_use]
    pub fn built_in() -> Self {
        let mut registry = Self::default();
        let locked = "entries are freed under their lock";
        registry.add("chaining-global-lock", locked, |o| {
            ChainingGlobalLock::with_capacity_and_hasher(o.capacity, o.hasher())
        });
        registry.add("chaining-bucket-lock", locked, |o| {
            ChainingBucketLock::with_capacity_and_hasher(o.capacity, o.hasher())
        });
        registry.add_reclaimed::<LockFreeChaining>("chaining-lock-free");
        let words = "its entries are inline words";
        let inline = registry.add("chaining-inline", words, |o| {
            ChainingInline::<_, _, _>::with_capacity_and_hasher(o.capacity, o.hasher())
        });
        inline.holds_words_alone();
        registry
            .add("cuckoo-striped", locked, |o| {
                CuckooStriped::<_, _, _>::with_capacity_and_hasher(o.capacity, o.hasher())
            })
            .counts_moves_in(|o| {
                CuckooStriped::<_, _, _, 4, Counting<Bfs>>::with_capacity_and_hasher(
                    o.capacity,
                    o.hasher(),
                )
            });
        registry.add_reclaimed::<OptimisticItems>("cuckoo-optimistic-items");
        let cuckoo = registry.add("cuckoo-optimistic", words, |o| {
            CuckooOptimistic::<_, _, _>::with_pages(o.capacity, o.hasher(), o.pages())
        });
        cuckoo.asks_for_huge_pages();
        cuckoo.holds_words_alone();
        cuckoo.counts_moves_in(|o| {
            CuckooOptimistic::<_, _, _, 8, Optimistic, Tagged, Counting<Bfs>>::with_pages(
                o.capacity,
                o.hasher(),
                o.pages(),
            )
        });
        let few = "one scheme of each kind; hamt-cas is there with all";
        registry.add_reclaimed_by::<FlatCow<Locked>>("cow-lock", few, three_schemes);
        registry.add_reclaimed_by::<FlatCow<Cas>>("cow-cas", few, three_schemes);
        registry.add_reclaimed_by::<TrieCow<Bundled, 1>>("hamt-cas", "", all_of_roots);
        registry.add_reclaimed_by::<TrieCow<Bundled, SHARDS>>("hamt-sharded", few, three_schemes);
        registry.add_reclaimed_by::<TriePsim>("hamt-psim", few, two_schemes);
        registry.add_reclaimed_by::<ReplicasAndLog>("log-herlihy", few, two_schemes);
        registry.add("left-right", "entries are freed in the instance that nobody reads", |o| {
            let table = Flat::with_capacity(o.capacity);
            VersionedMap::with_hasher_in(o.hasher(), LeftRight::new(table))
        });
        factors::add_variants(&mut registry);
        let control = "a control: nothing to reclaim";
        registry.add("no-op", control, |o| NoOp::with_capacity_and_hasher(o.capacity, o.hasher()));
        registry.add("sequential", control, |o| {
            Sequential::with_capacity_and_hasher(o.capacity, o.hasher())
        });
        #[cfg(feature = "peers")]
        registry.add_peers();
        forms::add(&mut registry);
        registry
    }

    /// Adds a structure's form with any hasher.
    ///
    /// # Panics
    ///
    /// If there is no such structure.
    pub fn add_hashed<M: ConcurrentMap<u64, u64>>(
        &mut self,
        structure: &str,
        reclaimer: &'static str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) {
        self.add_form(structure, OtherForm::new(Form::Hashed, reclaimer, build));
    }

    /// Adds a structure's form of byte strings.
    ///
    /// # Panics
    ///
    /// If there is no such structure.
    pub fn add_bytes<M: ConcurrentMap<Bytes, Bytes> + 'static>(
        &mut self,
        structure: &str,
        reclaimer: &'static str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) {
        let build = move |options: &MapOptions| {
            ByteStrings::new(build(options), options.bytes.expect("a case of byte strings"))
        };
        self.add_form(structure, OtherForm::new(Form::Bytes, reclaimer, build));
    }

    fn add_form(&mut self, structure: &str, form: OtherForm) {
        let found = self.structures.iter_mut().find(|found| found.name == structure);
        found.unwrap_or_else(|| panic!("there is no structure `{structure}`")).others.push(form);
    }

    #[cfg(feature = "peers")]
    fn add_peers(&mut self) {
        use crate::peers::{
            ArcSwapImbl, Dashmap, Flurry, ImblCas, Papaya, SccHashIndex, SccHashMap, ShardedRwLock,
            StdRwLock,
        };
        macro_rules! peers {
            ($($name:literal: $map:ident, $why_not:literal;)*) => {$(
                self.add($name, $why_not, |o| {
                    $map::with_capacity_and_hasher(o.capacity, o.hasher())
                });
            )*};
        }
        peers! {
            "papaya": Papaya, "brings its own: seize";
            "dashmap": Dashmap, "entries are freed under their lock";
            "scc-hashmap": SccHashMap, "brings its own: sdd";
            "scc-hashindex": SccHashIndex, "brings its own: sdd";
            "flurry": Flurry, "brings its own: seize";
            "arc-swap-imbl": ArcSwapImbl, "brings its own: arc-swap and Arc";
            "std-rwlock": StdRwLock, "entries are freed under their lock";
            "sharded-rwlock": ShardedRwLock, "entries are freed under their lock";
        }
        let few = "one scheme of each kind; hamt-cas is there with all";
        self.add_reclaimed_by::<ImblCas>("imbl-cas", few, three_schemes);
    }

    /// Adds a structure that takes no reclaimer. `why_not` says why.
    ///
    /// # Panics
    ///
    /// If the name is taken.
    pub fn add<M: ConcurrentMap<u64, u64>>(
        &mut self,
        name: &str,
        why_not: &'static str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) -> &mut Structure {
        self.push(name, why_not, vec![Subject::new(NO_RECLAIMER, build)])
    }

    /// Adds a variant of a structure that takes no reclaimer, as `structure:factors`. `factors`
    /// lists, as `factor=value,factor=value`, what differs from the structure of that name. It
    /// heeds [`MapOptions::huge_pages`] if that one does.
    ///
    /// # Panics
    ///
    /// If there is no such structure, it takes reclaimers, or it has that variant already.
    pub fn add_variant<M: ConcurrentMap<u64, u64>>(
        &mut self,
        structure: &str,
        factors: &str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) -> &mut Structure {
        let of = self.structure(structure);
        let of = of.unwrap_or_else(|| panic!("there is no structure `{structure}`"));
        assert!(of.reclaimers().eq([NO_RECLAIMER]), "`{structure}` takes reclaimers");
        let (why_not, why_no_bytes, huge_pages) = (of.why_not, of.why_no_bytes, of.huge_pages);
        let variant = self.add(&format!("{structure}:{factors}"), why_not, build);
        variant.huge_pages = huge_pages;
        variant.why_no_bytes = why_no_bytes;
        variant.variant_of = Some(structure.to_owned());
        variant
    }

    /// Adds a structure with every [`Reclaimer`].
    ///
    /// # Panics
    ///
    /// If the name is taken.
    pub fn add_reclaimed<F: Reclaimed + 'static>(&mut self, name: &str) {
        self.add_reclaimed_by::<F>(name, NO_ROOTS, reclaim::for_each);
    }

    /// Adds a structure with the reclaimers that `schemes` visits. `why_not` says why not with
    /// others.
    ///
    /// # Panics
    ///
    /// If the name is taken.
    pub fn add_reclaimed_by<F: Reclaimed + 'static>(
        &mut self,
        name: &str,
        why_not: &'static str,
        schemes: fn(&mut Subjects<F>),
    ) -> &mut Structure {
        let mut visitor = Subjects::<F> { subjects: Vec::new(), family: PhantomData };
        schemes(&mut visitor);
        self.push(name, why_not, visitor.subjects)
    }

    /// Adds a variant, named as by [`add_variant`](Self::add_variant), of a structure that takes
    /// reclaimers.
    ///
    /// # Panics
    ///
    /// If there is no such structure, or it has that variant already.
    pub fn add_reclaimed_variant<F: Reclaimed + 'static>(
        &mut self,
        structure: &str,
        factors: &str,
        why_not: &'static str,
        schemes: fn(&mut Subjects<F>),
    ) {
        assert!(self.structure(structure).is_some(), "there is no structure `{structure}`");
        let name = format!("{structure}:{factors}");
        let variant = self.add_reclaimed_by::<F>(&name, why_not, schemes);
        variant.variant_of = Some(structure.to_owned());
    }

    fn push(
        &mut self,
        name: &str,
        why_not: &'static str,
        subjects: Vec<Subject>,
    ) -> &mut Structure {
        assert!(self.structure(name).is_none(), "there is a structure `{name}` already");
        let pairs = subjects.iter().map(|subject| subject.info);
        let info = pairs.reduce(MapInfo::of_both).unwrap_or(MapInfo::UNKNOWN);
        self.structures.push(Structure {
            name: name.to_owned(),
            info,
            why_not,
            huge_pages: false,
            variant_of: None,
            why_no_bytes: "it is registered with numbers alone",
            subjects,
            others: Vec::new(),
        });
        self.structures.last_mut().expect("one was pushed")
    }

    /// The variants of the structure of that name, in order of registration.
    pub fn variants(&self, structure: &str) -> impl Iterator<Item = &Structure> {
        self.structures.iter().filter(move |s| s.variant_of.as_deref() == Some(structure))
    }

    /// The structures and their variants, in order of registration.
    #[must_use]
    pub fn structures(&self) -> &[Structure] {
        &self.structures
    }

    /// The structure of that name.
    #[must_use]
    pub fn structure(&self, name: &str) -> Option<&Structure> {
        self.structures.iter().find(|structure| structure.name == name)
    }

    /// The reclaimers, in the order of [`reclaim::for_each`]; then the one for roots alone.
    #[must_use]
    pub fn reclaimers() -> Vec<ReclaimerInfo> {
        struct All(Vec<ReclaimerInfo>);
        impl Visitor for All {
            fn visit<R: Reclaimer + 'static>(&mut self) {
                self.0.push(ReclaimerInfo { name: R::NAME, summary: R::SUMMARY, caps: R::CAPS });
            }
        }
        let mut all = All(Vec::new());
        reclaim::for_each(&mut all);
        let (name, summary, caps) = (RefCounts::NAME, RefCounts::SUMMARY, RefCounts::CAPS);
        all.0.push(ReclaimerInfo { name, summary, caps });
        all.0
    }

    /// Every name that an experiment may use.
    #[must_use]
    pub fn catalogue(&self) -> Catalogue {
        let entry = |structure: &Structure| StructureEntry {
            name: structure.name.clone(),
            reclaimers: structure.reclaimers().map(str::to_owned).collect(),
            why_not: structure.why_not.to_owned(),
            max_threads: structure.info.max_threads,
            huge_pages: structure.huge_pages,
            hashed: structure.reclaimers_in(Form::Hashed).map(str::to_owned).collect(),
            bytes: structure.reclaimers_in(Form::Bytes).map(str::to_owned).collect(),
            why_no_bytes: structure.why_no_bytes.to_owned(),
        };
        Catalogue {
            structures: self.structures.iter().map(entry).collect(),
            reclaimers: Self::reclaimers()
                .iter()
                .map(|r| ReclaimerEntry {
                    name: r.name.to_owned(),
                    takes_batch: r.caps.takes_batch,
                })
                .collect(),
            allocators: allocator::available().iter().map(|one| one.name.to_owned()).collect(),
        }
    }

    /// Runs one trial in this process.
    ///
    /// # Errors
    ///
    /// The subject is unknown, or the trial could not be run.
    pub fn run(&self, spec: &TrialSpec) -> anyhow::Result<Measurement> {
        let case = &spec.case;
        anyhow::ensure!(
            case.allocator == allocator::running(),
            "this process's allocator is {}, not {}",
            allocator::running(),
            case.allocator
        );
        match self.other_form(case)? {
            Some(other) => (other.trial)(spec),
            None => (self.subject(&case.structure, &case.reclaimer)?.trial)(spec),
        }
    }

    /// Fills a table in this process.
    ///
    /// # Errors
    ///
    /// The subject is unknown, or cannot be filled.
    pub fn fill(&self, spec: &SpaceSpec) -> anyhow::Result<Filled> {
        let case = &spec.case;
        if let Some(other) = self.other_form(case)? {
            return (other.fill)(spec);
        }
        let subject = self.subject(&case.structure, &case.reclaimer)?;
        match &subject.counted_fill {
            Some(fill) if spec.asked == Asked::Counts => fill(spec),
            _ => (subject.fill)(spec),
        }
    }

    /// Counts words in this process.
    ///
    /// # Errors
    ///
    /// The subject is unknown, or cannot count.
    pub fn aggregate(&self, spec: &AggregateSpec) -> anyhow::Result<Aggregated> {
        let case = &spec.case;
        (self.subject(&case.structure, &case.reclaimer)?.aggregate)(spec)
    }

    /// Records and checks histories of one subject in this process.
    ///
    /// # Errors
    ///
    /// The subject is unknown.
    pub fn verify(&self, spec: &VerifySpec) -> anyhow::Result<Findings> {
        let subject = self.subject(&spec.structure, &spec.reclaimer)?;
        Ok(verify::run(&*subject.round, spec))
    }

    /// The form in which a case wants its table, if it is not the usual one.
    fn other_form(&self, case: &Case) -> anyhow::Result<Option<&OtherForm>> {
        let form = case.form();
        if form == Form::Usual {
            return Ok(None);
        }
        let others = self.structure(&case.structure).map_or(&[][..], |found| &found.others);
        let found = others.iter().find(|o| o.form == form && o.reclaimer == case.reclaimer);
        let missing = || anyhow::anyhow!("{} is not there in that form", case.subject());
        found.map(Some).ok_or_else(missing)
    }

    fn subject(&self, structure: &str, reclaimer: &str) -> anyhow::Result<&Subject> {
        self.structure(structure)
            .and_then(|found| found.subjects.iter().find(|s| s.reclaimer == reclaimer))
            .ok_or_else(|| {
                anyhow::anyhow!("there is no subject {}", subject_name(structure, reclaimer))
            })
    }
}

#[cfg(test)]
mod tests;
