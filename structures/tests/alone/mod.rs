//! Cases that may hang or abort: each runs in a process of its own, this binary started again.

#![allow(unreachable_pub, reason = "a module of test binaries")]

use std::io::Read;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Something to run alone. It fails by a panic, by an abort, or by not ending.
pub struct Case {
    pub name: String,
    pub run: fn(&str),
}

/// Longer than any case takes, however busy the machine is: it only ends what hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Processes at once.
const POOL: usize = 2;

/// The argument with which this binary runs one case.
const ALONE: &str = "--alone";

/// Runs the case that the arguments name, or all whose name has the first argument in it.
pub fn main(cases: &[Case]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = &arguments[..]
        && flag == ALONE
    {
        let case = cases.iter().find(|case| case.name == *name).expect("a case of this name");
        (case.run)(name);
        return ExitCode::SUCCESS;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let chosen: Vec<&Case> =
        cases.iter().filter(|case| filter.is_none_or(|part| case.name.contains(part))).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        chosen.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    let (left, failed) = (Mutex::new(chosen.iter()), Mutex::new(0_u32));
    thread::scope(|scope| {
        for _ in 0..POOL {
            scope.spawn(|| {
                while let Some(case) = { left.lock().expect("no panics under it").next() } {
                    if let Err(report) = alone(&case.name) {
                        println!("test {} ... FAILED: {report}", case.name);
                        *failed.lock().expect("no panics under it") += 1;
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panics under it");
    println!("{} cases, each in its own process; {failed} failed", chosen.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a case and waits for it; what went wrong, if something did.
fn alone(name: &str) -> Result<(), String> {
    let myself = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(myself)
        .args([ALONE, name])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let said = [reader(child.stdout.take()), reader(child.stderr.take())];
    let ended = wait(&mut child);
    let said = said.map(|reader| reader.join().expect("it panics nowhere")).concat();
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("{status}\n{said}")),
        None => Err(format!("it hangs\n{said}")),
    }
}

/// Reads a pipe to its end, so that the process at the other end need not wait.
fn reader(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is worth as much.
            let _ = pipe.read_to_end(&mut said);
        }
        String::from_utf8_lossy(&said).into_owned()
    })
}

/// How the process ended; `None` if it had to be ended.
fn wait(child: &mut Child) -> Option<std::process::ExitStatus> {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
    None
}
