//! The process of a trial that takes turns.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::turns::{Heard, Player, Stop};
use crate::programs::ProgramFile;
use crate::programs::ask::{Ended, ended, pipe, started, time_limit, too_long};
use crate::trial::{Measurement, TrialSpec};
use trials::conductor::{Counted, Slice};
use trials::serve::TURNS_COMMAND;
use trials::turns::{Said, Told, line};

/// How often who waits for a process looks whether all are told to stop.
const POLL: Duration = Duration::from_millis(50);

/// A trial's process, which is ended when this is dropped.
pub(crate) struct Turned<'i> {
    child: Child,
    input: ChildStdin,
    /// What it says.
    lines: Receiver<String>,
    /// What it writes on standard error, when it has ended.
    errors: Option<JoinHandle<Vec<u8>>>,
    /// For all but a slice.
    limit: Duration,
    interrupted: &'i AtomicBool,
}

impl<'i> Turned<'i> {
    /// Starts it, and tells it what its trial is.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub(crate) fn start(
        program: &ProgramFile,
        spec: &TrialSpec,
        interrupted: &'i AtomicBool,
    ) -> anyhow::Result<Self> {
        let mut child = started(program, TURNS_COMMAND, &spec.case.allocator)?;
        let errors = pipe(child.stderr.take());
        let output = child.stdout.take().context("the process has no standard output")?;
        let input = child.stdin.take().context("the process has no standard input")?;
        let (lines, limit) = (lines_of(output), time_limit(spec));
        let mut turned = Self { child, input, lines, errors: Some(errors), limit, interrupted };
        turned.write(&line(spec)?);
        Ok(turned)
    }

    /// A process that is gone already is found out by who listens to it.
    fn write(&mut self, line: &[u8]) {
        let _ = self.input.write_all(line).and_then(|()| self.input.flush());
    }

    fn tell(&mut self, told: Told) -> Heard<()> {
        let line = line(&told).map_err(|error| Stop::Failed(error.to_string()))?;
        self.write(&line);
        Ok(())
    }

    /// Its next line, which comes before the time `limit`.
    fn hear(&mut self, limit: Duration) -> Heard<Said> {
        let asked = Instant::now();
        loop {
            // Who answers soon is never waited for, and must stop as well.
            self.check(asked, limit)?;
            match self.lines.recv_timeout(POLL) {
                Ok(line) => {
                    let senseless =
                        |error| Stop::Failed(format!("what it says makes no sense: {error}"));
                    return serde_json::from_slice(line.as_bytes()).map_err(senseless);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended(limit)),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Whether there is a reason not to wait for it any longer.
    fn check(&self, asked: Instant, limit: Duration) -> Heard<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Stop::Interrupted);
        }
        if asked.elapsed() <= limit {
            return Ok(());
        }
        Err(Stop::Failed(too_long(limit)))
    }

    /// It says nothing any more: why.
    fn ended(&mut self, limit: Duration) -> Stop {
        match ended(&mut self.child, limit, self.interrupted, &mut self.errors) {
            Ok(Ended::Well) => Stop::Failed("it ended before its turns did".to_owned()),
            Ok(Ended::Badly(why)) => Stop::Failed(why),
            Ok(Ended::Interrupted) => Stop::Interrupted,
            Err(error) => Stop::Failed(format!("{error:#}")),
        }
    }
}

impl Player for Turned<'_> {
    fn ready(&mut self) -> Heard<()> {
        match self.hear(self.limit)? {
            Said::Ready => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    fn slice(&mut self, slice: Slice) -> Heard<Counted> {
        self.tell(Told::Slice(slice))?;
        // As a trial of that time.
        let limit = Duration::from_secs_f64(60.0 + 10.0 * slice.seconds);
        match self.hear(limit)? {
            Said::Counted(counted) => Ok(counted),
            other => Err(unexpected(&other)),
        }
    }

    fn end(&mut self) -> Heard<Box<Measurement>> {
        self.tell(Told::End)?;
        let measured = match self.hear(self.limit)? {
            Said::Measured(measured) => measured,
            other => return Err(unexpected(&other)),
        };
        // What it frees as it ends is freed before the next one's turn.
        match ended(&mut self.child, self.limit, self.interrupted, &mut self.errors) {
            Ok(Ended::Well) => Ok(measured),
            Ok(Ended::Badly(why)) => Err(Stop::Failed(why)),
            Ok(Ended::Interrupted) => Err(Stop::Interrupted),
            Err(error) => Err(Stop::Failed(format!("{error:#}"))),
        }
    }
}

impl Drop for Turned<'_> {
    fn drop(&mut self) {
        // One that has ended needs neither.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unexpected(said: &Said) -> Stop {
    Stop::Failed(format!("it says what nobody asked: {said:?}"))
}

/// What comes from a process, line by line.
fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
