//! Facts of the build, as `build.rs` found them.

use table::BuildFacts;

/// Compiler, flags, revision and versions, by name; what is unknown is absent.
#[must_use]
pub fn build_facts() -> BuildFacts {
    let facts = [
        ("rustc", option_env!("BENCH_RUSTC")),
        ("target", option_env!("BENCH_TARGET")),
        ("profile", option_env!("BENCH_PROFILE")),
        ("opt_level", option_env!("BENCH_OPT_LEVEL")),
        ("flags", option_env!("BENCH_FLAGS")),
        ("features", option_env!("BENCH_FEATURES")),
        ("git_revision", option_env!("BENCH_GIT_REVISION")),
        ("git_dirty", option_env!("BENCH_GIT_DIRTY")),
        ("crates", option_env!("BENCH_CRATES")),
    ];
    let known = facts.into_iter().filter_map(|(name, fact)| Some((name, fact?)));
    known.map(|(name, fact)| (name.to_owned(), fact.to_owned())).collect()
}
