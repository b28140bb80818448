//! A trial in a fresh process of the program that has its table.
//!
//! So heap layout, thread-locals and a previous table's garbage cannot leak from one trial into
//! the next (T. Kalibera, R. Jones, *Rigorous benchmarking in reasonable time*, ISMM 2013: repeat
//! where the variance is).

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::Signal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ProgramFile;
use crate::trial::{Measurement, TrialSpec};
use trials::allocator::VARIABLE;
use trials::serve::TRIAL_COMMAND;

/// How a trial process ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It measured; the self-check may have failed.
    Measured(Box<Measurement>),
    /// It crashed, could not run the case, or took too long: why.
    Failed(String),
    /// The sweep was told to stop.
    Interrupted,
}

/// How a process that was asked something ended.
#[derive(Debug)]
pub(crate) enum Answer<A> {
    /// It answered.
    Said(A),
    /// It crashed, failed, or took too long: why.
    Failed(String),
    /// It was told to stop.
    Interrupted,
}

/// How often the parent looks whether the process has ended.
const POLL: Duration = Duration::from_millis(4);

/// Runs `spec` in a process of its own; kills it when `interrupted` becomes true or when it takes
/// far longer than it should.
///
/// # Errors
///
/// The process cannot be started.
pub(crate) fn launch(
    program: &ProgramFile,
    spec: &TrialSpec,
    interrupted: &AtomicBool,
) -> anyhow::Result<Outcome> {
    let told = (TRIAL_COMMAND, &spec.case.allocator[..]);
    Ok(match ask(program, told, spec, time_limit(spec), interrupted)? {
        Answer::Said(measured) => Outcome::Measured(Box::new(measured)),
        Answer::Failed(why) => Outcome::Failed(why),
        Answer::Interrupted => Outcome::Interrupted,
    })
}

/// Runs a command of `program` in a process of its own with this allocator, which reads `question` and
/// writes an answer, both as JSON; kills it when `interrupted` becomes true or after the time `limit`.
///
/// # Errors
///
/// The process cannot be started.
pub(crate) fn ask<A: DeserializeOwned>(
    program: &ProgramFile,
    (command, allocator): (&str, &str),
    question: &impl Serialize,
    limit: Duration,
    interrupted: &AtomicBool,
) -> anyhow::Result<Answer<A>> {
    let mut child = started(program, command, allocator)?;
    let output = pipe(child.stdout.take());
    let mut errors = Some(pipe(child.stderr.take()));
    let told = serde_json::to_vec(question)?;
    let mut input = child.stdin.take().context("the process has no standard input")?;
    // A process that is gone already has said why on standard error.
    let _ = input.write_all(&told);
    drop(input);
    match ended(&mut child, limit, interrupted, &mut errors)? {
        Ended::Well => {}
        Ended::Badly(why) => return Ok(Answer::Failed(why)),
        Ended::Interrupted => return Ok(Answer::Interrupted),
    }
    let output = output.join().unwrap_or_default();
    Ok(match serde_json::from_slice(&output) {
        Ok(answer) => Answer::Said(answer),
        Err(error) => Answer::Failed(format!("the {command}'s answer makes no sense: {error}")),
    })
}

/// A process of `program` that does `command` and has this allocator, with pipes to all that it says.
///
/// # Errors
///
/// It cannot be started.
pub(crate) fn started(
    program: &ProgramFile,
    command: &str,
    allocator: &str,
) -> anyhow::Result<Child> {
    program
        .command()?
        .arg(command)
        .args(["--parent", &std::process::id().to_string()])
        .env(VARIABLE, allocator)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C at the terminal reaches the parent alone, which ends the child.
        .process_group(0)
        .spawn()
        .map_err(|error| program.not_started(error))
        .with_context(|| format!("cannot start a {command} process"))
}

/// How a process ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// As it should.
    Well,
    /// It crashed, failed, or took too long: why.
    Badly(String),
    /// All are told to stop.
    Interrupted,
}

