//! The machine and the build, on which results depend besides the case.
//!
//! A fact that is unknown is absent, never guessed. No fact names the machine or its
//! directories, so that a result folder can be published.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use ::table::BuildFacts;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use super::system::CacheLevel;
use super::system::{Tree, field, page_bytes, parse_chosen, parse_memory, parse_os};
use crate::pin::Cpus;
use ::trials::server::MEMCACHED;

/// The machine that measures and the build that is measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// The CPU's name.
    pub cpu_model: Option<String>,
    /// CPUs that the process may use.
    pub cpus: Option<usize>,
    /// Sockets.
    pub sockets: Option<usize>,
    /// Cores, all sockets.
    pub cores: Option<usize>,
    /// Hardware threads of a core.
    pub threads_per_core: Option<usize>,
    /// NUMA nodes.
    pub numa_nodes: Option<usize>,
    /// Memory.
    pub memory_bytes: Option<u64>,
    /// Size of a base page.
    pub page_bytes: Option<u64>,
    /// Frequency governor of the first CPU.
    pub governor: Option<String>,
    /// Whether the CPU may exceed its nominal frequency.
    pub turbo: Option<bool>,
    /// Transparent huge pages: `always`, `madvise` or `never`.
    pub transparent_huge_pages: Option<String>,
    /// Whether it is a virtual machine.
    pub hypervisor: Option<bool>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The operating system.
    pub os: Option<String>,
    /// `rustc -V`.
    pub rustc: Option<String>,
    /// The C++ compiler and the libraries of tables in C++, if any of those is measured.
    pub cxx: Option<String>,
    /// The version of memcached, if it is measured.
    pub memcached: Option<String>,
    /// The target triple.
    pub target: Option<String>,
    /// Cargo's profile.
    pub profile: Option<String>,
    /// Its optimisation level.
    pub opt_level: Option<String>,
    /// Flags passed to the compiler; what names a directory is left out.
    pub flags: Option<String>,
    /// Features of the harness, separated by commas.
    pub features: Option<String>,
    /// The commit that was built.
    pub git_revision: Option<String>,
    /// Whether the source differed from it.
    pub git_dirty: Option<bool>,
    /// Whether some table is of a program of the user's, whose source is in no commit of this repository.
    pub own_tables: Option<bool>,
    /// A digest of the programs that were measured, if no commit says all that they are.
    pub programs: Option<String>,
    /// The caches, nearest first.
    pub caches: Vec<CacheLevel>,
    /// Versions of the crates that are compared with or built upon.
    pub crates: BTreeMap<String, String>,
}

/// The field of what tables in C++ were built with.
const CXX: &str = "cxx";
/// Those of how the machine is set, which not every system tells.
const GOVERNOR: &str = "governor";
const TURBO: &str = "turbo";
const HUGE_PAGES: &str = "transparent_huge_pages";

