//! Grids multiplied out to cells.

use std::collections::{HashMap, HashSet};

use super::axes::Axes;
use super::error::Problem;
use super::mix::MixRule;
use super::server::ServerPlan;
use super::subjects::{AxisSubject, AxisSubjects, MAX_CELLS};
use super::value::share;
use crate::case::{Case, NO_OP, SEQUENTIAL, is_control};
use crate::fault::Fault;
use crate::programs::catalogue::Catalogue;

/// Collects the cells of all grids.
pub(super) struct Planner<'c> {
    catalogue: &'c Catalogue,
    pin: bool,
    cases: Vec<Case>,
    ids: HashSet<String>,
    skipped: Vec<String>,
    notes: Vec<String>,
    /// Cells of all grids so far, some of them perhaps several times.
    asked: usize,
}

impl<'c> Planner<'c> {
    pub(super) fn new(catalogue: &'c Catalogue, pin: bool) -> Self {
        Self {
            catalogue,
            pin,
            cases: Vec::new(),
            ids: HashSet::new(),
            skipped: Vec::new(),
            notes: Vec::new(),
            asked: 0,
        }
    }

    /// The cells, what was left out, and what is done otherwise than it may be expected.
    pub(super) fn finish(self) -> (Vec<Case>, Vec<String>, Vec<String>) {
        (self.cases, self.skipped, self.notes)
    }

    /// Adds the cells of a grid that are not there yet.
    pub(super) fn add_grid(&mut self, axes: &Axes<'c>, mix: MixRule, problems: &mut Vec<Problem>) {
        let mut complain = |message, help| {
            problems.push(Problem { span: axes.span.clone(), message, help });
        };
        let mut found = AxisSubjects::of(axes, self.catalogue);
        if let Some(cache) = axes.cache {
            found.leave_out_stalls(cache);
        }
        if !found.problems.is_empty() {
            return problems.extend(found.problems);
        }
        let size = found.count.saturating_mul(axes.workloads());
        if size > MAX_CELLS {
            return complain(
                format!("`{}` is a grid of {size} cells", axes.name),
                format!("a grid has at most {MAX_CELLS} cells; list fewer values"),
            );
        }
        self.asked = self.asked.saturating_add(size);
        if self.asked > MAX_CELLS {
            return complain(
                format!("with `{}` the grids have {} cells", axes.name, self.asked),
                format!("a file has at most {MAX_CELLS} cells; list fewer values"),
            );
        }
        if size == 0 {
            return complain(
                format!("`{}` has no cells: every combination is left out", axes.name),
                found.left_out.join("; "),
            );
        }
        for reason in found.left_out {
            if !self.skipped.contains(&reason) {
                self.skipped.push(reason);
            }
        }
        let note = without_reclaimers(axes, &found.without_reclaimers);
        self.notes.extend(note.filter(|note| !self.notes.contains(note)));
        let cells = found.subjects.iter().flat_map(|subject| self.workloads(*subject, axes, mix));
        let cells: Vec<Case> = cells.collect();
        if self.add(cells) == 0 {
            complain(
                format!("`{}` adds no cells: the grids above it have them all", axes.name),
                "leave it out, or change an axis".to_owned(),
            );
        }
    }

    /// Adds, for every workload so far, the control cells that are not there yet: `no-op` as
    /// the workload is, `sequential` at one thread, of which there can be no more, and a twin.
    pub(super) fn add_controls(&mut self) {
        let grid = self.cases.clone();
        self.add_controls_of_tables(&grid);
        self.add(twins(&grid));
    }

    /// A twin for every workload so far.
    pub(super) fn add_twins(&mut self) {
        let grid = self.cases.clone();
        self.add(twins(&grid));
    }

    fn add_controls_of_tables(&mut self, grid: &[Case]) {
        for (name, threads) in [(NO_OP, None), (SEQUENTIAL, Some(1))] {
            let Some(entry) = self.catalogue.structures.iter().find(|entry| entry.name == name)
            else {
                continue;
            };
            let reclaimer = entry.reclaimers.first().map_or("none", String::as_str);
            let controls = grid.iter().map(|case| Case {
                structure: name.to_owned(),
                reclaimer: reclaimer.to_owned(),
                threads: threads.unwrap_or(case.threads),
                huge_pages: case.huge_pages && entry.huge_pages,
                reclaim_batch: None,
                fault: if threads.is_none() { case.fault } else { Fault::None },
                ..case.clone()
            });
            self.add(controls.collect());
        }
    }

