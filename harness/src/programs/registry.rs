//! The structures of all programs.

use std::collections::{BTreeSet, HashMap};

use ::table::cache::CacheEntry;
use ::table::{AllocatorEntry, BuildFacts, Entry, ProgramCatalogue, ReclaimerInfo};
use sha2::{Digest, Sha256};
use trials::serve::CATALOGUE_COMMAND;
use trials::server::{is_memcached, memcached, server_names};

use super::ProgramFile;
use crate::programs::catalogue::{Catalogue, ReclaimerEntry, StructureEntry};
use anyhow::{Context, ensure};

/// Why a structure is there with foldhash alone.
pub const FOLDHASH_ALONE: &str = "it is registered with foldhash alone";

/// Every structure and reclaimer that some program can measure.
#[derive(Debug, Default)]
pub struct Registry {
    /// Of made-up structures there are none.
    programs: Vec<ProgramFile>,
    structures: Vec<Entry>,
    /// The place of each structure's program.
    program_of: Vec<usize>,
    /// Each with the place of its program.
    caches: Vec<(CacheEntry, usize)>,
    reclaimers: Vec<ReclaimerInfo>,
    allocators: Vec<AllocatorEntry>,
    /// How each program was built.
    builds: Vec<BuildFacts>,
}

impl Registry {
    /// What `programs` say that they have: structures first, then peers, then controls, each in order of
    /// registration.
    ///
    /// # Errors
    ///
    /// A program does not say, or two have a structure of the same name.
    pub fn of(programs: Vec<ProgramFile>) -> anyhow::Result<Self> {
        let all: Vec<ProgramCatalogue> =
            programs.iter().map(catalogue).collect::<anyhow::Result<_>>()?;
        let name = |place: usize| programs[place].path().display().to_string();
        let registry = Self::joined(all, name)?;
        Ok(Self { programs, ..registry })
    }

    /// What these catalogues say, with no program to run any of it.
    ///
    /// # Errors
    ///
    /// Two have a structure of the same name.
    pub fn given(catalogues: Vec<ProgramCatalogue>) -> anyhow::Result<Self> {
        Self::joined(catalogues, |place| format!("catalogue {place}"))
    }

    fn joined(all: Vec<ProgramCatalogue>, name: impl Fn(usize) -> String) -> anyhow::Result<Self> {
        let mut found: Vec<(Entry, usize)> = Vec::new();
        let mut registry = Self::default();
        for (place, has) in all.into_iter().enumerate() {
            for entry in has.structures {
                let twice = found.iter().find(|(one, _)| one.name == entry.name);
                if let Some((_, other)) = twice {
                    let [one, other] = [name(*other), name(place)];
                    anyhow::bail!("there is a structure `{}` in {one} and in {other}", entry.name);
                }
                found.push((entry, place));
            }
            for entry in has.caches {
                let twice = registry.caches.iter().find(|(one, _)| one.name() == entry.name());
                if let Some((_, other)) = twice {
                    let [one, other] = [name(*other), name(place)];
                    anyhow::bail!("there is a cache `{}` in {one} and in {other}", entry.name());
                }
                registry.caches.push((entry, place));
            }
            add_new(&mut registry.reclaimers, has.reclaimers, |one| &one.name);
            add_new(&mut registry.allocators, has.allocators, |one| &one.name);
            registry.builds.push(has.build);
        }
        found.sort_by_key(|(entry, _)| match entry.info.family.as_str() {
            "peer" => 1,
            "control" => 2,
            _ => 0,
        });
        (registry.structures, registry.program_of) = found.into_iter().unzip();
        Ok(registry)
    }

    /// The structures and their variants.
    #[must_use]
    pub fn structures(&self) -> &[Entry] {
        &self.structures
    }

    /// The structure of that name.
    #[must_use]
    pub fn structure(&self, name: &str) -> Option<&Entry> {
        self.structures.iter().find(|structure| structure.name == name)
    }

    /// The caches.
    pub fn caches(&self) -> impl Iterator<Item = &CacheEntry> {
        self.caches.iter().map(|(entry, _)| entry)
    }

    /// The variants of the structure of that name.
    pub fn variants(&self, structure: &str) -> impl Iterator<Item = &Entry> {
        self.structures.iter().filter(move |s| s.variant_of.as_deref() == Some(structure))
    }

    /// The reclaimers.
    #[must_use]
    pub fn reclaimers(&self) -> &[ReclaimerInfo] {
        &self.reclaimers
    }

    /// The allocators.
    #[must_use]
    pub fn allocators(&self) -> &[AllocatorEntry] {
        &self.allocators
    }

    /// How the programs were built.
    #[must_use]
    pub fn build(&self) -> BuildFacts {
        joined(&self.builds)
    }

