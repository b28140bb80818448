//! The cells of an experiment file that virtual cores can run.

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use table::{Glob, NO_RECLAIMER, Structures, subject_name};
use trials::mix::Mix;
use trials::workload::MAX_KEYS;
use virtual_cores::PredictedRow;

use crate::batches;
use crate::mix::Changes;

/// The schemes whose every access is told of. Others have atomics of their own, which nobody sees.
const TOLD: [&str; 10] = [
    NO_RECLAIMER,
    "leak",
    "hazard",
    "debra",
    "ibr",
    "qsbr",
    "worker-rcu",
    "poor-rcu",
    "grace-rcu",
    "arc",
];
/// The tables whose every access is told of.
const TABLES: [&str; 14] = [
    "chaining-global-lock",
    "chaining-bucket-lock",
    "chaining-lock-free",
    "chaining-inline",
    "cuckoo-striped",
    "cuckoo-optimistic",
    "cuckoo-optimistic:*",
    "cuckoo-optimistic-items",
    "hamt-cas",
    "hamt-cas:*",
    "hamt-sharded",
    "hamt-psim",
    "log-herlihy",
    "left-right",
];

/// What says how trials are measured, and what for: of no use here.
const SETTINGS: [&str; 11] = [
    "title",
    "question",
    "reproduces",
    "seconds",
    "warmup",
    "blocks",
    "target_halfwidth",
    "max_blocks",
    "pin",
    "controls",
    "series",
];

/// A cell but for its number of threads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PredictedCell {
    pub(crate) structure: String,
    pub(crate) reclaimer: String,
    /// After how many retirements of a thread its scheme scans, if not after as many as is its own.
    pub(crate) reclaim_batch: Option<usize>,
    pub(crate) reads: f64,
    /// Percentage of upserts. What neither is, is insertions and removals, as many of each.
    pub(crate) upserts: f64,
    pub(crate) zipf: f64,
    pub(crate) keys: u64,
}

impl PredictedCell {
    /// Its structure, with its reclaimer if it has one.
    pub(crate) fn subject(&self) -> String {
        subject_name(&self.structure, &self.reclaimer)
    }

    /// Whether its scheme frees what is retired, and something is.
    pub(crate) fn frees_retired(&self) -> bool {
        ![NO_RECLAIMER, "leak"].contains(&self.reclaimer.as_str()) && self.reads < 100.0
    }

    /// Whether it is `cell` with another batch.
    pub(crate) fn is_other_batch_of(&self, cell: &Self) -> bool {
        self.reclaim_batch != cell.reclaim_batch
            && Self { reclaim_batch: cell.reclaim_batch, ..self.clone() } == *cell
    }

    /// Whether a row predicts it, at whatever number of threads.
    fn is_of(&self, row: &PredictedRow) -> bool {
        (&self.structure, &self.reclaimer, self.reclaim_batch)
            == (&row.structure, &row.reclaimer, row.reclaim_batch)
            && (self.reads, self.upserts, self.zipf, self.keys)
                == (row.reads, row.upserts, row.zipf, row.keys)
    }

    /// How often each operation occurs.
    pub(crate) fn mix(&self) -> Mix {
        let half = (100.0 - self.reads - self.upserts) / 2.0;
        let (inserts, removes) = (half, half);
        Mix { reads: self.reads, inserts, removes, updates: 0.0, upserts: self.upserts }
    }

    /// The keys that are there in the long run, which a run begins with: insertions and upserts of random keys leave
    /// them there, and removals do not.
    pub(crate) fn present(&self) -> u64 {
        if self.upserts == 0.0 {
            return self.keys / 2;
        }
        let changes = 100.0 - self.reads;
        // Of the changes that are no upserts half are insertions.
        let stores = f64::midpoint(changes, self.upserts);
        (self.keys as f64 * (stores / changes)) as u64
    }
}

/// A cell at numbers of threads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve {
    pub(crate) cell: PredictedCell,
    /// Ascending, each once.
    pub(crate) threads: Vec<usize>,
}

impl Curve {
    /// At these, too.
    fn add(&mut self, threads: &[usize]) {
        self.threads.extend(threads);
        self.threads.sort_unstable();
        self.threads.dedup();
    }
}

/// What an experiment file asks for.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) seed: u64,
    /// Each cell once.
    pub(crate) curves: Vec<Curve>,
}

/// A value, or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T: Clone> OneOrMore<T> {
    fn list(&self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value.clone()],
            Self::More(values) => values.clone(),
        }
    }
}

