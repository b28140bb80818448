//! Which subjects of a grid can run: at which numbers of threads, on which pages, with which
//! reclamation batches, under which faults.

use super::axes::{Axes, ListedTable};
use super::cache::CachePlan;
use super::error::Problem;
use crate::case::Case;
use crate::fault::Fault;
use crate::hashers::Hashing;
use crate::programs::FOLDHASH_ALONE;
use crate::programs::catalogue::{Catalogue, StructureEntry};
use ::table::Form;

/// More cells than anyone can run; a file that asks for more has a typo.
pub(super) const MAX_CELLS: usize = 100_000;

/// The most threads of a trial.
pub(crate) const MAX_WORKERS: usize = 4096;

/// A structure with one of its reclaimers and what not every one of them can have.
#[derive(Clone, Copy)]
pub(super) struct AxisSubject<'c> {
    pub(super) structure: &'c str,
    pub(super) reclaimer: &'c str,
    pub(super) threads: usize,
    pub(super) huge_pages: bool,
    pub(super) reclaim_batch: Option<usize>,
    pub(super) fault: Fault,
    /// Whether it is there with another hasher than the default.
    hashed: bool,
    /// Whether it is there with byte strings.
    bytes: bool,
}

impl AxisSubject<'_> {
    /// Whether it is there in the form that the case wants.
    pub(super) fn is_there(&self, case: &Case) -> bool {
        match case.form() {
            Form::Usual => true,
            Form::Hashed => self.hashed,
            Form::Bytes => self.bytes,
        }
    }
}

/// The forms that some workload of a grid wants.
fn forms(axes: &Axes<'_>) -> Vec<Form> {
    let listed = [&axes.key_bytes, &axes.value_bytes];
    let of_bytes = listed.iter().any(|axis| axis.iter().any(Option::is_some));
    let mut forms = Vec::new();
    if of_bytes || axes.presets.iter().any(|preset| preset.lengths.is_some()) {
        forms.push(Form::Bytes);
    }
    let of_words = match axes.presets.as_slice() {
        [] => true,
        presets => presets.iter().any(|preset| preset.lengths.is_none()),
    };
    if of_words && !of_bytes {
        let default = |hashing: &&Hashing| hashing.is_default();
        forms.extend(axes.hashers.iter().find(default).map(|_| Form::Usual));
        forms.extend(axes.hashers.iter().find(|hashing| !default(hashing)).map(|_| Form::Hashed));
    }
    forms
}

/// Structure × reclaimer × threads × pages × reclamation batch × fault of one grid.
///
/// A structure listed by its own name must be able to run somehow: if not, that is a problem.
/// Whatever else cannot run is left out.
#[derive(Default)]
pub(super) struct AxisSubjects<'c> {
    /// Not all of them if they are more than [`MAX_CELLS`].
    pub(super) subjects: Vec<AxisSubject<'c>>,
    /// How many they are.
    pub(super) count: usize,
    /// What cannot run, and why.
    pub(super) left_out: Vec<String>,
    /// The structures that take no reclaimer.
    pub(super) without_reclaimers: Vec<&'c str>,
    pub(super) problems: Vec<Problem>,
}

impl<'c> AxisSubjects<'c> {
    pub(super) fn of(axes: &Axes<'c>, catalogue: &Catalogue) -> Self {
        let mut found = Self::default();
        for choice in &axes.structures {
            let structure = choice.entry.name.as_str();
            let reclaimers = found.reclaimers(choice, &axes.reclaimers);
            let reclaimers = found.in_some_form(choice, reclaimers, &forms(axes));
            let loads = found.loads(choice, axes);
            let pages = found.pages(choice, axes);
            for reclaimer in reclaimers {
                let batches = batches(catalogue.takes_batch(reclaimer), axes);
                let more = [loads.len(), pages.len(), batches.len()];
                let more = more.into_iter().fold(1, usize::saturating_mul);
                found.count = found.count.saturating_add(more);
                // A short file can list more than fit into memory.
                if found.count > MAX_CELLS {
                    continue;
                }
                for &(threads, fault) in &loads {
                    for &huge_pages in &pages {
                        found.subjects.extend(batches.iter().map(|&reclaim_batch| AxisSubject {
                            structure,
                            reclaimer,
                            threads,
                            huge_pages,
                            reclaim_batch,
                            fault,
                            hashed: choice.entry.hashed.iter().any(|own| own == reclaimer),
                            bytes: choice.entry.bytes.iter().any(|own| own == reclaimer),
                        }));
                    }
                }
            }
        }
        if found.count <= MAX_CELLS {
            found.some_batch(axes, catalogue);
        }
        found
    }

