//! Where the programs of tables are.
//!
//! They are in the folder of this program; or, if that folder is `release`, in the folder `measured` beside
//! it: that is the profile of measured programs, which are optimised as a whole, as this program need not be.
//! If cargo runs this program (`cargo run -- …`), they are built first: all of them, or only the family of a
//! named structure, according to its `Cargo.toml`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use ::table::ProgramCatalogue;

use super::family::Family;
use super::{PREFIX, ProgramFile, Registry, VARIABLE};
use crate::failure::{Failure, usage};

/// The programs of tables of a command line.
#[derive(Debug)]
pub struct Programs(Source);

#[derive(Debug)]
enum Source {
    /// Catalogues without a program: for commands that read and plan.
    Given(Vec<ProgramCatalogue>),
    Found(Place),
}

/// Where this process finds them.
#[derive(Debug)]
struct Place {
    /// The folder of the programs.
    folder: PathBuf,
    /// Those that [`VARIABLE`] names.
    named: Vec<PathBuf>,
    /// What builds them, if cargo runs this program.
    cargo: Option<Cargo>,
}

impl Programs {
    /// As this process was started.
    ///
    /// # Errors
    ///
    /// This program's own file is not to be found.
    pub fn of_process() -> anyhow::Result<Self> {
        let program = env::current_exe().context("cannot find this program's own file")?;
        let folder = program.parent().context("this program lies in no folder")?.to_owned();
        let cargo = Cargo::of_process(&folder);
        let folder = of_programs(folder, cargo.is_some());
        let named = env::var_os(VARIABLE)
            .map_or_else(Vec::new, |list| env::split_paths(&list).collect::<Vec<_>>());
        Ok(Self(Source::Found(Place { folder, named, cargo })))
    }

    /// None: these catalogues stand for what they have, and nothing of it can be run.
    #[must_use]
    pub fn given(catalogues: Vec<ProgramCatalogue>) -> Self {
        Self(Source::Given(catalogues))
    }

    /// The structures of every program, which are built if cargo is there.
    ///
    /// # Errors
    ///
    /// There is no program, or one cannot be built, or does not answer.
    pub fn all(&self) -> Result<Registry, Failure> {
        match &self.0 {
            Source::Given(all) => Ok(Registry::given(all.clone())?),
            Source::Found(place) => place.all(),
        }
    }

    /// The structures of the programs that may have `structure`: of one family, if it is a name that one
    /// of them declares, and if cargo is there to tell.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn with(&self, structure: &str) -> Result<Registry, Failure> {
        match &self.0 {
            Source::Given(_) => self.all(),
            Source::Found(place) => place.with(structure),
        }
    }

    /// The program behind `bench serve` and `bench load`, which is built if cargo is there.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be built.
    pub fn server(&self) -> Result<PathBuf, Failure> {
        match &self.0 {
            Source::Given(_) => Err(usage(format!("there is no program {SERVER} here"))),
            Source::Found(place) => place.server(),
        }
    }

    /// The program of servers alone, for an experiment about them.
    ///
    /// # Errors
    ///
    /// As [`server`](Self::server).
    pub fn serving(&self) -> Result<Registry, Failure> {
        match &self.0 {
            Source::Given(_) => self.all(),
            Source::Found(place) => Ok(Registry::of(vec![ProgramFile::open(&place.server()?)?])?),
        }
    }

    /// What the programs have that are there already: for commands that read results, which need none.
    #[must_use]
    pub fn built(&self) -> Registry {
        match &self.0 {
            Source::Given(all) => Registry::given(all.clone()).unwrap_or_default(),
            Source::Found(place) => {
                let held =
                    place.present().into_iter().filter_map(|path| ProgramFile::open(&path).ok());
                Registry::of(held.collect()).unwrap_or_default()
            }
        }
    }
}

impl Place {
    fn all(&self) -> Result<Registry, Failure> {
        if let Some(cargo) = &self.cargo {
            let families = cargo.families()?;
            cargo.build_families(families.iter().filter(|family| self.is_wanted(family)))?;
        }
        self.registry(self.present())
    }

    fn with(&self, structure: &str) -> Result<Registry, Failure> {
        let Some(cargo) = &self.cargo else { return self.all() };
        let families = cargo.families()?;
        let Some(family) = families.iter().find(|family| family.has(structure)) else {
            return self.all();
        };
        if !self.is_wanted(family) {
            let how = on_demand(structure).unwrap_or_default();
            return Err(usage(format!("there is no structure `{structure}`; {how}")));
        }
        cargo.build_families([family])?;
        let of_family = self.folder.join(&family.package);
        let wanted = |path: &PathBuf| *path == of_family || self.named.contains(path);
        self.registry(self.present().into_iter().filter(wanted).collect())
    }

