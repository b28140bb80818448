//! Why a command line is refused, and what the client is told.

/// Why a line is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is said, without the line's end; empty if nothing is.
    pub words: &'static str,
    /// Bytes after the line that are its data, and no commands.
    pub swallow: usize,
}

pub(super) const BAD_FORMAT: &str = "CLIENT_ERROR bad command line format";

/// A refusal without data.
pub(super) fn refuse<T>(words: &'static str) -> Result<T, Refusal> {
    Err(Refusal { words, swallow: 0 })
}
