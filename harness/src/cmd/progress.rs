//! How far a sweep is.

use std::io::{self, IsTerminal};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::live::{Estimates, Screen};
use super::output::say;
use crate::case::Case;
use crate::rows::Row;

/// A bar with ETA on a terminal, or what --live shows; elsewhere a line a block. Blocks are counted from 1
/// where they are shown.
pub(super) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    live: Option<Screen>,
}

impl Progress {
    /// Of a sweep with so many trials, of which so many are done.
    pub(super) fn new(old: usize, total: usize) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target =
            if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        if old > 0 {
            say(format_args!("resuming: {old} of {total} trials are done"));
        }
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        let style = "{bar:30} {pos}/{len} trials, {eta} left  {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.inc(old as u64);
        // Otherwise the trials that were done already would count as infinitely fast.
        bar.reset_eta();
        Self { bar, is_terminal, live: None }
    }

    /// Shows the cells that `estimates` makes instead of the bar, which goes on to count.
    pub(super) fn open(&mut self, estimates: impl FnOnce() -> Estimates) -> anyhow::Result<()> {
        if !self.is_terminal {
            say("note: --live needs a terminal on standard error, so progress is plain");
            return Ok(());
        }
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
        self.live = Some(Screen::open(estimates())?);
        Ok(())
    }

    /// A trial of this cell begins, in this block.
    pub(super) fn show(&mut self, block: u32, case: &Case, at: &str) {
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
        match &mut self.live {
            Some(screen) => {
                screen.estimates.begins(&case.id(), format!("block {}{at}", block + 1));
                screen.estimates.stand(done, all, HumanDuration(self.bar.eta()).to_string());
                screen.draw();
            }
            None => self.bar.set_message(format!("block {}: {case}{at}", block + 1)),
        }
    }

    /// A throughput trial is over.
    pub(super) fn measured(&mut self, row: &Row) {
        if let Some(screen) = &mut self.live {
            screen.estimates.measured(row);
        }
    }

    /// A trial is over.
    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    /// So many trials more are to be run.
    pub(super) fn more(&self, trials: usize) {
        self.bar.inc_length(trials as u64);
    }

    /// Something to be read.
    pub(super) fn warn(&mut self, message: String) {
        match &mut self.live {
            Some(screen) => screen.estimates.note(message),
            None => self.bar.suspend(|| say(message)),
        }
    }

    /// All trials of this block are over.
    pub(super) fn end_block(&mut self, block: u32) {
        if let Some(screen) = &mut self.live {
            screen.estimates.choose();
        }
        if !self.is_terminal {
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
            let left = HumanDuration(self.bar.eta());
            let block = block + 1;
            say(format_args!("block {block} done: {done} of {all} trials, about {left} left"));
        }
    }

    /// All are.
    pub(super) fn finish(mut self) {
        self.live = None;
        self.bar.finish_and_clear();
    }
}