    /// How those programs were built that have these structures or caches: what a result of them depends on.
    #[must_use]
    pub fn build_of<'s>(&self, structures: impl Iterator<Item = &'s str>) -> BuildFacts {
        let programs: BTreeSet<usize> = structures.filter_map(|name| self.place_of(name)).collect();
        joined(programs.into_iter().map(|program| &self.builds[program]))
    }

    /// A digest of the programs that have these structures or caches; of all, if none has one of them, as no
    /// program says which servers it has.
    ///
    /// # Errors
    ///
    /// A program cannot be read.
    pub fn digest_of<'s>(
        &self,
        structures: impl Iterator<Item = &'s str>,
    ) -> anyhow::Result<String> {
        let mut places: BTreeSet<usize> =
            structures.filter_map(|name| self.place_of(name)).collect();
        if places.is_empty() {
            places = (0..self.programs.len()).collect();
        }
        let mut digest = Sha256::new();
        for program in places.into_iter().filter_map(|place| self.programs.get(place)) {
            let bytes = program.bytes()?;
            digest.update((bytes.len() as u64).to_le_bytes());
            digest.update(&bytes);
        }
        Ok(digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The place of the program that has the structure or the cache of that name.
    fn place_of(&self, name: &str) -> Option<usize> {
        let structure = self.structures.iter().position(|one| one.name == name);
        let cache = || self.caches.iter().find(|(entry, _)| entry.name() == name);
        match structure {
            Some(structure) => Some(self.program_of[structure]),
            None => cache().map(|(_, program)| *program),
        }
    }

    /// The program that has the structure or the cache of that name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn program(&self, structure: &str) -> anyhow::Result<&ProgramFile> {
        let place = self.place_of(structure);
        let place = place.with_context(|| format!("no program has a structure `{structure}`"))?;
        let program = self.programs.get(place);
        program.with_context(|| format!("no program has the structure `{structure}`"))
    }

    /// The program of servers, where [`Programs::serving`](super::Programs::serving) has made this.
    ///
    /// # Errors
    ///
    /// It has not.
    pub fn server(&self) -> anyhow::Result<&ProgramFile> {
        let only = self.programs.first().filter(|_| self.structures.is_empty());
        only.context("no program has a server")
    }

    /// Every name that an experiment may use.
    #[must_use]
    pub fn catalogue(&self) -> Catalogue {
        let entry = |structure: &Entry| StructureEntry {
            name: structure.name.clone(),
            reclaimers: structure.reclaimers().map(str::to_owned).collect(),
            why_not: structure.why_not.clone(),
            max_threads: structure.info.max_threads,
            huge_pages: structure.huge_pages,
            hashed: structure.hashed.clone(),
            bytes: structure.bytes.clone(),
            why_no_bytes: structure.why_no_bytes.clone(),
        };
        let reclaimer = |one: &ReclaimerInfo| ReclaimerEntry {
            name: one.name.clone(),
            takes_batch: one.takes_batch,
        };
        let cache = |(cache, _): &(CacheEntry, usize)| StructureEntry {
            name: cache.name(),
            reclaimers: cache.reclaimers.clone(),
            bytes: cache.reclaimers.clone(),
            ..StructureEntry::default()
        };
        let stalls = self.caches().filter(|cache| !cache.why_no_stall.is_empty());
        Catalogue {
            structures: self.structures.iter().map(entry).collect(),
            caches: self.caches.iter().map(cache).collect(),
            servers: servers(),
            why_no_server: absent_servers(),
            no_stall: stalls.map(|one| (one.name(), one.why_no_stall.clone())).collect(),
            reclaimers: self.reclaimers.iter().map(reclaimer).collect(),
            allocators: self.allocators.iter().map(|one| one.name.clone()).collect(),
        }
    }
}

/// The names of all servers. Which stores ours has, a test of the server keeps true.
fn servers() -> Vec<String> {
    server_names(&eviction::evict::names())
}

/// Why memcached cannot be started, if it is not there.
fn absent_servers() -> HashMap<String, String> {
    let why = "it is not installed here (Debian's package is `memcached`)";
    match memcached() {
        Some(_) => HashMap::new(),
        None => servers()
            .into_iter()
            .filter(|name| is_memcached(name))
            .map(|n| (n, why.to_owned()))
            .collect(),
    }
}

/// What a program says that it has.
fn catalogue(program: &ProgramFile) -> anyhow::Result<ProgramCatalogue> {
    let path = program.path().display();
    let output = program.command()?.arg(CATALOGUE_COMMAND).output();
    let output = output.with_context(|| format!("cannot start {path}"))?;
    ensure!(output.status.success(), "{path} does not say what it has: {}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| {
        format!("{path} is of another version of this workbench: build both from the same sources")
    })
}

