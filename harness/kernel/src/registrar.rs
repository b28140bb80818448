//! The registrar: structure × reclaimer → a maker of that table. Besides the conformance matrix it is the only
//! place that names two axes.

use std::fmt;
use std::marker::PhantomData;

use structures::map::ConcurrentMap;
use structures::reclaim::{self, Epoch, Hazard, Reclaimer, RefCounts, RootScheme, Visitor};
use table::{
    Bytes, Form, Maker, MapOptions, NO_RECLAIMER, ReclaimerInfo, Structure, Structures, Subject,
};

use crate::erased::held;
use crate::{ByteStrings, counting_maker, maker};

/// Why a structure that takes all other schemes does not take `arc`.
pub const NO_ROOTS: &str = "arc counts who has loaded a root; this has links to count in";

/// A structure for every reclaimer: a type, so that one line registers it with all of them.
pub trait Reclaimed {
    /// The table.
    type Map<R: Reclaimer + 'static>: ConcurrentMap<u64, u64> + 'static;

    /// An empty table.
    fn build<R: Reclaimer + 'static>(options: &MapOptions) -> Self::Map<R>;
}

/// A structure for every scheme that protects roots, including [`RefCounts`].
pub trait Rooted {
    /// The table.
    type Map<R: RootScheme + 'static>: ConcurrentMap<u64, u64> + 'static;

    /// An empty table.
    fn build<R: RootScheme + 'static>(options: &MapOptions) -> Self::Map<R>;
}

impl<F: Rooted> Reclaimed for F {
    type Map<R: Reclaimer + 'static> = <F as Rooted>::Map<R>;

    fn build<R: Reclaimer + 'static>(options: &MapOptions) -> Self::Map<R> {
        <F as Rooted>::build::<R>(options)
    }
}

/// The subjects of a structure: visiting a scheme adds the structure with that scheme.
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
        self.subjects.push(subject(Form::Usual, R::NAME, F::build::<R>));
    }
}

impl<F: Rooted + 'static> Subjects<F> {
    /// Adds the structure with reference counts.
    fn add_arc(&mut self) {
        let build = <F as Rooted>::build::<RefCounts>;
        self.subjects.push(subject(Form::Usual, RefCounts::NAME, build));
    }
}

/// Every scheme that protects roots.
pub fn all_of_roots<F: Rooted + 'static>(subjects: &mut Subjects<F>) {
    reclaim::for_each(subjects);
    subjects.add_arc();
}

/// Those of [`two_schemes`], and reference counts.
pub fn three_schemes<F: Rooted + 'static>(subjects: &mut Subjects<F>) {
    two_schemes(subjects);
    subjects.add_arc();
}

/// Epochs, and hazard pointers: a scheme that protects all that a guard can reach, and one that
/// protects single nodes.
pub fn two_schemes(visitor: &mut impl Visitor) {
    visitor.visit::<Epoch>();
    visitor.visit::<Hazard>();
}

/// A structure in one form, with one of its reclaimers.
fn subject<M: ConcurrentMap<u64, u64> + 'static>(
    form: Form,
    reclaimer: &str,
    build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
) -> Subject {
    made(form, reclaimer, maker(build))
}

/// What `maker` makes, in that form, with that reclaimer.
fn made(form: Form, reclaimer: &str, maker: Maker<'static>) -> Subject {
    Subject { form, reclaimer: reclaimer.to_owned(), maker, counting: None }
}

/// The structures of a program, as they are registered.
#[derive(Debug)]
pub struct Registrar {
    structures: Structures,
}

impl Default for Registrar {
    fn default() -> Self {
        Self::new()
    }
}

impl Registrar {
    /// A registrar without structures.
    #[must_use]
    pub fn new() -> Self {
        Self { structures: Structures { all: Vec::new(), reclaimers: reclaimers() } }
    }

    /// What was registered.
    #[must_use]
    pub fn into_structures(self) -> Structures {
        self.structures
    }

