//! Which line an address is in. Lines are numbered as their pages are touched first, so that a run does not
//! depend on where the system has put its memory.

use std::collections::HashMap;

use crate::machine::LINE;

/// Bytes of a page.
const PAGE: usize = 4096;
const LINES: usize = PAGE / LINE;

/// Pages found lately, each in the place that its number says.
const RECENT: usize = 1024;

/// The pages that have been touched.
#[derive(Debug)]
pub(crate) struct LineNumbers {
    frames: HashMap<usize, u32>,
    pages: Vec<usize>,
    recent: Vec<(usize, u32)>,
}

impl Default for LineNumbers {
    fn default() -> Self {
        let recent = vec![(usize::MAX, 0); RECENT];
        Self { frames: HashMap::new(), pages: Vec::new(), recent }
    }
}

impl LineNumbers {
    /// The line of an address.
    pub(crate) fn of(&mut self, address: usize) -> u32 {
        let page = address / PAGE;
        let recent = &mut self.recent[page % RECENT];
        if recent.0 != page {
            let pages = &mut self.pages;
            let frame = *self.frames.entry(page).or_insert_with(|| {
                pages.push(page);
                u32::try_from(pages.len() - 1).expect("fewer pages than 2^32")
            });
            *recent = (page, frame);
        }
        recent.1 * LINES as u32 + (address % PAGE / LINE) as u32
    }

    /// The first address of a line.
    pub(crate) fn address(&self, line: u32) -> usize {
        self.pages[line as usize / LINES] * PAGE + line as usize % LINES * LINE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_by_first_touch() {
        let mut lines = LineNumbers::default();
        assert_eq!(lines.of(0x7000_0000), 0);
        assert_eq!(lines.of(0x3000_0fff), 127, "the second page's last line");
        assert_eq!(lines.of(0x7000_0040), 1);
        // A page that has the first one's place among the recent.
        assert_eq!(lines.of(0x7000_0000 + RECENT * PAGE), 128);
        assert_eq!(lines.of(0x7000_003f), 0);
        for address in [0x7000_0040, 0x3000_0fc0] {
            let line = lines.of(address);
            assert_eq!(lines.address(line), address);
        }
    }
}