/// Adds those whose name is new.
fn add_new<T>(all: &mut Vec<T>, more: Vec<T>, name: fn(&T) -> &String) {
    for one in more {
        if all.iter().all(|other| name(other) != name(&one)) {
            all.push(one);
        }
    }
}

/// The facts of several programs.
fn joined<'f>(builds: impl IntoIterator<Item = &'f BuildFacts>) -> BuildFacts {
    let mut all = BuildFacts::new();
    builds.into_iter().for_each(|build| add_facts(&mut all, build.clone()));
    all
}

/// Adds another program's facts. Where the two differ, both are said; what is dirty in one is dirty.
fn add_facts(all: &mut BuildFacts, more: BuildFacts) {
    for (name, fact) in more {
        let known = all.entry(name.clone()).or_insert_with(|| fact.clone());
        if name == "git_dirty" && fact == "true" {
            *known = fact;
        } else if name != "git_dirty" && !known.split(" and ").any(|one| one == fact) {
            *known = format!("{known} and {fact}");
        }
    }
}

#[cfg(test)]
mod tests {
    use ::table::Info;

    use super::*;

    #[test]
    fn facts_of_two_builds_are_told_apart() {
        let facts = |revision: &str, dirty: &str| -> BuildFacts {
            [("git_revision", revision), ("git_dirty", dirty)]
                .map(|(name, fact)| (name.to_owned(), fact.to_owned()))
                .into()
        };
        let mut all = facts("a", "false");
        add_facts(&mut all, facts("a", "false"));
        assert_eq!(all, facts("a", "false"));
        add_facts(&mut all, facts("b", "true"));
        add_facts(&mut all, facts("a", "false"));
        assert_eq!(all, facts("a and b", "true"));
    }

    fn entry(name: &str) -> Entry {
        let info = Info::unknown("peer");
        Entry {
            name: name.to_owned(),
            why_not: String::new(),
            huge_pages: false,
            variant_of: None,
            why_no_bytes: String::new(),
            subjects: vec![("none".to_owned(), info.clone())],
            info,
            hashed: Vec::new(),
            bytes: Vec::new(),
        }
    }

    #[test]
    fn a_digest_is_of_what_is_in_the_programs_that_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let held = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            ProgramFile::open(&path).unwrap()
        };
        let with = |one: &str, other: &str| {
            let has = |name: &str| ProgramCatalogue {
                structures: vec![entry(name)],
                ..ProgramCatalogue::default()
            };
            let registry = Registry::given(vec![has("a"), has("b")]).unwrap();
            Registry { programs: vec![held("one", one), held("other", other)], ..registry }
        };
        let digest =
            |registry: &Registry, of: &[&str]| registry.digest_of(of.iter().copied()).unwrap();
        let all: [&[&str]; 4] = [&["a"], &["b"], &["a", "b"], &[]];
        let before = all.map(|of| digest(&with("1", "2"), of));
        assert_eq!(all.map(|of| digest(&with("1", "2"), of)), before);
        assert_eq!(before[2], before[3], "of all");
        let after = all.map(|of| digest(&with("1", "3"), of));
        let same = before.iter().zip(&after).map(|(one, other)| one == other);
        assert_eq!(same.collect::<Vec<_>>(), [true, false, false, false]);
        assert_ne!(digest(&with("1", "23"), &[]), digest(&with("12", "3"), &[]));
    }

    #[test]
    fn a_result_depends_on_the_programs_of_its_tables_alone() {
        let program = |name: &str, fact: &str| ProgramCatalogue {
            structures: vec![entry(name)],
            build: [(fact.to_owned(), "1".to_owned())].into(),
            ..ProgramCatalogue::default()
        };
        let of_caches = ProgramCatalogue {
            structures: Vec::new(),
            caches: vec![CacheEntry {
                store: "memc3".to_owned(),
                eviction: "clock".to_owned(),
                ..CacheEntry::default()
            }],
            ..program("c", "flags")
        };
        let all = vec![program("a", "rustc"), program("b", "cxx"), of_caches];
        let registry = Registry::given(all).unwrap();
        let facts =
            |of: &[&str]| registry.build_of(of.iter().copied()).into_keys().collect::<Vec<_>>();
        assert_eq!(facts(&["a"]), ["rustc"]);
        assert_eq!(facts(&["b", "b"]), ["cxx"]);
        assert_eq!(facts(&["b", "a"]), ["cxx", "rustc"]);
        assert_eq!(facts(&["memc3/clock"]), ["flags"], "a cache's program is its own, too");
        assert_eq!(facts(&["memc3/clock", "a"]), ["flags", "rustc"]);
        assert_eq!(registry.build().into_keys().collect::<Vec<_>>(), ["cxx", "flags", "rustc"]);
    }
}
