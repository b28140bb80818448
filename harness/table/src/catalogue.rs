//! The tables of a program: their makers, and the names that can be used.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cache::CacheEntry;
use crate::meter::Meter;
use crate::{Fillable, Form, Info, MapOptions, ReclaimerInfo, Table};

/// The reclaimer's name of a structure that takes none.
pub const NO_RECLAIMER: &str = "none";

/// Makes a table.
pub type Build<'b> = Box<dyn Fn(&MapOptions) -> Box<dyn Table> + Send + Sync + 'b>;

/// The maker of a table, and the facts that the table states about itself.
pub struct Maker<'b> {
    /// The facts that it states about itself.
    pub info: Info,
    /// The meter that counts its nodes.
    pub meter: Meter,
    /// Makes one.
    pub build: Build<'b>,
}

impl fmt::Debug for Maker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maker").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Makes a table that can be filled.
pub type BuildFillable = Box<dyn Fn(&MapOptions) -> Box<dyn Fillable> + Send + Sync>;

/// How a table that counts its moves is made: to be filled, and for nothing else.
pub struct CountingMaker {
    /// The facts that it states about itself.
    pub info: Info,
    /// Makes one.
    pub build: BuildFillable,
}

impl fmt::Debug for CountingMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingMaker").field("info", &self.info).finish_non_exhaustive()
    }
}

/// A structure in one form, with one of its reclaimers.
#[derive(Debug)]
pub struct Subject {
    /// The form.
    pub form: Form,
    /// The reclaimer's name.
    pub reclaimer: String,
    /// Makes the table.
    pub maker: Maker<'static>,
    /// Makes one that counts its moves, if there is one.
    pub counting: Option<CountingMaker>,
}

/// One structure, with the reclaimers that it takes.
#[derive(Debug)]
pub struct Structure {
    /// Its name on the command line and in results.
    pub name: String,
    /// Why it does not take the reclaimers that it does not take; empty if it takes all.
    pub why_not: &'static str,
    /// Whether it heeds [`MapOptions::huge_pages`].
    pub huge_pages: bool,
    /// Of a variant, the structure from which it differs in some factors.
    pub variant_of: Option<String>,
    /// Why it is not there with byte strings, if it is not.
    pub why_no_bytes: &'static str,
    /// It in its usual form with each of its reclaimers; then in other forms.
    pub subjects: Vec<Subject>,
}

impl Structure {
    /// Says what the structure is, in a line, where its table's own line would say it of others too.
    pub fn described(&mut self, summary: &str) {
        for subject in &mut self.subjects {
            summary.clone_into(&mut subject.maker.info.summary);
        }
    }

    /// Says that the structure heeds [`MapOptions::huge_pages`]. Others are not run with it.
    pub fn asks_for_huge_pages(&mut self) {
        self.huge_pages = true;
    }

    /// Says that its keys and values are words, which byte strings are not.
    pub fn holds_words_alone(&mut self) {
        self.why_no_bytes = "its entries are inline words";
    }

    /// The reclaimers with which it is there in that form, in order of registration.
    pub fn reclaimers_in(&self, form: Form) -> impl Iterator<Item = &str> {
        let of_form = self.subjects.iter().filter(move |subject| subject.form == form);
        of_form.map(|subject| subject.reclaimer.as_str())
    }

    /// The reclaimers that it takes; `["none"]` if it needs none.
    pub fn reclaimers(&self) -> impl Iterator<Item = &str> {
        self.reclaimers_in(Form::Usual)
    }

    /// It in that form with that reclaimer.
    #[must_use]
    pub fn subject(&self, form: Form, reclaimer: &str) -> Option<&Subject> {
        self.subjects.iter().find(|one| one.form == form && one.reclaimer == reclaimer)
    }

