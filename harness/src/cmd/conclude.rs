//! The end of a sweep: figures, the page, tables, and what failed.

use std::path::PathBuf;

use super::folders::Recorded;
use super::output::{all_done, print};
use super::plot::{self, Drawn, Format};
use super::question::Question;
use super::report;
use crate::failure::Failure;
use crate::programs::Registry;
use crate::results::folder::{EXPERIMENT, Folder, MACHINE};
use crate::results::machine::Machine;
use crate::rows::aggregate::AGGREGATE;
use crate::rows::cache::CACHE;
use crate::rows::latency::{LATENCY, LATENCY_TRIALS};
use crate::rows::samples::SERIES;
use crate::rows::server::SERVER;
use crate::rows::slices::SLICES;
use crate::rows::space::SPACE;
use crate::rows::study;
use crate::rows::throughput::TRIALS;
use crate::show::text::latency::of_cells;
use crate::show::text::{aggregate, cache, server, space, throughput};

/// Writes the figures and the page of `folder`, prints its tables and its files, and fails if a trial
/// did.
pub(super) fn conclude(
    registry: &Registry,
    folder: &Folder,
    machine: Machine,
) -> Result<(), Failure> {
    let (rows, cpus) = (folder.rows().to_vec(), machine.parallelism());
    let always = [EXPERIMENT, MACHINE, TRIALS];
    let optional = [SERIES, SLICES, LATENCY_TRIALS, LATENCY, SPACE, AGGREGATE, CACHE, SERVER];
    let mut files: Vec<PathBuf> = always.iter().map(|name| folder.path().join(name)).collect();
    let optional = optional.map(|name| folder.path().join(name));
    files.extend(optional.into_iter().filter(|file| file.exists()));
    let table = throughput::throughput(&rows, cpus);
    let path = folder.path().to_owned();
    let mut recorded = [Recorded { path, label: String::new(), rows, machine }];
    recorded[0].label = recorded[0].name();
    // What cannot be drawn costs neither the page nor the other figures.
    let Drawn { drawings, failures } =
        report::pictures(registry, &Question::default(), &recorded).unwrap_or_else(Drawn::none);
    let mut complaints = [complaints(folder), failures].concat();
    let own: Vec<_> =
        drawings.iter().filter(|(figure, _)| !figure.is_for_the_page()).cloned().collect();
    if !own.is_empty() {
        let formats = [Format::Svg, Format::Png];
        let (drawn, unwritten) = plot::write(&own, &formats, &folder.path().join("figures"));
        files.extend(drawn);
        complaints.extend(unwritten);
    }
    let page = folder.path().join(report::REPORT);
    match report::write(registry, &Question::default(), &recorded, &drawings, &page) {
        Ok(()) => files.push(page),
        Err(failure) => complaints.push(failure.message()),
    }
    print(&format!("{table}{}\n{}", other_tables(folder), plot::lines(&files)))?;
    all_done(complaints)
}

/// The tables of the other kinds of trials, of those that there are.
fn other_tables(folder: &Folder) -> String {
    let mut text = String::new();
    if !folder.latency().is_empty() {
        text += &format!("\n{}", of_cells(folder.latency()));
    }
    if !folder.space().is_empty() {
        text += &format!("\n{}", space::of_cells(folder.space(), folder.rows()));
    }
    if !folder.cache().is_empty() {
        text += &format!("\n{}", cache::of_cells(folder.cache(), folder.rows()));
    }
    if !folder.server().is_empty() {
        text += &format!("\n{}", server::of_cells(folder.server(), folder.rows()));
    }
    if !folder.aggregate().is_empty() {
        text += &format!("\n{}", aggregate::of_cells(folder.aggregate(), folder.rows()));
    }
    text
}

/// How many trials of each kind failed, of kinds of which some did.
fn complaints(folder: &Folder) -> Vec<String> {
    let invalid = |all: &mut dyn Iterator<Item = bool>| all.filter(|valid| !valid).count();
    let (rows, latency) = (folder.rows(), folder.latency());
    let (space, aggregate) = (folder.space(), folder.aggregate());
    let fills = space.iter().filter(|row| row.step == row.steps);
    let kinds = [
        (TRIALS, rows.len(), invalid(&mut rows.iter().map(|row| row.valid))),
        (LATENCY_TRIALS, latency.len(), invalid(&mut latency.iter().map(|trial| trial.row.valid))),
        (SPACE, study::places(space).len(), invalid(&mut fills.map(|row| row.valid))),
        (AGGREGATE, aggregate.len(), invalid(&mut aggregate.iter().map(|row| row.valid))),
    ];
    let failed = kinds.into_iter().filter(|(_, _, invalid)| *invalid > 0);
    failed
        .map(|(file, all, invalid)| {
            let path = folder.path().join(file);
            let path = path.display();
            format!("{invalid} of {all} trials are invalid; {path} says why in the column `error`")
        })
        .collect()
}