    /// Those of the listed reclaimers that the structure takes.
    fn reclaimers(&mut self, choice: &ListedTable<'c>, listed: &[&'c str]) -> Vec<&'c str> {
        let StructureEntry { name, reclaimers, why_not, .. } = choice.entry;
        if reclaimers.iter().all(|reclaimer| reclaimer == "none") {
            self.without_reclaimers.push(name);
            return vec!["none"];
        }
        let (taken, refused): (Vec<&str>, Vec<&str>) =
            listed.iter().partition(|&&reclaimer| reclaimers.iter().any(|own| own == reclaimer));
        let refused = refused.join(" or ");
        let mut takes = format!("it takes {}", reclaimers.join(", "));
        if !why_not.is_empty() {
            takes = format!("{takes} ({why_not})");
        }
        match &choice.named {
            Some(span) if taken.is_empty() => self.problems.push(Problem {
                span: span.clone(),
                message: format!("`{name}` does not take the reclaimer {refused}"),
                help: takes,
            }),
            _ if refused.is_empty() => {}
            _ => self.left_out.push(format!("{name} with {refused}: {takes}")),
        }
        taken
    }

    /// Those of the reclaimers with which the structure is there in some of the wanted forms.
    fn in_some_form(
        &mut self,
        choice: &ListedTable<'c>,
        reclaimers: Vec<&'c str>,
        wanted: &[Form],
    ) -> Vec<&'c str> {
        let StructureEntry { name, hashed, bytes, why_no_bytes, .. } = choice.entry;
        let mut here = Vec::new();
        for form in wanted {
            let (there, what) = match form {
                Form::Usual => (None, ""),
                Form::Hashed => (Some(hashed), "with another hasher than foldhash"),
                Form::Bytes => (Some(bytes), "with byte strings"),
            };
            let is_there = |r: &str| there.is_none_or(|there| there.iter().any(|own| own == r));
            let (can, cannot): (Vec<&str>, Vec<&str>) =
                reclaimers.iter().partition(|reclaimer| is_there(reclaimer));
            here.extend(
                can.iter().filter(|reclaimer| !here.contains(*reclaimer)).collect::<Vec<_>>(),
            );
            let help = match there.map(Vec::as_slice) {
                Some([]) if *form == Form::Bytes => why_no_bytes.clone(),
                Some([]) => FOLDHASH_ALONE.to_owned(),
                Some(there) => format!("so it is there with {}", there.join(", ")),
                None => continue,
            };
            match &choice.named {
                Some(span) if can.is_empty() && !reclaimers.is_empty() && wanted.len() == 1 => {
                    self.problems.push(Problem {
                        span: span.clone(),
                        message: format!("`{name}` is not there {what}"),
                        help,
                    });
                }
                _ if cannot.is_empty() => {}
                _ => self
                    .left_out
                    .push(format!("{name} with {} {what}: {help}", cannot.join(" or "))),
            }
        }
        reclaimers.into_iter().filter(|reclaimer| here.contains(reclaimer)).collect()
    }

    /// Those of the listed numbers of threads, each with those of the listed faults, that the
    /// structure can serve.
    fn loads(&mut self, choice: &ListedTable<'c>, axes: &Axes<'c>) -> Vec<(usize, Fault)> {
        let max = choice.entry.max_threads.unwrap_or(MAX_WORKERS);
        let (mut served, mut refused) = (Vec::new(), Vec::new());
        for &threads in &axes.threads {
            for &fault in &axes.faults {
                let fits = fault.handles(threads) <= max;
                if fits { &mut served } else { &mut refused }.push((threads, fault));
            }
        }
        if refused.is_empty() {
            return served;
        }
        let name = &choice.entry.name;
        let refused: Vec<String> = refused.iter().map(|load| load_in_words(*load)).collect();
        let refused = refused.join(" or ");
        match &choice.named {
            Some(span) if served.is_empty() => self.problems.push(Problem {
                span: span.clone(),
                message: format!("`{name}` cannot run at threads = {refused}"),
                help: format!("it serves at most {max}; list such a number in `threads`"),
            }),
            _ => self
                .left_out
                .push(format!("{name} at threads = {refused}: it serves at most {max}")),
        }
        served
    }

    /// Those of the listed values of `huge_pages` that the structure heeds.
    fn pages(&mut self, choice: &ListedTable<'c>, axes: &Axes<'c>) -> Vec<bool> {
        let can = |huge: &bool| !huge || choice.entry.huge_pages;
        let heeded: Vec<bool> = axes.huge_pages.iter().copied().filter(can).collect();
        if heeded.len() == axes.huge_pages.len() {
            return heeded;
        }
        let name = &choice.entry.name;
        let able = match axes.on_huge_pages.as_slice() {
            [] => "no structure can".to_owned(),
            names => format!("those that can are {}", names.join(", ")),
        };
        match &choice.named {
            Some(span) if heeded.is_empty() => self.problems.push(Problem {
                span: span.clone(),
                message: format!("`{name}` cannot ask for huge pages"),
                help: format!("{able}; list others with `huge_pages = false`"),
            }),
            _ => self.left_out.push(format!("{name} on huge pages: it cannot ask for them")),
        }
        heeded
    }

    /// Leaves out caches in whose lookups no reader can stall, where one is to.
    pub(super) fn leave_out_stalls(&mut self, cache: &CachePlan) {
        let why = |subject: &AxisSubject<'c>| {
            let stalls = subject.fault == Fault::StalledReader;
            cache.why_no_stall(subject.structure).filter(|_| stalls)
        };
        for subject in &self.subjects {
            if let Some(why) = why(subject) {
                let name = subject.structure;
                let words = format!("{name} under {}: {why}", Fault::StalledReader);
                if !self.left_out.contains(&words) {
                    self.left_out.push(words);
                }
            }
        }
        self.subjects.retain(|subject| why(subject).is_none());
        self.count = self.subjects.len();
    }

    /// A batch that no subject takes is a problem.
    fn some_batch(&mut self, axes: &Axes<'c>, catalogue: &Catalogue) {
        let listed = axes.reclaim_batches.iter().any(Option::is_some);
        let taken = self.subjects.iter().any(|subject| subject.reclaim_batch.is_some());
        let (true, false, Some(span)) = (listed, taken, &axes.reclaim_batches_at) else { return };
        let able: Vec<&str> = catalogue
            .reclaimers
            .iter()
            .filter(|entry| entry.takes_batch)
            .map(|entry| entry.name.as_str())
            .collect();
        let help = match able.as_slice() {
            [] => "no reclaimer's batch can be set: leave it out".to_owned(),
            names => format!("list in `reclaimer` one that does: {}", names.join(", ")),
        };
        self.problems.push(Problem {
            span: span.clone(),
            message: "no subject of this grid takes a `reclaim_batch`".to_owned(),
            help,
        });
    }
}

/// The listed batches for a subject that takes one, else its own alone.
fn batches(takes_batch: bool, axes: &Axes<'_>) -> Vec<Option<usize>> {
    if takes_batch { axes.reclaim_batches.clone() } else { vec![None] }
}

fn load_in_words((threads, fault): (usize, Fault)) -> String {
    if fault.is_none() {
        return threads.to_string();
    }
    format!("{threads} under {fault} ({} in all)", fault.handles(threads))
}