/// What the axis with that name says, or else `default`.
///
/// # Errors
///
/// It is an empty list.
fn axis<T: Clone>(
    name: &str,
    axis: Option<&OneOrMore<T>>,
    default: &[T],
) -> anyhow::Result<Vec<T>> {
    let values = axis.map_or_else(|| default.to_vec(), OneOrMore::list);
    ensure!(!values.is_empty(), "`{name}` is an empty list: give at least one value");
    Ok(values)
}

/// The axes that are modelled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Axes {
    structure: OneOrMore<String>,
    reclaimer: Option<OneOrMore<String>>,
    reclaim_batch: Option<toml::Value>,
    threads: Option<OneOrMore<usize>>,
    reads: Option<OneOrMore<f64>>,
    zipf: Option<OneOrMore<f64>>,
    keys: Option<OneOrMore<u64>>,
}

impl Spec {
    /// What the text of an experiment file asks for. Settings of how trials are measured are of no use here; what
    /// would change the cells and is not modelled is refused.
    ///
    /// # Errors
    ///
    /// It is no TOML, or asks for what is not modelled: says for what.
    pub(crate) fn parse(text: &str, structures: &Structures) -> anyhow::Result<Self> {
        let file: toml::Table = toml::from_str(text)?;
        let (mut grids, mut changes) = (Vec::new(), Changes::HALVES);
        for (key, value) in &file {
            match (key.as_str(), value) {
                ("axes", toml::Value::Table(_)) => grids.insert(0, ("[axes]", value.clone())),
                ("also", toml::Value::Array(also)) => {
                    grids.extend(also.iter().map(|grid| ("[[also]]", grid.clone())));
                }
                ("mix", toml::Value::Table(_)) => changes = Changes::read(value)?,
                // Settings, of which one may be a table.
                ("seed" | "turns", _) => {}
                (_, toml::Value::Table(_) | toml::Value::Array(_)) => {
                    bail!("`{key}` is not predicted: cells of [axes] and [[also]] are");
                }
                (key, _) => {
                    ensure!(
                        SETTINGS.contains(&key),
                        "`{key}` is not modelled, or no setting: these are seed, turns, {}",
                        SETTINGS.join(", ")
                    );
                }
            }
        }
        ensure!(!grids.is_empty(), "it has no [axes]");
        let seed = match file.get("seed") {
            Some(seed) => seed.as_integer().and_then(|seed| u64::try_from(seed).ok()),
            None => Some(42),
        };
        let seed = seed.context("`seed`: it is a whole number from 0 up")?;
        let mut spec = Self { seed, curves: Vec::new() };
        for (name, grid) in grids {
            let axes: Axes = grid.try_into().with_context(|| {
                format!(
                    "{name}: axes that are modelled: structure, reclaimer, reclaim_batch, threads, reads, zipf, keys"
                )
            })?;
            spec.add(&axes, changes, structures).context(name)?;
        }
        Ok(spec)
    }

    /// Whether these are the first of its predictions, in their order.
    pub(crate) fn begins_with<'s>(&'s self, rows: &[PredictedRow]) -> bool {
        let points = |curve: &'s Curve| curve.threads.iter().map(move |at| (&curve.cell, *at));
        let mut asked = self.curves.iter().flat_map(points);
        rows.iter().all(|row| {
            asked.next().is_some_and(|(cell, threads)| cell.is_of(row) && threads == row.threads)
        })
    }

    /// How many predictions it asks for.
    pub(crate) fn points(&self) -> usize {
        self.curves.iter().map(|curve| curve.threads.len()).sum()
    }

    /// Every cell at these numbers of threads instead.
    pub(crate) fn at(&mut self, threads: &[usize]) {
        for curve in &mut self.curves {
            curve.threads.clear();
            curve.add(threads);
        }
    }

    /// The cells of a grid, at its numbers of threads.
    fn add(
        &mut self,
        axes: &Axes,
        changes: Changes,
        structures: &Structures,
    ) -> anyhow::Result<()> {
        let keys = axis("keys", axes.keys.as_ref(), &[65_536])?;
        let zipf = axis("zipf", axes.zipf.as_ref(), &[0.0])?;
        ensure!(
            axes.reads.is_none() || changes.reads.is_none(),
            "`reads` is set both here and in [mix]: leave one out"
        );
        let reads = axis("reads", axes.reads.as_ref(), &[changes.reads.unwrap_or(95.0)])?;
        let threads = axis("threads", axes.threads.as_ref(), &[1, 2, 4])?;
        let schemes = match &axes.reclaimer {
            Some(schemes) => Some(axis("reclaimer", Some(schemes), &[])?),
            None => None,
        };
        for keys in &keys {
            ensure!((2..=MAX_KEYS).contains(keys), "keys = {keys}: from 2 to {MAX_KEYS}");
        }
        for zipf in &zipf {
            ensure!(zipf.is_finite() && *zipf >= 0.0, "zipf = {zipf}: a finite number from 0 up");
        }
        for reads in &reads {
            ensure!((0.0..=100.0).contains(reads), "reads = {reads}: it is a percentage");
        }
        let mut found = Vec::new();
        for pattern in axis("structure", Some(&axes.structure), &[])? {
            found.extend(subjects(&pattern, schemes.as_deref(), structures)?);
        }
        for (structure, reclaimer, reclaim_batch) in with_batches(found, axes, structures)? {
            for &keys in &keys {
                for &zipf in &zipf {
                    for &reads in &reads {
                        let cell = PredictedCell {
                            structure: structure.clone(),
                            reclaimer: reclaimer.clone(),
                            reclaim_batch,
                            reads,
                            upserts: changes.upserts(reads),
                            zipf,
                            keys,
                        };
                        self.ask(cell, &threads);
                    }
                }
            }
        }
        Ok(())
    }

    /// A cell at these numbers of threads, beside those at which another grid has it.
    fn ask(&mut self, cell: PredictedCell, threads: &[usize]) {
        let known = self.curves.iter().position(|curve| curve.cell == cell);
        let at = known.unwrap_or(self.curves.len());
        if known.is_none() {
            self.curves.push(Curve { cell, threads: Vec::new() });
        }
        self.curves[at].add(threads);
    }
}

