//! The view of `bench sweep --live`: the current estimate of every cell.
//!
//! It is drawn only between trials, so that no trial pays for it. It uses standard error and
//! the terminal's alternate screen; the terminal stays in its usual mode, so that Ctrl-C still sends a signal.

use std::io::{self, Stderr, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen,
};
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Text;
use ratatui::widgets::{Cell as Field, Gauge, Paragraph, Row as Line, Table, TableState};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use super::output::say;
use crate::analysis::throughput::{CellSummary, Rate, choose_metric, summarise};
use crate::metric::QUIET;
use crate::rows::Row;

/// Messages that are shown.
const MESSAGES: usize = 3;

/// What is known of the cells while they are measured.
pub(super) struct Estimates {
    cells: Vec<Watched>,
    cpus: usize,
    /// The width of intervals that is asked for.
    target: Option<f64>,
    metric: Rate,
    running: Option<usize>,
    done: u64,
    all: u64,
    /// Where the sweep is, in words.
    place: String,
    left: String,
    messages: Vec<String>,
}

/// A cell that is being measured.
struct Watched {
    id: String,
    name: String,
    rows: Vec<Row>,
    summary: Option<CellSummary>,
}

impl Estimates {
    /// Of cells by id and name, and what has been measured already.
    pub(super) fn new(
        cells: impl Iterator<Item = (String, String)>,
        rows: &[Row],
        cpus: usize,
        target: Option<f64>,
    ) -> Self {
        let cell = |(id, name): (String, String)| {
            let rows = rows.iter().filter(|row| row.case == id).cloned().collect();
            Watched { id, name, rows, summary: None }
        };
        let mut estimates = Self {
            cells: cells.map(cell).collect(),
            cpus,
            target,
            metric: Rate::WallRate,
            running: None,
            done: 0,
            all: 0,
            place: String::new(),
            left: String::new(),
            messages: Vec::new(),
        };
        estimates.choose();
        estimates
    }

    /// Takes the rate that suits all that has been measured, and every estimate by it.
    pub(super) fn choose(&mut self) {
        let rows: Vec<Row> = self.cells.iter().flat_map(|cell| cell.rows.clone()).collect();
        self.metric = choose_metric(&rows, self.cpus).metric;
        let metric = self.metric;
        self.cells.iter_mut().for_each(|cell| cell.summarise(metric));
    }

    /// A trial has begun, whose cell has this id.
    pub(super) fn begins(&mut self, id: &str, place: String) {
        self.running = self.cells.iter().position(|cell| cell.id == id);
        self.place = place;
    }

    /// A trial has ended.
    pub(super) fn measured(&mut self, row: &Row) {
        if let Some(cell) = self.cells.iter_mut().find(|cell| cell.id == row.case) {
            cell.rows.push(row.clone());
            cell.summarise(self.metric);
        }
    }

    /// So many trials of all are done, and this is the time left.
    pub(super) fn stand(&mut self, done: u64, all: u64, left: String) {
        (self.done, self.all, self.left) = (done, all, left);
    }

    pub(super) fn note(&mut self, message: String) {
        self.messages.push(message);
    }

    /// Draws all of it.
    pub(super) fn draw(&self, frame: &mut Frame<'_>, table: &mut TableState) {
        let shown = self.messages.len().min(MESSAGES) as u16;
        let parts = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(2),
            Constraint::Length(shown),
            Constraint::Length(1),
        ]);
        let [top, middle, messages, bottom] = parts.areas(frame.area());
        let gauge = Gauge::default().ratio(self.share()).label(self.in_words());
        frame.render_widget(gauge, top);
        table.select(self.running);
        frame.render_stateful_widget(self.table(), middle, table);
        let latest = self.messages.len() - usize::from(shown);
        frame.render_widget(Paragraph::new(self.messages[latest..].join("\n")), messages);
        let rate = format!(
            "Medians so far, by {}. Ctrl-C stops, and the same command goes on.",
            self.metric.in_words()
        );
        frame.render_widget(Paragraph::new(rate), bottom);
    }

    fn share(&self) -> f64 {
        (self.done as f64 / self.all.max(1) as f64).min(1.0)
    }

    /// "45 of 200 trials, about 3 minutes left; block 2".
    fn in_words(&self) -> String {
        let Self { done, all, left, place, .. } = self;
        let separator = if place.is_empty() { "" } else { "; " };
        format!("{done} of {all} trials, about {left} left{separator}{place}")
    }

    fn table(&self) -> Table<'_> {
        let lines = self.cells.iter().enumerate().map(|(i, cell)| {
            let state =
                if self.running == Some(i) { "running".into() } else { cell.state(self.target) };
            let [name, numbers @ ..] = cell.fields();
            let numbers =
                numbers.map(|number| Field::from(Text::from(number).alignment(Alignment::Right)));
            Line::new([Field::from(name)].into_iter().chain(numbers).chain([Field::from(state)]))
        });
        let widths = [
            Constraint::Fill(1),
            Constraint::Length(6),
            Constraint::Length(6),
            Constraint::Length(8),
            Constraint::Length(7),
            Constraint::Length(13),
        ];
        let heading = ["cell", "trials", "quiet", "Mops/s", "+- %", "state"];
        let bold = Style::new().add_modifier(Modifier::BOLD);
        Table::new(lines, widths)
            .header(Line::new(heading).style(bold))
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
    }
}