    /// Adds a structure that takes no reclaimer. `why_not` says why it takes none.
    ///
    /// # Panics
    ///
    /// If the name is taken.
    pub fn add<M: ConcurrentMap<u64, u64> + 'static>(
        &mut self,
        name: &str,
        why_not: &'static str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) -> &mut Structure {
        self.push(name, why_not, vec![subject(Form::Usual, NO_RECLAIMER, build)])
    }

    /// Adds a variant of a structure that takes no reclaimer, as `structure:factors`. `factors`
    /// lists, as `factor=value,factor=value`, what differs from the structure of that name. It
    /// uses [`MapOptions::huge_pages`] if that structure does.
    ///
    /// # Panics
    ///
    /// If there is no such structure, it takes reclaimers, or it has that variant already.
    pub fn add_variant<M: ConcurrentMap<u64, u64> + 'static>(
        &mut self,
        structure: &str,
        factors: &str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) -> &mut Structure {
        self.push_variant(structure, factors, subject(Form::Usual, NO_RECLAIMER, build))
    }

    /// All of that which is alike for every table.
    fn push_variant(&mut self, structure: &str, factors: &str, subject: Subject) -> &mut Structure {
        let of = self.structure(structure);
        assert!(of.reclaimers().eq([NO_RECLAIMER]), "`{structure}` takes reclaimers");
        let (why_not, why_no_bytes, huge_pages) = (of.why_not, of.why_no_bytes, of.huge_pages);
        let variant = self.push(&format!("{structure}:{factors}"), why_not, vec![subject]);
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

    /// Adds a structure with the reclaimers that `schemes` visits. `why_not` says why it does not take the
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
        self.structure(structure);
        let name = format!("{structure}:{factors}");
        let variant = self.add_reclaimed_by::<F>(&name, why_not, schemes);
        variant.variant_of = Some(structure.to_owned());
    }

    /// Adds a structure's form with any hasher ([`MapOptions::any_hasher`]).
    ///
    /// # Panics
    ///
    /// If there is no such structure.
    pub fn add_hashed<M: ConcurrentMap<u64, u64> + 'static>(
        &mut self,
        structure: &str,
        reclaimer: &str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) {
        self.structure(structure).subjects.push(subject(Form::Hashed, reclaimer, build));
    }

    /// Adds a structure's form of byte strings.
    ///
    /// # Panics
    ///
    /// If there is no such structure.
    pub fn add_bytes<M: ConcurrentMap<Bytes, Bytes> + 'static>(
        &mut self,
        structure: &str,
        reclaimer: &str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) {
        let build = move |options: &MapOptions| {
            ByteStrings::new(build(options), options.bytes.expect("a case of byte strings"))
        };
        self.structure(structure).subjects.push(subject(Form::Bytes, reclaimer, build));
    }

    /// Adds a structure that takes no reclaimer and already implements the interface: one in another
    /// language. `why_not` says why it takes none.
    ///
    /// # Panics
    ///
    /// If the name is taken.
    pub fn add_made(
        &mut self,
        name: &str,
        why_not: &'static str,
        maker: Maker<'static>,
    ) -> &mut Structure {
        self.push(name, why_not, vec![made(Form::Usual, NO_RECLAIMER, maker)])
    }

    /// Adds the form of such a structure with any hasher ([`MapOptions::any_hasher`]).
    ///
    /// # Panics
    ///
    /// If there is no such structure.
    pub fn add_made_hashed(&mut self, structure: &str, maker: Maker<'static>) {
        let made = made(Form::Hashed, NO_RECLAIMER, maker);
        self.structure(structure).subjects.push(made);
    }

    /// Registers `build`, which makes a structure that takes no reclaimer, with searches that are
    /// [`Counting`](crate::Counting).
    ///
    /// # Panics
    ///
    /// If there is no such structure, or it takes reclaimers.
    pub fn counts_moves_in<M: ConcurrentMap<u64, u64> + 'static>(
        &mut self,
        structure: &str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) {
        let found = self.structure(structure);
        assert!(found.reclaimers().eq([NO_RECLAIMER]), "one table a subject");
        found.subjects[0].counting = Some(counting_maker(build));
    }

    fn structure(&mut self, name: &str) -> &mut Structure {
        let found = self.structures.all.iter_mut().find(|found| found.name == name);
        found.unwrap_or_else(|| panic!("there is no structure `{name}`"))
    }

    fn push(
        &mut self,
        name: &str,
        why_not: &'static str,
        subjects: Vec<Subject>,
    ) -> &mut Structure {
        let all = &mut self.structures.all;
        assert!(all.iter().all(|one| one.name != name), "there is a structure `{name}` already");
        all.push(Structure {
            name: name.to_owned(),
            why_not,
            huge_pages: false,
            variant_of: None,
            why_no_bytes: "it is registered with numbers alone",
            subjects,
        });
        all.last_mut().expect("one was pushed")
    }
}

/// The reclaimers, in the order of [`reclaim::for_each`]; then the one for roots only.
fn reclaimers() -> Vec<ReclaimerInfo> {
    struct All(Vec<ReclaimerInfo>);
    impl Visitor for All {
        fn visit<R: Reclaimer + 'static>(&mut self) {
            self.0.push(reclaimer(R::NAME, R::SUMMARY, R::CAPS));
        }
    }
    let mut all = All(Vec::new());
    reclaim::for_each(&mut all);
    all.0.push(reclaimer(RefCounts::NAME, RefCounts::SUMMARY, RefCounts::CAPS));
    all.0
}

fn reclaimer(name: &str, summary: &str, caps: reclaim::Caps) -> ReclaimerInfo {
    ReclaimerInfo {
        name: name.to_owned(),
        summary: summary.to_owned(),
        held: held(caps.held),
        per_pointer: caps.per_pointer,
        needs_quiescence: caps.needs_quiescence,
        takes_batch: caps.takes_batch,
    }
}
