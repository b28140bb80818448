//! What can be named in an experiment file or on the command line. The registry
//! (`subject.rs`) makes one; everything that checks names reads it.

/// One table that can be run.
#[derive(Clone, Debug)]
pub struct StructureEntry {
    /// Its name.
    pub name: String,
    /// The reclaimers it takes; `["none"]` if it needs none.
    pub reclaimers: Vec<String>,
    /// Why it does not take others.
    pub why_not: String,
    /// The most threads it can serve, if limited.
    pub max_threads: Option<usize>,
}

/// Every name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The tables, in the order of registration.
    pub structures: Vec<StructureEntry>,
    /// The reclaimers, in the order of registration; without `none`.
    pub reclaimers: Vec<String>,
    /// The allocators.
    pub allocators: Vec<String>,
}