impl Watched {
    fn summarise(&mut self, metric: Rate) {
        self.summary = summarise(&self.rows, metric).pop();
    }

    fn invalid(&self) -> usize {
        self.summary.as_ref().map_or(0, |summary| summary.invalid)
    }

    /// Half the interval's width, as a share of the median.
    fn half_width(&self) -> Option<f64> {
        let summary = self.summary.as_ref()?;
        Some(stats::relative_half_width(summary.interval()?, summary.median()?))
    }

    /// The name, trials, those that nothing disturbed, the median and the half-width.
    fn fields(&self) -> [String; 5] {
        let quiet = self.rows.iter().filter(|row| row.valid && row.noise == QUIET).count();
        let median = self.summary.as_ref().and_then(|summary| summary.median());
        let none = || "-".to_owned();
        [
            self.name.clone(),
            self.rows.len().to_string(),
            quiet.to_string(),
            median.map_or_else(none, crate::show::text::throughput::mops),
            self.half_width().map_or_else(none, |width| format!("{:.1}", 100.0 * width)),
        ]
    }

    fn state(&self, target: Option<f64>) -> String {
        if self.invalid() > 0 {
            return format!("{} invalid", self.invalid());
        }
        match (self.half_width(), target) {
            _ if self.rows.is_empty() => "waiting".to_owned(),
            (Some(width), Some(target)) if width <= target => "narrow enough".to_owned(),
            (_, Some(_)) => "too wide".to_owned(),
            _ => "measured".to_owned(),
        }
    }
}

/// Whether the terminal's second screen is ours.
static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// The terminal, until it is dropped.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    /// Columns and rows.
    size: (u16, u16),
    table: TableState,
    pub(super) estimates: Estimates,
}

impl Screen {
    pub(super) fn open(estimates: Estimates) -> anyhow::Result<Self> {
        close_at_panic();
        let size = terminal::size().context("cannot use the terminal for --live")?;
        IS_OPEN.store(true, Ordering::Relaxed);
        execute!(io::stderr(), EnterAlternateScreen, Hide, Clear(ClearType::All))
            .context("cannot draw on the terminal")?;
        let terminal = terminal_of(size)?;
        Ok(Self { terminal, size, table: TableState::default(), estimates })
    }

    /// That it cannot be drawn stops no sweep.
    pub(super) fn draw(&mut self) {
        let _ = self.try_draw();
    }

    fn try_draw(&mut self) -> anyhow::Result<()> {
        let size = terminal::size()?;
        if size != self.size {
            execute!(io::stderr(), Clear(ClearType::All))?;
            (self.terminal, self.size) = (terminal_of(size)?, size);
        }
        let Self { terminal, table, estimates, .. } = self;
        terminal.draw(|frame| estimates.draw(frame, table))?;
        Ok(())
    }
}

/// Of a fixed size: otherwise the library would ask the terminal where its cursor is, and the answer
/// would be read as if it were typed.
fn terminal_of((width, height): (u16, u16)) -> anyhow::Result<Terminal<CrosstermBackend<Stderr>>> {
    let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
    let backend = CrosstermBackend::new(io::stderr());
    Terminal::with_options(backend, TerminalOptions { viewport })
        .context("cannot draw on the terminal")
}

/// Leaves the second screen, and says there what was said in it.
impl Drop for Screen {
    fn drop(&mut self) {
        close();
        self.estimates.messages.iter().for_each(say);
    }
}

/// Gives the terminal back, once.
fn close() {
    if IS_OPEN.swap(false, Ordering::Relaxed) {
        let mut out = io::stderr();
        let _ = execute!(out, LeaveAlternateScreen, Show);
        let _ = out.flush();
    }
}

