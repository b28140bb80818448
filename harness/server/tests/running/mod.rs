//! The program, run by a test. What a test waits for comes within [`PATIENCE`], or the test fails and says what has
//! not come.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-server");

/// So long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program, which ends with its test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub(crate) fn id(&self) -> Pid {
        Pid::from_raw(self.0.id() as i32)
    }

    /// How it ends, which it must do by itself.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the program's end", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.expect("it has ended")
    }
}

/// What the program says on standard error. It is read also when nobody asks, so that the program never waits for
/// its reader.
pub(crate) struct Said(Receiver<String>);

impl Said {
    fn by(stderr: ChildStderr) -> Self {
        let (sender, receiver) = mpsc::channel();
        // It ends with the program.
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self(receiver)
    }

    /// The next line, which must come.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        let line = self.0.recv_timeout(PATIENCE);
        line.unwrap_or_else(|why| panic!("no further line on standard error: {why}"))
    }
}

/// The program, started by `command`, where it listens, and what it says then.
#[track_caller]
pub(crate) fn started(mut command: Command) -> (Running, String, Said) {
    let mut running = Running(command.stderr(Stdio::piped()).spawn().unwrap());
    let said = Said::by(running.0.stderr.take().unwrap());
    let line = said.line();
    let place = line.strip_prefix("listening on ").expect("it says where").to_owned();
    (running, place, said)
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
