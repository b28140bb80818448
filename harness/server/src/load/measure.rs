//! A load, and what was measured of it.

use std::io::{self, Read, Write};
use std::thread;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use super::drive::{Driver, Outcomes};
use super::flags::{LoadFlags, connect, unreached};
use super::said::ServerSaid;

/// Stores all keys, and returns how many were refused.
pub(crate) fn fill(flags: &LoadFlags) -> io::Result<u64> {
    Driver::new(flags, 0)?.fill()
}

/// What was measured of a load.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(super) outcomes: Outcomes,
    /// Keys of the thread that had fewest, and of that which had most.
    pub(super) threads: (u64, u64),
    pub(super) seconds: f64,
    pub(super) client_cpu_seconds: f64,
    pub(super) before: ServerSaid,
    pub(super) after: ServerSaid,
}

impl Measured {
    /// How much more the server says after than before.
    pub(super) fn since(&self, of: fn(&ServerSaid) -> Option<f64>) -> Option<f64> {
        Some(of(&self.after)? - of(&self.before)?)
    }
}

/// Runs the load without storing keys first.
pub(crate) fn measure(flags: &LoadFlags) -> io::Result<Measured> {
    let before = server_said(flags)?;
    let (began, own) = (Instant::now(), own_cpu());
    let parts: Vec<io::Result<Outcomes>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..flags.threads())
            .map(|thread| scope.spawn(move || Driver::new(flags, thread)?.run()))
            .collect();
        threads.into_iter().map(|one| one.join().expect("a loader does not panic")).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    let client_cpu_seconds = own_cpu() - own;
    let parts = parts.into_iter().collect::<io::Result<Vec<_>>>()?;
    let keys = || parts.iter().map(Outcomes::keys);
    let threads = (keys().min().unwrap_or(0), keys().max().unwrap_or(0));
    let mut outcomes = Outcomes::default();
    parts.iter().for_each(|part| outcomes.merge(part));
    let after = server_said(flags)?;
    Ok(Measured { outcomes, threads, seconds, client_cpu_seconds, before, after })
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

/// Processor time of this process, in seconds.
fn own_cpu() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF)
        .map_or(0.0, |usage| seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// The process of the server, as it says.
pub(crate) fn server_pid(flags: &LoadFlags) -> io::Result<Option<u32>> {
    Ok(server_said(flags)?.pid)
}

/// What the server says of itself.
fn server_said(flags: &LoadFlags) -> io::Result<ServerSaid> {
    let target = flags.target()?;
    let mut stream = connect(&target).map_err(|error| unreached(&target, &error))?;
    stream.write_all(b"stats\r\n")?;
    let (mut text, mut part) = (Vec::new(), [0; 4096]);
    while !text.ends_with(b"END\r\n") && !text.ends_with(b"ERROR\r\n") {
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => text.extend_from_slice(&part[..bytes]),
        }
    }
    Ok(ServerSaid::read(&String::from_utf8_lossy(&text)))
}
