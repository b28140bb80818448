//! Draws a counterexample as SVG: a lane a thread, a box an operation, from invocation to return.
//! Time is stretched as in [`timeline`](crate::timeline).

use std::fmt::Write;

use crate::Counterexample;
use crate::history::TimedOp;
use crate::timeline::{Columns, Names, heading, legend};

const MARGIN: usize = 12;
/// Width of the threads' names.
const NAMES: usize = 70;
/// Width between one event and the next: two must hold an operation's text.
const STEP: usize = 62;
const LANE: usize = 46;
const BOX: usize = 22;
/// Height of a line of text below the picture.
const LINE: usize = 17;

/// The picture, under the heading `title`.
#[must_use]
pub fn draw(example: &Counterexample, title: &str) -> String {
    let names = Names::of(example);
    let columns = Columns::of(&example.ops);
    let mut threads: Vec<u32> = example.ops.iter().map(|op| op.thread).collect();
    threads.sort_unstable();
    threads.dedup();
    let legend = legend(example, &names);
    let heading = format!("{title}: {}", heading(example, &names));
    let widest = legend.lines().chain([heading.as_str()]).map(|line| line.chars().count()).max();
    let lanes = 2 * MARGIN + LINE;
    let below = lanes + threads.len() * LANE;
    let picture = NAMES + (columns.len() + 1) * STEP;
    let width = 2 * MARGIN + picture.max(widest.unwrap_or(0) * 7);
    let height = below + (legend.lines().count() + 1) * LINE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    text(&mut svg, MARGIN, MARGIN + LINE / 2, &heading, "font-weight=\"bold\"");
    for (lane, thread) in threads.iter().enumerate() {
        let y = lanes + lane * LANE;
        text(&mut svg, MARGIN, y + LANE - BOX / 2, &format!("thread {thread}"), "");
        for (index, op) in example.ops.iter().enumerate().filter(|(_, op)| op.thread == *thread) {
            operation(&mut svg, op, y, &columns, &names, index == example.stuck_at);
        }
    }
    for (line, words) in legend.lines().enumerate() {
        text(&mut svg, MARGIN, below + (line + 1) * LINE, words.trim(), "");
    }
    svg + "</svg>\n"
}

fn operation(
    svg: &mut String,
    op: &TimedOp,
    y: usize,
    columns: &Columns,
    names: &Names,
    is_stuck: bool,
) {
    let x = MARGIN + NAMES + columns.invocation(op) * STEP;
    let width = (columns.response(op) - columns.invocation(op)) * STEP;
    // Okabe & Ito's vermilion and blue, and for what had not returned a broken edge.
    let (edge, fill) = if is_stuck { ("#d55e00", "#fbe5d6") } else { ("#0072b2", "#e3f0f9") };
    let dash = if op.is_pending() { " stroke-dasharray=\"4 3\"" } else { "" };
    let top = y + LANE - BOX - 2;
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{BOX}\" rx=\"3\" fill=\"{fill}\" \
         stroke=\"{edge}\"{dash}/>"
    );
    let (asked, answer) = names.call(op.call);
    text(svg, x + 2, y + LANE - BOX - 7, &format!("{asked} → {answer}"), "");
}

fn text(svg: &mut String, x: usize, y: usize, words: &str, more: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" {more}>{words}</text>");
}