/// Otherwise what a panic says would vanish with the second screen.
fn close_at_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        close();
        report(panic);
    }));
}

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::test_rows::{case, measured};

    const NAMES: [&str; 3] = ["papaya", "dashmap", "flurry"];

    fn rows(name: &str, rates: &[f64]) -> Vec<Row> {
        let case = case(name, "none", 1, 95.0, 0.0, 1024);
        let row = |(block, rate): (u32, &f64)| Row {
            clean_windows: Some(0),
            ..measured(&case, block, *rate)
        };
        (0..).zip(rates).map(row).collect()
    }

    fn id(name: &str) -> String {
        case(name, "none", 1, 95.0, 0.0, 1024).id()
    }

    fn estimates(rows: &[Row], target: Option<f64>) -> Estimates {
        let cells = NAMES.map(|name| (id(name), format!("{name} threads=1")));
        Estimates::new(cells.into_iter(), rows, 2, target)
    }

    fn screen(estimates: &Estimates, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| estimates.draw(frame, &mut TableState::default())).unwrap();
        let buffer = terminal.backend().buffer();
        let cells = buffer.content().chunks(usize::from(width));
        cells.map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect()).collect()
    }

    /// The words of the line of a cell.
    fn line(screen: &[String], name: &str) -> Vec<String> {
        let line = screen.iter().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in {screen:#?}"));
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_cell_has_its_estimate_and_state() {
        let mut estimates = estimates(&rows("papaya", &[2e6, 3e6, 4e6]), Some(0.5));
        estimates.stand(3, 9, "2 minutes".to_owned());
        estimates.begins(&id("dashmap"), "block 1".to_owned());
        let shown = screen(&estimates, 90, 12);
        assert!(shown[0].contains("3 of 9 trials, about 2 minutes left; block 1"), "{shown:#?}");
        assert_eq!(line(&shown, "papaya")[..5], ["papaya", "threads=1", "3", "3", "3.00"]);
        assert_eq!(line(&shown, "papaya")[6..], ["narrow", "enough"]);
        assert_eq!(line(&shown, "dashmap")[1..], ["threads=1", "0", "0", "-", "-", "running"]);
        assert_eq!(line(&shown, "flurry")[1..], ["threads=1", "0", "0", "-", "-", "waiting"]);
        assert!(shown[11].contains("rate over all wall time"), "{shown:#?}");
    }

    #[test]
    fn trials_change_the_estimate() {
        let mut estimates = estimates(&[], Some(0.01));
        let mut noisy = rows("flurry", &[1e6, 9e6]);
        noisy[1].noise = "busy".to_owned();
        noisy.iter().for_each(|row| estimates.measured(row));
        let shown = screen(&estimates, 90, 12);
        let flurry = line(&shown, "flurry");
        assert_eq!(
            (&flurry[2..5], &flurry[6..]),
            (&["2", "1", "5.00"].map(str::to_owned)[..], &["too", "wide"].map(str::to_owned)[..])
        );
        let mut wrong = rows("flurry", &[1e6]).remove(0);
        wrong.valid = false;
        estimates.measured(&wrong);
        assert_eq!(line(&screen(&estimates, 90, 12), "flurry")[6..], ["1", "invalid"]);
    }

    #[test]
    fn half_widths_are_those_of_the_stopping_rule() {
        let rates: Vec<f64> = (0..10).map(|i| 1e6 * (1.0 + 0.01 * f64::from(i))).collect();
        let estimates = estimates(&rows("papaya", &rates), None);
        let summary = &summarise(&rows("papaya", &rates), Rate::WallRate)[0];
        let width =
            stats::relative_half_width(summary.interval().unwrap(), summary.median().unwrap());
        let shown = line(&screen(&estimates, 90, 12), "papaya");
        assert_eq!(shown[5..], [format!("{:.1}", 100.0 * width), "measured".to_owned()]);
    }

    #[test]
    fn the_rate_is_that_of_the_results() {
        let case = case("papaya", "none", 1, 95.0, 0.0, 1024);
        let clean: Vec<Row> = (0..3).map(|block| measured(&case, block, 1e6)).collect();
        let shown = screen(&estimates(&clean, None), 90, 12);
        assert!(shown[11].contains("clean windows") && line(&shown, "papaya")[4] == "1.10");
        let mut estimates = estimates(&clean, None);
        let crowded = rows("dashmap", &[1e6, 1e6, 1e6]);
        crowded.iter().for_each(|row| estimates.measured(row));
        estimates.choose();
        let shown = screen(&estimates, 90, 12);
        assert!(shown[11].contains("wall time") && line(&shown, "papaya")[4] == "1.00");
    }

    #[test]
    fn the_running_cell_is_in_view_and_messages_are_shown() {
        let cells: Vec<(String, String)> =
            (0..50).map(|i| (format!("id{i}"), format!("cell{i}"))).collect();
        let mut estimates = Estimates::new(cells.into_iter(), &[], 2, None);
        estimates.begins("id40", "block 0".to_owned());
        for message in ["first", "second", "third", "fourth"] {
            estimates.note(message.to_owned());
        }
        let shown = screen(&estimates, 60, 14);
        assert_eq!(line(&shown, "cell40").last().unwrap(), "running");
        assert!(!shown.iter().any(|line| line.starts_with("cell0 ")));
        assert!(!shown.contains(&"first".to_owned()) && shown[10].starts_with("second"));
        assert!(shown[12].starts_with("fourth"), "{shown:#?}");
        // A terminal that is too small is no panic.
        for (width, height) in [(1, 1), (10, 3), (200, 2)] {
            screen(&estimates, width, height);
        }
    }
}
