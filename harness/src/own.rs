//! The command line with the user's own structures.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use kernel::{MapOptions, Registrar};
use structures::map::ConcurrentMap;

/// Programs of tables, in addition to those that `bench` finds by itself.
const SUBJECTS: &str = "BENCH_SUBJECTS";
/// The program `bench`, if it should not be searched for.
const PROGRAM: &str = "BENCH_PROGRAM";

/// The workbench's command line, to which a researcher adds a table:
///
/// ```no_run
/// # type MyMap = structures::ChainingBucketLock<u64, u64>;
/// fn main() -> std::process::ExitCode {
///     harness::Bench::new().structure::<MyMap>("mine").main()
/// }
/// ```
///
/// Such a program has every command of `bench`, for every built-in table and its own. It runs the trials
/// of its own tables, as a family's program does, and passes the command line on to `bench`: the program that
/// the environment variable `BENCH_PROGRAM` names, the one in the same folder, or the one that was built in the clone
/// of this workspace. So it needs no code for figures and files, and is built in less than a minute.
#[derive(Debug)]
pub struct Bench {
    registrar: Registrar,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// Makes a program that has no table of its own yet.
    #[must_use]
    pub fn new() -> Self {
        Self { registrar: Registrar::new() }
    }

    /// Adds a table that starts as `M::default()`. It is prefilled before the measurement starts, so it may have
    /// grown by then.
    ///
    /// # Panics
    ///
    /// If there is a structure `name` already.
    #[must_use]
    pub fn structure<M>(self, name: &str) -> Self
    where
        M: ConcurrentMap<u64, u64> + Default + 'static,
    {
        self.structure_with(name, |_| M::default())
    }

    /// Adds a table that `build` makes, with the given capacity and hash seed.
    ///
    /// # Panics
    ///
    /// If there is a structure `name` already.
    #[must_use]
    pub fn structure_with<M: ConcurrentMap<u64, u64> + 'static>(
        self,
        name: &str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) -> Self {
        self.register(|registrar| {
            registrar.add(name, "added by this program without one", build);
        })
    }

    /// Registers tables by the calls that the built-in families use: for every reclaimer, as variants, with
    /// other hashers, byte strings, huge pages, counted moves. An example, for a table that is generic over its
    /// reclaimer:
    ///
    /// ```no_run
    /// use harness::kernel::{MapOptions, Reclaimed};
    /// use structures::ChainingLockFree;
    /// use structures::reclaim::Reclaimer;
    ///
    /// /// What the axis `allocator` chooses from.
    /// #[global_allocator]
    /// static ALLOCATOR: harness::allocator::Switch = harness::allocator::Switch;
    ///
    /// /// Stands for the table with any reclaimer.
    /// struct Mine;
    ///
    /// impl Reclaimed for Mine {
    ///     type Map<R: Reclaimer + 'static> = ChainingLockFree<u64, u64, R>;
    ///
    ///     fn build<R: Reclaimer + 'static>(o: &MapOptions) -> Self::Map<R> {
    ///         let domain = R::new(o.reclaim_batch);
    ///         ChainingLockFree::with_capacity_and_hasher_in(o.capacity, Default::default(), domain)
    ///     }
    /// }
    ///
    /// fn main() -> std::process::ExitCode {
    ///     harness::Bench::new().register(|registrar| registrar.add_reclaimed::<Mine>("mine")).main()
    /// }
    /// ```
    #[must_use]
    pub fn register(mut self, register: impl FnOnce(&mut Registrar)) -> Self {
        register(&mut self.registrar);
        self
    }

    /// Runs the command line of this process.
    #[must_use]
    pub fn main(self) -> ExitCode {
        let first = env::args().nth(1).unwrap_or_default();
        if trials::serve::serves(&first) {
            let mut facts = kernel::build_facts();
            // What else is known of the build is this repository's.
            facts.insert("own_tables".to_owned(), true.to_string());
            return trials::serve::main(&self.registrar.into_structures(), facts);
        }
        match hand_over() {
            Ok(code) => code,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(2)
            }
        }
    }
}

/// Runs `bench` with this process's arguments, over the tables of this program too.
fn hand_over() -> anyhow::Result<ExitCode> {
    let own = env::current_exe()?;
    let bench = find(&own).ok_or_else(|| {
        anyhow::anyhow!(
            "there is no program `bench` beside this one or in the clone of its workspace: \
             `cargo build --release` in {} builds it, or {PROGRAM} names it",
            workspace().display()
        )
    })?;
    let more = env::var_os(SUBJECTS);
    let more = more.iter().flat_map(|list| env::split_paths(list).collect::<Vec<PathBuf>>());
    let subjects: OsString = env::join_paths(std::iter::once(own).chain(more))?;
    let mut command = Command::new(&bench);
    command.args(env::args_os().skip(1)).env(SUBJECTS, subjects);
    // It is no program that this one's cargo runs: what it is to build is not in this workspace.
    command.env_remove("CARGO");
    start(command).map_err(|error| {
        anyhow::Error::new(error).context(format!("cannot start {}", bench.display()))
    })
}

/// In place of this process, so that signals and exit codes are its own.
#[cfg(unix)]
fn start(mut command: Command) -> std::io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn start(mut command: Command) -> std::io::Result<ExitCode> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// The program `bench`: named, beside this one (or a folder above, for an example), or in the clone.
fn find(own: &Path) -> Option<PathBuf> {
    if let Some(named) = env::var_os(PROGRAM) {
        return Some(named.into());
    }
    let name = format!("bench{}", env::consts::EXE_SUFFIX);
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join(&name));
    let profiles = ["release", "debug"].iter();
    let built = profiles.map(|profile| workspace().join("target").join(profile).join(&name));
    beside.chain(built).find(|path| path.is_file())
}

/// The clone from which this crate was built.
fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}
