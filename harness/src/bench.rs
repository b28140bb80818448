//! The command line with structures of one's own.

use std::ffi::OsString;
use std::process::ExitCode;

use structures::map::ConcurrentMap;

use crate::cmd::{self, Printed};
use crate::subject::{MapOptions, Registry};

/// The workbench's command line, to which a researcher adds a table:
///
/// ```no_run
/// # type MyMap = structures::ChainingBucketLock<u64, u64>;
/// fn main() -> std::process::ExitCode {
///     harness::Bench::new().structure::<MyMap>("mine").main()
/// }
/// ```
///
/// Such a program has every command of `bench`, over every built-in table and its own.
#[derive(Debug)]
pub struct Bench {
    registry: Registry,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// The built-in tables, the controls and the peers.
    #[must_use]
    pub fn new() -> Self {
        Self { registry: Registry::built_in() }
    }

    /// Adds a table that starts as `M::default()`. It is prefilled, so it may have grown, when
    /// the measurement starts.
    ///
    /// # Panics
    ///
    /// If there is a structure `name` already.
    #[must_use]
    pub fn structure<M>(self, name: &str) -> Self
    where
        M: ConcurrentMap<u64, u64> + Default,
    {
        self.structure_with(name, |_| M::default())
    }

    /// Adds a table that `build` makes, of the stated capacity and with the stated hash seed.
    ///
    /// # Panics
    ///
    /// If there is a structure `name` already.
    #[must_use]
    pub fn structure_with<M: ConcurrentMap<u64, u64>>(
        mut self,
        name: &str,
        build: impl Fn(&MapOptions) -> M + Send + Sync + 'static,
    ) -> Self {
        self.registry.add(name, "added by this program without one", build);
        self
    }

    /// Runs the command line of this process.
    #[must_use]
    pub fn main(self) -> ExitCode {
        ExitCode::from(cmd::run(&self.registry, std::env::args_os()))
    }

    /// Runs a command line in this process and returns its exit code and what it has printed. The
    /// first of `arguments` is the program's name. For the commands that read: those that measure
    /// start this process's program again.
    pub fn run<A: Into<OsString>>(&self, arguments: impl IntoIterator<Item = A>) -> (u8, Printed) {
        cmd::captured(&self.registry, arguments.into_iter().map(Into::into))
    }

    /// The tables that it knows.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}