    fn entry(&self) -> Entry {
        let names = |form| self.reclaimers_in(form).map(str::to_owned).collect();
        let usual = self.subjects.iter().filter(|subject| subject.form == Form::Usual);
        let subjects: Vec<(String, Info)> =
            usual.map(|one| (one.reclaimer.clone(), one.maker.info.clone())).collect();
        let (first, rest) = subjects.split_first().expect("a structure has a subject");
        Entry {
            info: rest.iter().fold(first.1.clone(), |info, (_, other)| info.of_both(other)),
            name: self.name.clone(),
            why_not: self.why_not.to_owned(),
            huge_pages: self.huge_pages,
            variant_of: self.variant_of.clone(),
            why_no_bytes: self.why_no_bytes.to_owned(),
            subjects,
            hashed: names(Form::Hashed),
            bytes: names(Form::Bytes),
        }
    }
}

/// The structures of a program, in order of registration, and the schemes that they may take.
#[derive(Debug, Default)]
pub struct Structures {
    /// The structures and their variants.
    pub all: Vec<Structure>,
    /// The schemes, whether or not a structure takes them.
    pub reclaimers: Vec<ReclaimerInfo>,
}

impl Structures {
    /// The structure of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Structure> {
        self.all.iter().find(|structure| structure.name == name)
    }

    /// What can be named. Allocators and facts of the build are the program's to add.
    #[must_use]
    pub fn catalogue(&self) -> ProgramCatalogue {
        ProgramCatalogue {
            structures: self.all.iter().map(Structure::entry).collect(),
            caches: Vec::new(),
            reclaimers: self.reclaimers.clone(),
            allocators: Vec::new(),
            build: BuildFacts::new(),
        }
    }
}

/// Facts of a build by name: compiler, flags, revision, versions of crates.
pub type BuildFacts = BTreeMap<String, String>;

/// What a program of tables says that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramCatalogue {
    /// The structures and their variants, in order of registration.
    pub structures: Vec<Entry>,
    /// The caches, in order of registration.
    pub caches: Vec<CacheEntry>,
    /// The schemes, whether or not a structure takes them.
    pub reclaimers: Vec<ReclaimerInfo>,
    /// The allocators that it can be started with.
    pub allocators: Vec<AllocatorEntry>,
    /// How it was built.
    pub build: BuildFacts,
}

/// An allocator that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatorEntry {
    /// Its name in experiment files and results.
    pub name: String,
    /// One line for `bench list`.
    pub summary: String,
}

/// A structure as a program's catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name on the command line and in results.
    pub name: String,
    /// Why it does not take the reclaimers that it does not take; empty if it takes all.
    pub why_not: String,
    /// Whether it can ask for huge pages.
    pub huge_pages: bool,
    /// Of a variant, the structure from which it differs in some factors.
    pub variant_of: Option<String>,
    /// Why it is not there with byte strings, if it is not.
    pub why_no_bytes: String,
    /// What it says of itself under whichever of its reclaimers: of each operation the least progress.
    pub info: Info,
    /// Each reclaimer that it takes (`none` if it needs none), and what it says of itself with it.
    pub subjects: Vec<(String, Info)>,
    /// The reclaimers with which it is there with other hashers than the default.
    pub hashed: Vec<String>,
    /// Those with which it holds byte strings.
    pub bytes: Vec<String>,
}

impl Entry {
    /// The reclaimers that it takes, in order of registration; `["none"]` if it needs none.
    pub fn reclaimers(&self) -> impl Iterator<Item = &str> {
        self.subjects.iter().map(|(reclaimer, _)| reclaimer.as_str())
    }

    /// The reclaimers with which it is there in that form.
    #[must_use]
    pub fn reclaimers_in(&self, form: Form) -> Vec<&str> {
        match form {
            Form::Usual => self.reclaimers().collect(),
            Form::Hashed => self.hashed.iter().map(String::as_str).collect(),
            Form::Bytes => self.bytes.iter().map(String::as_str).collect(),
        }
    }
}

/// `structure/reclaimer`, or `structure` where the reclaimer is `none`.
#[must_use]
pub fn subject_name(structure: &str, reclaimer: &str) -> String {
    if reclaimer == NO_RECLAIMER {
        structure.to_owned()
    } else {
        format!("{structure}/{reclaimer}")
    }
}