/// Waits for the end of a process, and kills it when `interrupted` becomes true or after the time `limit`;
/// `errors` is what it writes on standard error.
///
/// # Errors
///
/// It cannot be waited for.
pub(crate) fn ended(
    child: &mut Child,
    limit: Duration,
    interrupted: &AtomicBool,
    errors: &mut Option<thread::JoinHandle<Vec<u8>>>,
) -> anyhow::Result<Ended> {
    let Some(status) = wait(child, limit, interrupted)? else {
        if interrupted.load(Ordering::Relaxed) {
            return Ok(Ended::Interrupted);
        }
        return Ok(Ended::Badly(too_long(limit)));
    };
    // Ctrl-C may come before the child is in its own group.
    if status.signal() == Some(Signal::SIGINT as i32) {
        return Ok(Ended::Interrupted);
    }
    if status.success() {
        return Ok(Ended::Well);
    }
    let errors = errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default();
    Ok(Ended::Badly(reason(status, &errors)))
}

/// What is said of a process that has not ended in time.
pub(crate) fn too_long(limit: Duration) -> String {
    format!("no end after {} s: deadlock or livelock?", limit.as_secs())
}

/// Reads all that comes, on a thread of its own.
pub(crate) fn pipe(source: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut source) = source {
            // What was read before an error is still worth having.
            let _ = source.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// A minute, and several times what the trial should take, what comes before its clock included.
pub(crate) fn time_limit(spec: &TrialSpec) -> Duration {
    let case = &spec.case;
    let listed = if case.lengths().is_some() { case.keys } else { 0 };
    let read = case.trace.as_ref().map_or(0, |trace| trace.requests);
    let before = (case.prefill + listed + read) as f64 * 5e-6;
    Duration::from_secs_f64(60.0 + 10.0 * (spec.seconds + spec.warmup) + before)
}

/// The process's status, or `None` if it had to be killed.
fn wait(
    child: &mut Child,
    limit: Duration,
    interrupted: &AtomicBool,
) -> anyhow::Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for the process")? {
            return Ok(Some(status));
        }
        if interrupted.load(Ordering::Relaxed) || started.elapsed() > limit {
            child.kill().context("cannot end the process")?;
            child.wait().context("cannot wait for the process")?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Why a process failed, in one line.
fn reason(status: ExitStatus, errors: &[u8]) -> String {
    let errors = String::from_utf8_lossy(errors);
    let how = match status.signal() {
        Some(signal) => format!("killed by signal {signal}"),
        None => format!("exit code {}", status.code().unwrap_or(-1)),
    };
    let lines = errors.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_news = |line: &&str| !line.starts_with("note: run with") && *line != "stack backtrace:";
    let said = lines.take_while(is_news).take(3).collect::<Vec<_>>().join(" ");
    match said.strip_prefix("error: ") {
        // It ended as it should where something cannot be done.
        Some(why) if status.code() == Some(1) => why.to_owned(),
        _ if said.is_empty() => how,
        _ => format!("{how}: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").spawn().unwrap()
    }

    #[test]
    fn what_hangs_is_killed_at_the_limit() {
        let mut child = sleeper();
        let ended = wait(&mut child, Duration::ZERO, &AtomicBool::new(false)).unwrap();
        assert!(ended.is_none());
        assert_eq!(child.try_wait().unwrap().unwrap().signal(), Some(9));
    }

    #[test]
    fn what_runs_is_killed_at_an_interrupt() {
        let mut child = sleeper();
        let ended = wait(&mut child, Duration::MAX, &AtomicBool::new(true)).unwrap();
        assert!(ended.is_none());
        assert_eq!(child.try_wait().unwrap().unwrap().signal(), Some(9));
    }

    #[test]
    fn a_reason_is_one_line_without_backtrace() {
        let text = "\nthread 'a' panicked at b.rs:1:\nno bucket\nstack backtrace:\n  0: main\n";
        let failed = ExitStatus::from_raw(1 << 8);
        let said = "exit code 1: thread 'a' panicked at b.rs:1: no bucket";
        assert_eq!(reason(failed, text.as_bytes()), said);
        let noted = text.replace("stack backtrace:", "note: run with RUST_BACKTRACE=1");
        assert_eq!(reason(failed, noted.as_bytes()), said);
        let refused = b"error: no memory for a table\n";
        assert_eq!(reason(failed, refused), "no memory for a table");
        assert_eq!(reason(ExitStatus::from_raw(11), b""), "killed by signal 11");
    }
}