    /// Adds what is not there yet; returns how many that is.
    fn add(&mut self, cases: Vec<Case>) -> usize {
        let before = self.cases.len();
        self.cases.extend(cases.into_iter().filter(|case| self.ids.insert(case.id())));
        self.cases.len() - before
    }

    /// The cells of one subject.
    fn workloads(&self, subject: AxisSubject<'_>, axes: &Axes<'_>, mix: MixRule) -> Vec<Case> {
        let start = Case {
            threads: subject.threads,
            pin: self.pin,
            huge_pages: subject.huge_pages,
            reclaim_batch: subject.reclaim_batch,
            fault: subject.fault,
            ..Case::new(subject.structure, subject.reclaimer)
        };
        let cases = vec![start];
        let cases = cross(cases, &axes.hashers, |case, &hashing| case.hashing = hashing);
        let cases = cross(cases, &axes.key_bytes, |case, &bytes| case.key_bytes = bytes);
        let cases = cross(cases, &axes.value_bytes, |case, &bytes| case.value_bytes = bytes);
        let cases = cross(cases, &axes.reads, |case, &reads| case.mix = mix.mix(reads));
        let cases = cross(cases, &axes.drawn, |case, &drawn| {
            (case.distribution, case.zipf) = drawn;
        });
        let cases = cross(cases, &axes.keys, |case, &keys| case.keys = keys);
        let cases = match axes.traces.as_slice() {
            [] => cases,
            traces => cross(cases, traces, Case::replay),
        };
        let cases = cross(cases, &axes.prefill, |case, &fraction| {
            case.prefill = share(case.keys, fraction);
        });
        let cases = match axes.presets.as_slice() {
            [] => cases,
            presets => cross(cases, presets, |case, preset| preset.apply(case)),
        };
        let cases: Vec<Case> = cases.into_iter().filter(|case| subject.is_there(case)).collect();
        let cases = axes.listed.iter().fold(cases, |cases, (parameter, values)| {
            cross(cases, values, |case, value| {
                (parameter.set)(case, value).expect("it was checked when it was read");
            })
        });
        let cases =
            cross(cases, &axes.allocators, |case, &name| name.clone_into(&mut case.allocator));
        let cases = cross(cases, &axes.batches, |case, &batch| case.batch = batch);
        let cases = cross(cases, &axes.ops_per_pin, |case, &ops| case.ops_per_pin = ops);
        match (axes.cache, axes.server) {
            (Some(cache), _) => cross(cases, &cache.bytes, |case, &bytes| cache.apply(case, bytes)),
            (None, Some(_)) => cases.into_iter().map(ServerPlan::applied).collect(),
            (None, None) => cases,
        }
    }
}

/// That the axis of reclaimers is nothing to these structures, if it is listed and there are any.
fn without_reclaimers(axes: &Axes<'_>, names: &[&str]) -> Option<String> {
    const MOST: usize = 6;
    if !axes.lists_reclaimers || axes.reclaimers == ["none"] || names.is_empty() {
        return None;
    }
    let mut said = names[..names.len().min(MOST)].join(", ");
    if names.len() > MOST {
        said = format!("{said} and {} others", names.len() - MOST);
    }
    Some(format!("{said}: no `reclaimer` is taken there; each runs once, whatever is listed"))
}

/// The first subject under each workload that has several, again: an A/A pair shows the noise in
/// which they are compared.
fn twins(grid: &[Case]) -> Vec<Case> {
    let workload =
        |case: &Case| Case { structure: String::new(), reclaimer: String::new(), ..case.clone() };
    let subjects = || grid.iter().filter(|case| !is_control(&case.structure));
    let mut sizes: HashMap<String, usize> = HashMap::new();
    subjects().for_each(|case| *sizes.entry(workload(case).id()).or_default() += 1);
    let mut seen = HashSet::new();
    let firsts = subjects().filter(|case| {
        let id = workload(case).id();
        sizes[&id] > 1 && seen.insert(id)
    });
    firsts.map(|case| Case { twin: true, ..case.clone() }).collect()
}

/// Every case with every value of one more axis, which varies fastest.
fn cross<T>(cases: Vec<Case>, values: &[T], set: impl Fn(&mut Case, &T)) -> Vec<Case> {
    let with = |case: &Case, value| {
        let mut case = case.clone();
        set(&mut case, value);
        case
    };
    cases.iter().flat_map(|case| values.iter().map(move |value| with(case, value))).collect()
}