    fn server(&self) -> Result<PathBuf, Failure> {
        if let Some(cargo) = &self.cargo {
            cargo.build(&[SERVER], &[])?;
        }
        let path = self.folder.join(format!("{SERVER}{}", env::consts::EXE_SUFFIX));
        if path.is_file() {
            return Ok(path);
        }
        Err(usage(format!(
            "there is no program {SERVER} in {}: `cargo build --profile {MEASURED} -p server` builds it, and \
             `cargo run --release -- ...` does so by itself",
            self.folder.display()
        )))
    }

    /// Whether a family is built for whoever asks for all: one that is built on demand alone, if somebody has built
    /// it before, so that it is of the same sources as the others.
    fn is_wanted(&self, family: &Family) -> bool {
        family.on_demand.is_none() || self.folder.join(&family.package).exists()
    }

    fn registry(&self, present: Vec<PathBuf>) -> Result<Registry, Failure> {
        if present.is_empty() {
            return Err(usage(format!(
                "there is no program of tables in {}: `cargo build --profile {MEASURED} --bins` builds \
                 them, and `cargo run --release -- ...` does so by itself",
                self.folder.display()
            )));
        }
        let held: anyhow::Result<Vec<ProgramFile>> =
            present.iter().map(|path| ProgramFile::open(path)).collect();
        Ok(Registry::of(held?)?)
    }

    /// The files of programs, those that were named first.
    fn present(&self) -> Vec<PathBuf> {
        let mut beside: Vec<PathBuf> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_program(path))
            .collect();
        beside.sort();
        self.named.iter().cloned().chain(beside).collect()
    }
}

/// The program of the crate `server`.
const SERVER: &str = "bench-server";

/// The profile of what is measured, and its folder beside that of the profile `release`.
const MEASURED: &str = "measured";

/// The folder of the programs of tables for a program that lies in `folder`, whether or not they are
/// there yet.
fn of_programs(folder: PathBuf, will_be_built: bool) -> PathBuf {
    if !folder.ends_with("release") {
        return folder;
    }
    let measured = folder.with_file_name(MEASURED);
    if will_be_built || measured.is_dir() { measured } else { folder }
}

/// Whether a file is named as a program of tables is; what else cargo leaves there has an ending.
fn is_program(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.strip_suffix(env::consts::EXE_SUFFIX).unwrap_or(name);
    name.starts_with(PREFIX) && !name.contains('.') && path.is_file()
}

/// The cargo that runs this program.
#[derive(Debug)]
struct Cargo {
    program: PathBuf,
    /// The folder of the workspace.
    root: PathBuf,
    /// What says with which profile, to where, and for which platform this program was built.
    flags: Vec<String>,
}

impl Cargo {
    /// The cargo that runs this process, if it is one of the workspace that this program is of.
    fn of_process(folder: &Path) -> Option<Self> {
        let program = env::var_os("CARGO")?.into();
        let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?);
        let harness = package.parent()?;
        let root = harness.parent()?.to_owned();
        let is_ours = package.ends_with("harness/bench") && harness.join("subjects").is_dir();
        let folder = of_programs(folder.to_owned(), true);
        is_ours.then(|| Self { program, root, flags: flags(&folder) })
    }

    fn families(&self) -> anyhow::Result<Vec<Family>> {
        let folder = self.root.join("harness/subjects");
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("cannot read {}", folder.display()))?
            .filter_map(|entry| Some(entry.ok()?.path().join("Cargo.toml")));
        let mut manifests: Vec<PathBuf> = entries.collect();
        manifests.sort();
        let families: anyhow::Result<Vec<Option<Family>>> =
            manifests.iter().map(|manifest| Family::read(manifest)).collect();
        Ok(families?.into_iter().flatten().collect())
    }

    fn build_families<'f>(
        &self,
        families: impl IntoIterator<Item = &'f Family>,
    ) -> anyhow::Result<()> {
        let (mut programs, mut features) = (Vec::new(), Vec::new());
        for family in families {
            programs.push(family.package.as_str());
            features.extend(family.on_demand.as_ref().map(|how| how.feature_of(&family.package)));
        }
        self.build(&programs, &features)
    }

    fn build(&self, programs: &[&str], features: &[String]) -> anyhow::Result<()> {
        let mut command = Command::new(&self.program);
        command.args(["build", "--quiet"]).args(&self.flags).current_dir(&self.root);
        // Data alone goes to standard output.
        command.stdin(Stdio::null()).stdout(Stdio::null());
        for program in programs {
            command.args(["--bin", program]);
        }
        for feature in features {
            command.args(["--features", feature]);
        }
        let status = command.status().context("cannot start cargo")?;
        ensure!(status.success(), "{} could not be built", programs.join(", "));
        Ok(())
    }
}

