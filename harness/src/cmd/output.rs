//! What commands print: data to standard output, everything else to standard error.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};

use anyhow::{Context, anyhow};

use crate::failure::Failure;

/// What a command has printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// To standard output.
    pub out: String,
    /// To standard error.
    pub err: String,
}

thread_local! {
    /// Where what this thread prints goes, if not to the process's streams.
    static PRINTED: RefCell<Option<Printed>> = const { RefCell::new(None) };
}

/// What `f` returns, and what it has printed.
pub(super) fn captured<T>(f: impl FnOnce() -> T) -> (T, Printed) {
    PRINTED.set(Some(Printed::default()));
    let returned = f();
    (returned, PRINTED.take().unwrap_or_default())
}

/// Gives `text` to the stream that `captured` has for it; false if there is none.
fn keep(text: &str, stream: fn(&mut Printed) -> &mut String) -> bool {
    PRINTED.with_borrow_mut(|printed| printed.as_mut().map(|p| stream(p).push_str(text)).is_some())
}

/// Fails, after all that could be done, if some things could not.
pub(super) fn all_done(failures: Vec<String>) -> Result<(), Failure> {
    if failures.is_empty() { Ok(()) } else { Err(Failure::Run(anyhow!(failures.join("\n")))) }
}

/// Prints help and version to standard output, what is wrong with the arguments to standard error.
pub(super) fn show(error: &clap::Error) -> io::Result<()> {
    let text = error.to_string();
    if text.contains(NO_DIGIT) {
        say(text.replace(NO_DIGIT, "it takes a whole number, such as 1000").trim_end());
        return Ok(());
    }
    let kept = match error.use_stderr() {
        true => keep(&text, |printed| &mut printed.err),
        false => keep(&text, |printed| &mut printed.out),
    };
    if kept { Ok(()) } else { error.print() }
}

/// What the standard library says of `1e6` and of `two`.
const NO_DIGIT: &str = "invalid digit found in string";

/// Prints data. That its reader has gone, as `head` does, is no failure and stops nothing.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    if keep(text, |printed| &mut printed.out) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Prints a line of progress or a complaint. That nobody reads it stops nothing, where
/// `eprintln!` would panic.
pub(super) fn say(message: impl fmt::Display) {
    let line = format!("{message}\n");
    if !keep(&line, |printed| &mut printed.err) {
        let _ = io::stderr().write_all(line.as_bytes());
    }
}
