//! Mistakes in an experiment file, and how they are shown.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One mistake in an experiment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The offending text, as byte offsets into the file.
    pub span: Range<usize>,
    /// What is wrong with it.
    pub message: String,
    /// What would be right, in our own words and names only.
    pub help: String,
}

/// Everything found wrong with an experiment file, in the order of the file.
///
/// [`Display`](fmt::Display) shows each mistake under the line it is in, without colour.
#[derive(Clone, Debug)]
pub struct SpecError {
    file: String,
    text: String,
    problems: Vec<Problem>,
}

impl SpecError {
    pub(super) fn new(file: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        for problem in &mut problems {
            problem.span = shown_span(text, &problem.span);
        }
        problems.sort_by_key(|problem| problem.span.start);
        Self { file: file.to_owned(), text: text.to_owned(), problems }
    }

    /// The mistakes; never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Where a mistake starts: line and column, both from 1, the column in characters.
    #[must_use]
    pub fn position(&self, problem: &Problem) -> (usize, usize) {
        let before = &self.text[..problem.span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// The offending text of a mistake.
    #[must_use]
    pub fn offending(&self, problem: &Problem) -> &str {
        &self.text[problem.span.clone()]
    }

    /// Every mistake with its place, its line and what would be right. `color` adds terminal
    /// escapes.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let shown: Vec<_> =
            self.problems.iter().map(|problem| self.render_one(problem, &renderer)).collect();
        shown.join("\n\n")
    }

    fn render_one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let snippet = Snippet::source(self.text.as_str())
            .path(self.file.as_str())
            .annotation(AnnotationKind::Primary.span(problem.span.clone()));
        // A title may quote the file: the renderer replaces its control characters. The help is
        // printed as it is: it never quotes the file.
        let report = Level::ERROR
            .primary_title(problem.message.as_str())
            .element(snippet)
            .element(Level::HELP.message(problem.help.as_str()));
        renderer.render(&[report])
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl Error for SpecError {}

/// `span` within `text`, between characters, and no further than the end of its first line.
fn shown_span(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end.max(start));
    let first_line = text[start..end].lines().next().unwrap_or_default();
    start..start + first_line.len()
}

#[cfg(test)]
mod tests {
    use super::shown_span;

    #[test]
    fn a_span_is_shown_in_whole_characters_of_one_line() {
        assert_eq!(shown_span("aéb", &(2..2)), 1..3);
        assert_eq!(shown_span("aéb", &(0..2)), 0..3);
        assert_eq!(shown_span("aéb", &(3..99)), 3..4);
        assert_eq!(shown_span("aéb", &(99..99)), 4..4);
        assert_eq!(shown_span("a = [1,\r\n2]", &(4..11)), 4..7);
    }
}