/// These subjects, each with every batch that is listed if its scheme takes one, else with its own.
///
/// # Errors
///
/// What is listed are no batches, or none of the schemes takes one.
fn with_batches(
    subjects: Vec<(String, String)>,
    axes: &Axes,
    structures: &Structures,
) -> anyhow::Result<Vec<(String, String, Option<usize>)>> {
    let batches = batches::read(axes.reclaim_batch.as_ref())?;
    let takes_one = |scheme: &str| {
        structures.reclaimers.iter().any(|known| known.name == scheme && known.takes_batch)
    };
    ensure!(
        batches.iter().all(Option::is_none) || subjects.iter().any(|(_, scheme)| takes_one(scheme)),
        "no subject of this grid takes a `reclaim_batch`: leave it out, or list in `reclaimer` one that does, as \
         `hazard`"
    );
    let mut all = Vec::new();
    for (structure, reclaimer) in subjects {
        let own = if takes_one(&reclaimer) { batches.as_slice() } else { &[None] };
        all.extend(own.iter().map(|batch| (structure.clone(), reclaimer.clone(), *batch)));
    }
    Ok(all)
}

fn matches(pattern: &str, name: &str) -> anyhow::Result<bool> {
    Ok(pattern.parse::<Glob>()?.matches(name))
}

/// The structures that a name or glob stands for, each with the schemes asked for that it takes.
fn subjects(
    pattern: &str,
    schemes: Option<&[String]>,
    structures: &Structures,
) -> anyhow::Result<Vec<(String, String)>> {
    // Of a list, each: a glob takes what is modelled of what it matches.
    let is_modelled =
        |asked: &&String| TOLD.iter().any(|told| matches(asked, told).unwrap_or(false));
    let listed = schemes.unwrap_or_default();
    if let Some(scheme) = listed.iter().find(|scheme| !is_modelled(scheme)) {
        bail!(
            "reclaimer `{scheme}` is not modelled: virtual cores see every access of {} alone",
            TOLD[1..].join(", ")
        );
    }
    let mut found = Vec::new();
    for structure in &structures.all {
        let is_told = TABLES.iter().any(|told| matches(told, &structure.name).unwrap_or(false));
        if !is_told || !matches(pattern, &structure.name)? {
            continue;
        }
        for reclaimer in structure.reclaimers() {
            let is_asked_for = reclaimer == NO_RECLAIMER
                || schemes.is_none_or(|schemes| {
                    schemes.iter().any(|scheme| matches(scheme, reclaimer).unwrap_or(false))
                });
            if is_asked_for && TOLD.contains(&reclaimer) {
                found.push((structure.name.clone(), reclaimer.to_owned()));
            }
        }
    }
    let asked = schemes.map_or(String::new(), |schemes| format!(" with {}", schemes.join(", ")));
    ensure!(
        !found.is_empty(),
        "`{pattern}`{asked} is not modelled: virtual cores see every access of {} with {} alone; what has \
         atomics of its own would run as if they were free",
        TABLES.join(", "),
        TOLD[1..].join(", ")
    );
    Ok(found)
}

#[cfg(test)]
mod tests;