/// A field in which two machines differ, with our value and theirs.
pub type Difference = (&'static str, String, String);

impl Machine {
    /// This machine, and programs that were built so.
    #[must_use]
    pub fn read(build: &BuildFacts) -> Self {
        let cpus = Cpus::allowed().ok().map(|cpus| cpus.len());
        let machine = Self::of_build(build);
        Self { cpus, page_bytes: page_bytes(), ..machine.with_facts_of(Path::new("/")) }
    }

    /// What is known of a build.
    fn of_build(facts: &BuildFacts) -> Self {
        let text = |fact: &str| facts.get(fact).cloned();
        Self {
            rustc: text("rustc"),
            cxx: text("cxx"),
            target: text("target"),
            profile: text("profile"),
            opt_level: text("opt_level"),
            flags: text("flags"),
            features: text("features"),
            git_revision: text("git_revision"),
            git_dirty: facts.get("git_dirty").and_then(|dirty| dirty.parse().ok()),
            own_tables: facts.get("own_tables").and_then(|own| own.parse().ok()),
            crates: facts.get("crates").map(|text| parse_versions(text)).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// With what the files under `root` say of the machine.
    fn with_facts_of(self, root: &Path) -> Self {
        let tree = Tree(root);
        let cpuinfo = tree.text("proc/cpuinfo");
        let cpuinfo = cpuinfo.as_deref();
        let (sockets, cores, threads) = tree.topology();
        Self {
            cpu_model: cpuinfo.and_then(|text| field(text, "model name")).map(str::to_owned),
            sockets,
            cores,
            threads_per_core: cores.zip(threads).map(|(cores, threads)| threads.div_ceil(cores)),
            numa_nodes: tree.count("sys/devices/system/node", "node"),
            memory_bytes: tree.text("proc/meminfo").as_deref().and_then(parse_memory),
            governor: tree.text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            turbo: tree.turbo(),
            transparent_huge_pages: tree
                .text("sys/kernel/mm/transparent_hugepage/enabled")
                .as_deref()
                .and_then(parse_chosen),
            hypervisor: cpuinfo
                .and_then(|text| field(text, "flags"))
                .map(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            kernel: tree.text("proc/sys/kernel/osrelease"),
            os: tree.text("etc/os-release").as_deref().and_then(parse_os),
            caches: tree.caches(),
            ..self
        }
    }

    /// The fields that must agree for two results to be comparable.
    fn comparable(&self) -> Vec<(&'static str, String)> {
        fn text(value: Option<&impl ToString>) -> String {
            value.map_or("unknown".to_owned(), ToString::to_string)
        }
        vec![
            ("cpu_model", text(self.cpu_model.as_ref())),
            ("cpus", text(self.cpus.as_ref())),
            (GOVERNOR, text(self.governor.as_ref())),
            (TURBO, text(self.turbo.as_ref())),
            (HUGE_PAGES, text(self.transparent_huge_pages.as_ref())),
            ("kernel", text(self.kernel.as_ref())),
            ("rustc", text(self.rustc.as_ref())),
            (CXX, text(self.cxx.as_ref())),
            (MEMCACHED, text(self.memcached.as_ref())),
            ("target", text(self.target.as_ref())),
            ("profile", text(self.profile.as_ref())),
            ("flags", text(self.flags.as_ref())),
            ("features", text(self.features.as_ref())),
            ("git_revision", text(self.git_revision.as_ref())),
            ("git_dirty", text(self.git_dirty.as_ref())),
        ]
    }

    /// Whether the fingerprint says all that the programs are.
    #[must_use]
    pub fn is_of_a_commit(&self) -> bool {
        self.git_dirty == Some(false) && self.own_tables != Some(true)
    }

    /// The [`differences`](Self::differences), and the programs if only they tell two builds apart: trials of
    /// both are not one sample.
    #[must_use]
    pub fn all_differences(&self, other: &Self) -> Vec<Difference> {
        let mut all = self.differences(other);
        if !self.is_of_a_commit()
            && let (Some(ours), Some(theirs)) = (&self.programs, &other.programs)
            && ours != theirs
        {
            all.push(("programs", ours.clone(), theirs.clone()));
        }
        all
    }

    /// The number of threads beyond which CPUs are oversubscribed; no number, if unknown.
    #[must_use]
    pub fn parallelism(&self) -> usize {
        self.cpus.unwrap_or(usize::MAX)
    }

    /// Whether both have the same CPUs, as many of them, and the same kernel, whatever was built.
    #[must_use]
    pub fn is_same_hardware(&self, other: &Self) -> bool {
        !self.differences(other).iter().any(|(field, ..)| is_of_hardware(field))
    }

    /// A short hash over CPU model and number, how frequency and huge pages are set, kernel, compilers, target,
    /// profile, flags, features, and revision and dirtiness of the source: what makes results comparable.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Of what is not measured, or not told by the system, a fingerprint says nothing.
        let is_there = |name: &str| match name {
            CXX => self.cxx.is_some(),
            MEMCACHED => self.memcached.is_some(),
            GOVERNOR => self.governor.is_some(),
            TURBO => self.turbo.is_some(),
            HUGE_PAGES => self.transparent_huge_pages.is_some(),
            _ => true,
        };
        let fields = self.comparable().into_iter().filter(|(name, _)| is_there(name));
        let text: String = fields.map(|(name, value)| format!("{name}={value}\n")).collect();
        let digest = Sha256::digest(text.as_bytes());
        digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The fields of the [`fingerprint`](Self::fingerprint) that differ: none exactly if the
    /// fingerprints agree.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let pairs = self.comparable().into_iter().zip(other.comparable());
        pairs
            .filter(|((_, ours), (_, theirs))| ours != theirs)
            .map(|((name, ours), (_, theirs))| (name, ours, theirs))
            .collect()
    }
}

/// The fields of `machine.toml`, and the fingerprint.
impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "fingerprint = \"{}\"", self.fingerprint())?;
        f.write_str(&toml::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// Whether a field of [`Machine::differences`] is of the machine, and not of what was built.
#[must_use]
pub fn is_of_hardware(field: &str) -> bool {
    matches!(field, "cpu_model" | "cpus" | "kernel")
}

/// `name=version,…`; versions of a name that occurs twice are joined.
fn parse_versions(text: &str) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::<String, String>::new();
    for (name, version) in text.split(',').filter_map(|part| part.split_once('=')) {
        versions
            .entry(name.to_owned())
            .and_modify(|others| *others = format!("{others}, {version}"))
            .or_insert_with(|| version.to_owned());
    }
    versions
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// As a program of tables tells of itself.
    fn facts() -> BuildFacts {
        let facts = [
            ("rustc", "rustc 1.95.0"),
            ("cxx", "g++ 12.2.0; libcuckoo 0.3.1"),
            ("target", "x86_64-unknown-linux-gnu"),
            ("profile", "release"),
            ("flags", ""),
            ("features", "meter,mimalloc"),
            ("git_revision", "0123456789abcdef0123456789abcdef01234567"),
            ("git_dirty", "true"),
            ("crates", "dashmap=6.1.0,papaya=0.2.4"),
        ];
        facts.map(|(name, fact)| (name.to_owned(), fact.to_owned())).into()
    }

    /// A tree with these files.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory can be made");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("it is in the tree")).expect("it is ours");
            fs::write(path, text).expect("it is ours");
        }
        root
    }

    fn server() -> tempfile::TempDir {
        const CPU: &str = "sys/devices/system/cpu";
        let mut files = vec![
            (
                "proc/cpuinfo",
                "processor\t: 0\nmodel name\t: Fast 9000\nflags\t\t: fpu hypervisor\n",
            ),
            ("proc/meminfo", "MemTotal:        2048 kB\nMemFree: 1 kB\n"),
            ("proc/sys/kernel/osrelease", "6.1.0\n"),
            ("etc/os-release", "NAME=\"Linux\"\nPRETTY_NAME=\"Linux 12 (worm)\"\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
            ("sys/devices/system/node/node0/x", ""),
            ("sys/devices/system/node/node1/x", ""),
            ("sys/devices/system/node/online", "0-1\n"),
        ];
        let more: Vec<(String, &str)> = [
            ("cpufreq/boost", "1\n"),
            ("cpu0/cpufreq/scaling_governor", "performance\n"),
            ("cpu0/cache/index0/level", "1\n"),
            ("cpu0/cache/index0/type", "Data\n"),
            ("cpu0/cache/index0/size", "48K\n"),
            ("cpu0/cache/index0/shared_cpu_list", "0,4\n"),
            ("cpu0/cache/index1/level", "3\n"),
            ("cpu0/cache/index1/type", "Unified\n"),
            ("cpu0/cache/index1/size", "32M\n"),
            ("cpu0/cache/index1/shared_cpu_list", "0-3,8-11\n"),
        ]
        .into_iter()
        .map(|(path, text)| (format!("{CPU}/{path}"), text))
        .chain((0..8).flat_map(|cpu| {
            // Two sockets of two cores of two threads; core ids repeat from socket to socket.
            let dir = format!("{CPU}/cpu{cpu}/topology");
            let (socket, core) = (["0\n", "1\n"][cpu % 2], ["0\n", "1\n"][cpu / 2 % 2]);
            [(format!("{dir}/physical_package_id"), socket), (format!("{dir}/core_id"), core)]
        }))
        .collect();
        files.extend(more.iter().map(|(path, text)| (path.as_str(), *text)));
        tree(&files)
    }

    #[test]
    fn facts_are_read() {
        let cache = |level, kind: &str, bytes, shared_by| CacheLevel {
            level,
            kind: kind.to_owned(),
            bytes,
            shared_by,
        };
        let text = |text: &str| Some(text.to_owned());
        let expected = Machine {
            cpu_model: text("Fast 9000"),
            sockets: Some(2),
            cores: Some(4),
            threads_per_core: Some(2),
            numa_nodes: Some(2),
            memory_bytes: Some(2 << 20),
            governor: text("performance"),
            turbo: Some(true),
            transparent_huge_pages: text("madvise"),
            hypervisor: Some(true),
            kernel: text("6.1.0"),
            os: text("Linux 12 (worm)"),
            caches: vec![cache(1, "data", 48 << 10, 2), cache(3, "unified", 32 << 20, 8)],
            ..Machine::default()
        };
        assert_eq!(Machine::default().with_facts_of(server().path()), expected);
    }

    #[test]
    fn what_is_unknown_is_absent() {
        let empty = tree(&[]);
        assert_eq!(Machine::default().with_facts_of(empty.path()), Machine::default());
        let nonsense = tree(&[
            ("proc/cpuinfo", "nothing"),
            ("proc/meminfo", "MemTotal: lots\n"),
            ("proc/sys/kernel/osrelease", "\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always"),
            ("sys/devices/system/cpu/cpufreq/boost", "?"),
            ("sys/devices/system/cpu/cpu0/cache/index0/level", "x"),
        ]);
        assert_eq!(Machine::default().with_facts_of(nonsense.path()), Machine::default());
    }

    #[test]
    fn turbo_of_intel_is_the_other_way_round() {
        let root = tree(&[("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n")]);
        assert_eq!(Machine::default().with_facts_of(root.path()).turbo, Some(false));
    }

    #[test]
    fn versions_of_one_name_are_joined() {
        let versions = parse_versions("a=1.0,b=0.2,a=2.0");
        assert_eq!(versions["a"], "1.0, 2.0");
        assert_eq!(versions["b"], "0.2");
        assert!(parse_versions("").is_empty());
    }

    #[test]
    fn the_fingerprint_differs_exactly_if_a_named_field_does() {
        let machine = Machine::read(&facts());
        let mut other = machine.clone();
        other.memory_bytes = Some(1);
        other.caches.clear();
        assert_eq!(machine.fingerprint(), other.fingerprint());
        assert_eq!(machine.differences(&other), []);
        other.cpus = Some(1 << 20);
        other.git_dirty = None;
        let ours = |value: Option<String>| value.unwrap_or("unknown".to_owned());
        let mut expected =
            vec![("cpus", ours(machine.cpus.map(|cpus| cpus.to_string())), (1 << 20).to_string())];
        if let Some(dirty) = machine.git_dirty {
            expected.push(("git_dirty", dirty.to_string(), "unknown".to_owned()));
        }
        assert_eq!(machine.differences(&other), expected);
        assert_ne!(machine.fingerprint(), other.fingerprint());
        assert_eq!(machine.fingerprint().len(), 12);
    }

    #[test]
    fn a_machine_that_is_set_otherwise_is_another_one() {
        let machine = Machine::default().with_facts_of(server().path());
        let others = [
            ("governor", Machine { governor: Some("powersave".to_owned()), ..machine.clone() }),
            ("turbo", Machine { turbo: Some(false), ..machine.clone() }),
            (
                "transparent_huge_pages",
                Machine { transparent_huge_pages: Some("always".to_owned()), ..machine.clone() },
            ),
        ];
        for (name, other) in others {
            let found: Vec<&str> =
                machine.differences(&other).iter().map(|difference| difference.0).collect();
            assert_eq!(found, [name]);
            assert_ne!(machine.fingerprint(), other.fingerprint(), "{name}");
            assert!(machine.is_same_hardware(&other), "{name}");
        }
    }

    #[test]
    fn programs_tell_builds_apart_that_no_commit_tells_apart() {
        let of = |git_dirty, own_tables, programs: &str| {
            let programs = Some(programs.to_owned());
            Machine { git_dirty, own_tables, programs, ..Machine::default() }
        };
        let differ = |git_dirty, own_tables| {
            let (one, other) = (of(git_dirty, own_tables, "a"), of(git_dirty, own_tables, "b"));
            assert_eq!(one.fingerprint(), other.fingerprint());
            assert_eq!(one.all_differences(&one), []);
            one.all_differences(&other)
        };
        let programs = [("programs", "a".to_owned(), "b".to_owned())];
        assert_eq!(differ(Some(true), None), programs);
        assert_eq!(differ(None, None), programs, "git knows nothing of it");
        assert_eq!(differ(Some(false), Some(true)), programs, "a table of one's own");
        assert_eq!(differ(Some(false), None), [], "the commit says all");
        let before = Machine { programs: None, ..of(Some(true), None, "a") };
        assert_eq!(before.all_differences(&of(Some(true), None, "b")), [], "recorded before");
        let other = Machine { cpus: Some(2), ..of(Some(true), None, "b") };
        let named = of(Some(true), None, "a").all_differences(&other);
        assert_eq!(named.iter().map(|one| one.0).collect::<Vec<_>>(), ["cpus", "programs"]);
    }

    #[test]
    fn every_comparable_field_counts() {
        let memcached = Some("1.6.18".to_owned());
        let full = Machine { memcached, ..Machine::read(&facts()) }.with_facts_of(server().path());
        let value = serde_json::to_value(&full).expect("it is plain data");
        for (name, _) in full.comparable() {
            let mut less = value.clone();
            assert!(less.as_object_mut().expect("a table").remove(name).is_some(), "{name}");
            let less: Machine = serde_json::from_value(less).expect("a field may be absent");
            let known = value[name] != serde_json::Value::Null;
            assert_eq!(less.fingerprint() != full.fingerprint(), known, "{name}");
        }
    }

    #[test]
    fn toml_and_back() {
        let machine = Machine::read(&facts()).with_facts_of(server().path());
        let text = toml::to_string(&machine).expect("it is plain data");
        assert_eq!(toml::from_str::<Machine>(&text).expect("it is what was written"), machine);
        let empty = toml::to_string(&Machine::default()).expect("it is plain data");
        let back = toml::from_str::<Machine>(&empty).expect("it is what was written");
        assert_eq!(back, Machine::default());
        assert!(machine.to_string().contains(&machine.fingerprint()));
    }

    #[test]
    fn the_build_is_described() {
        let machine = Machine::read(&facts());
        assert_eq!(machine.rustc.as_deref(), Some("rustc 1.95.0"));
        assert_eq!((machine.git_dirty, machine.opt_level), (Some(true), None));
        assert_eq!(machine.crates["papaya"], "0.2.4");
    }

    #[test]
    fn nothing_names_the_machine_or_its_directories() {
        let text = Machine::read(&facts()).to_string();
        assert!(!text.contains(env!("CARGO_MANIFEST_DIR")));
        let home = std::env::var("HOME").unwrap_or_default();
        assert!(home.len() < 4 || !text.contains(&home), "{text}");
        assert!(!text.contains(":/") && !text.contains("\"/"), "{text}");
    }
}