/// Of a name or glob that means structures of a family that is built on demand alone, how they are had.
#[must_use]
pub fn on_demand(pattern: &str) -> Option<String> {
    let profile = env::current_exe().map_or_else(|_| String::new(), |program| profile(&program));
    Family::all_on_demand().filter(|family| family.is_meant(pattern)).find_map(|f| f.how(&profile))
}

/// What tells cargo the profile of the programs of tables that the program in that file starts; nothing, if it is
/// cargo's own default.
fn profile(program: &Path) -> String {
    let folder = of_programs(program.parent().unwrap_or(program).to_owned(), true);
    match flags(&folder).as_slice() {
        [_, profile, ..] if profile != "dev" => format!("--profile {profile} "),
        _ => String::new(),
    }
}

/// The flags that build a program into `folder`: `<target>/[<triple>/]<profile>`.
fn flags(folder: &Path) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let profile = match name(folder) {
        profile if profile == "debug" => "dev".to_owned(),
        profile => profile,
    };
    let mut flags = vec!["--profile".to_owned(), profile];
    let Some(mut target) = folder.parent() else { return flags };
    // A triple has dashes and is not what the folder of all builds is called.
    if name(target).matches('-').count() >= 2 {
        flags.extend(["--target".to_owned(), name(target)]);
        target = target.parent().unwrap_or(target);
    }
    flags.extend(["--target-dir".to_owned(), target.display().to_string()]);
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_off_the_folder() {
        let of = |folder: &str| flags(Path::new(folder)).join(" ");
        assert_eq!(of("/c/target/release"), "--profile release --target-dir /c/target");
        assert_eq!(of("/c/target/debug"), "--profile dev --target-dir /c/target");
        assert_eq!(
            of("/t/x86_64-unknown-linux-gnu/fast"),
            "--profile fast --target x86_64-unknown-linux-gnu --target-dir /t"
        );
    }

    #[test]
    fn a_release_measures_what_is_optimised_as_a_whole() {
        let target = tempfile::tempdir().unwrap();
        let [release, measured, debug] =
            ["release", "measured", "debug"].map(|name| target.path().join(name));
        assert_eq!(of_programs(release.clone(), false), release, "nothing else is there");
        assert_eq!(of_programs(release.clone(), true), measured);
        fs::create_dir(&measured).unwrap();
        assert_eq!(of_programs(release, false), measured);
        assert_eq!(of_programs(debug.clone(), true), debug);
    }

    #[test]
    fn every_family_of_the_workspace_declares_its_structures() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
        let cargo = Cargo { program: PathBuf::new(), root, flags: Vec::new() };
        let families = cargo.families().unwrap();
        assert!(families.len() >= 5, "{families:?}");
        for family in families {
            assert!(family.package.starts_with(PREFIX) && !family.structures.is_empty());
        }
    }

    #[test]
    fn what_is_built_on_demand_is_built_where_it_was_before() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder: folder.path().to_owned(), named: Vec::new(), cargo: None };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |name: &str| {
            Family::read(&root.join("subjects").join(name).join("Cargo.toml")).unwrap().unwrap()
        };
        let [always, on_demand] = ["peers", "peers-cpp"].map(read);
        assert!(place.is_wanted(&always) && !place.is_wanted(&on_demand));
        fs::write(folder.path().join(&on_demand.package), "").unwrap();
        assert!(place.is_wanted(&on_demand));
    }

    #[test]
    fn the_profile_is_named_where_cargo_would_choose_another() {
        let of = |program: &str| profile(Path::new(program));
        assert_eq!(of("/t/target/release/bench"), "--profile measured ");
        assert_eq!(of("/t/target/debug/bench"), "");
        assert_eq!(of("/t/target/fast/bench"), "--profile fast ");
    }

    #[test]
    fn programs_are_told_from_what_else_cargo_leaves() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["subjects-a", "subjects-a.d", "bench", "libsubjects_a.rlib"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let place = Place { folder: folder.path().to_owned(), named: Vec::new(), cargo: None };
        assert_eq!(place.present(), [folder.path().join("subjects-a")]);
    }

    #[test]
    fn the_server_lies_beside_the_programs_of_tables() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder: folder.path().to_owned(), named: Vec::new(), cargo: None };
        let failure = place.server().unwrap_err();
        assert!(failure.to_string().contains("-p server` builds it"), "{failure}");
        fs::write(folder.path().join(SERVER), "").unwrap();
        assert_eq!(place.server().unwrap(), folder.path().join(SERVER));
        assert!(place.present().is_empty(), "it has no tables");
    }

    #[test]
    fn without_a_program_it_says_what_builds_them() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder: folder.path().to_owned(), named: Vec::new(), cargo: None };
        let programs = Programs(Source::Found(place));
        let Err(failure) = programs.all() else { panic!("nothing is there") };
        assert!(failure.to_string().contains("cargo build --profile measured"), "{failure}");
        assert_eq!(failure.code(), 2);
        assert!(programs.built().structures().is_empty());
    }
}
