//! Which subjects of a grid can run, at which numbers of threads.

use super::axes::{Axes, Choice};
use super::error::Problem;
use crate::catalogue::StructureEntry;

/// A structure with one of its reclaimers, at a number of threads, on some pages.
#[derive(Clone, Copy)]
pub(super) struct Subject<'c> {
    pub(super) structure: &'c str,
    pub(super) reclaimer: &'c str,
    pub(super) threads: usize,
    pub(super) huge_pages: bool,
}

/// Structure × reclaimer × threads × pages of one grid.
///
/// A structure listed by its own name must be able to run somehow: if not, that is a problem.
/// Whatever else cannot run is left out.
#[derive(Default)]
pub(super) struct Subjects<'c> {
    pub(super) subjects: Vec<Subject<'c>>,
    /// What cannot run, and why.
    pub(super) left_out: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

impl<'c> Subjects<'c> {
    pub(super) fn of(axes: &Axes<'c>) -> Self {
        let mut found = Self::default();
        for choice in &axes.structures {
            let structure = choice.entry.name.as_str();
            let reclaimers = found.reclaimers(choice, &axes.reclaimers);
            let threads = found.threads(choice, &axes.threads);
            let pages = found.pages(choice, axes);
            for reclaimer in reclaimers {
                for &threads in &threads {
                    let subject =
                        |&huge_pages| Subject { structure, reclaimer, threads, huge_pages };
                    found.subjects.extend(pages.iter().map(subject));
                }
            }
        }
        found
    }

    /// Those of the listed reclaimers that the structure takes.
    fn reclaimers(&mut self, choice: &Choice<'c>, listed: &[&'c str]) -> Vec<&'c str> {
        let StructureEntry { name, reclaimers, why_not, .. } = choice.entry;
        if reclaimers.iter().all(|reclaimer| reclaimer == "none") {
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

    /// Those of the listed numbers of threads that the structure can serve.
    fn threads(&mut self, choice: &Choice<'c>, listed: &[usize]) -> Vec<usize> {
        let Some(max) = choice.entry.max_threads else { return listed.to_vec() };
        let (served, refused): (Vec<usize>, Vec<usize>) =
            listed.iter().partition(|&&threads| threads <= max);
        let name = &choice.entry.name;
        let refused: Vec<String> = refused.iter().map(usize::to_string).collect();
        let refused = refused.join(" or ");
        match &choice.named {
            Some(span) if served.is_empty() => self.problems.push(Problem {
                span: span.clone(),
                message: format!("`{name}` cannot run at threads = {refused}"),
                help: format!("it serves at most {max}; list such a number in `threads`"),
            }),
            _ if refused.is_empty() => {}
            _ => self
                .left_out
                .push(format!("{name} at threads = {refused}: it serves at most {max}")),
        }
        served
    }

    /// Those of the listed values of `huge_pages` that the structure heeds.
    fn pages(&mut self, choice: &Choice<'c>, axes: &Axes<'c>) -> Vec<bool> {
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
}
