//! Which lines are waited for, and by which code.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::panic::Location;
use std::ptr;

/// A line that was waited for until it had been handed over to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotLine {
    /// Its address.
    pub address: usize,
    /// The cycles of all waits.
    pub waited: u64,
    /// The code that waited most; of code that waited equally long, the first in the order of files and lines.
    pub at: &'static Location<'static>,
    /// The cycles of that code.
    pub waited_there: u64,
}

/// The waits of a run.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// By line, and by where in memory the place in the source is: a place may be there more than once.
    each: HashMap<(u32, usize), (u64, &'static Location<'static>)>,
}

impl Waits {
    /// Code at that place has waited for a line.
    pub(crate) fn note(&mut self, line: u32, cycles: u64, at: &'static Location<'static>) {
        if cycles > 0 {
            self.each.entry((line, ptr::from_ref(at).addr())).or_insert((0, at)).0 += cycles;
        }
    }

    /// The cycles of all waits.
    pub(crate) fn total(&self) -> u64 {
        self.each.values().map(|(cycles, _)| cycles).sum()
    }

    /// The lines that were waited for most, the most first; of those alike, those that were touched first.
    pub(crate) fn hottest(&self, most: usize, address: impl Fn(u32) -> usize) -> Vec<HotLine> {
        let mut places: BTreeMap<(u32, &'static Location<'static>), u64> = BTreeMap::new();
        for ((line, _), (waited, at)) in &self.each {
            *places.entry((*line, at)).or_default() += waited;
        }
        let mut lines: Vec<(u32, HotLine)> = Vec::new();
        for ((line, at), waited) in places {
            match lines.last_mut().filter(|(last, _)| *last == line) {
                None => {
                    let address = address(line);
                    lines.push((line, HotLine { address, waited, at, waited_there: waited }));
                }
                Some((_, hot)) => {
                    hot.waited += waited;
                    if waited > hot.waited_there {
                        (hot.at, hot.waited_there) = (at, waited);
                    }
                }
            }
        }
        lines.sort_by_key(|(line, hot)| (Reverse(hot.waited), *line));
        lines.truncate(most);
        lines.into_iter().map(|(_, hot)| hot).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_named_by_the_code_that_waits_for_it_most() {
        let (here, there) = (Location::caller(), Location::caller());
        let mut waits = Waits::default();
        let noted = [
            (3, 5, here),
            (3, 7, there),
            (1, 11, here),
            (3, 0, here),
            (3, 6, here),
            (2, 11, there),
        ];
        for (line, cycles, at) in noted {
            waits.note(line, cycles, at);
        }
        let hottest = waits.hottest(2, |line| line as usize * 64);
        let hot = |line: usize, waited, at, waited_there| HotLine {
            address: line * 64,
            waited,
            at,
            waited_there,
        };
        assert_eq!(hottest, [hot(3, 18, here, 11), hot(1, 11, here, 11)]);
        assert_eq!((waits.hottest(9, |_| 0).len(), waits.total()), (3, 40));
    }
}
