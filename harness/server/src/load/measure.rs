//! A load, and what was measured of it.

use std::io::{self, Read, Write};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use trials::metric::{Noise, NoiseProbe};

use super::drive::{Driver, Outcomes};
use super::flags::{Blocking, LoadFlags, connect, unreached};
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
    pub(super) before: ServerSaid,
    pub(super) after: ServerSaid,
    pub(super) readings: Readings,
}

/// What was read around a load.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// From before the first request until after the last answer.
    pub(super) seconds: f64,
    /// The load's processor time.
    pub(super) client_cpu_seconds: f64,
    /// What disturbed the load.
    pub(super) noise: Noise,
    /// What the server's threads waited for.
    pub(super) server_noise: Option<Noise>,
}

impl Measured {
    /// How much more the server says after than before.
    pub(super) fn since(&self, of: fn(&ServerSaid) -> Option<f64>) -> Option<f64> {
        Some(of(&self.after)? - of(&self.before)?)
    }
}

/// Runs the load without storing keys first, and watches the server's process if it is one of this machine.
///
/// How connections are made and closed is not in it: everything is read when all are there, before the first request
/// and after the last answer.
pub(crate) fn measure(flags: &LoadFlags, server: Option<u32>) -> io::Result<Measured> {
    let mut teller = Teller::of(flags)?;
    let drivers = (0..flags.threads()).map(|thread| Driver::new(flags, thread));
    let drivers = drivers.collect::<io::Result<Vec<_>>>()?;
    let before = teller.said()?;
    let barrier = Barrier::new(drivers.len() + 1);
    let (parts, readings, after) = thread::scope(|scope| {
        let barrier = &barrier;
        let threads: Vec<_> =
            drivers.into_iter().map(|driver| scope.spawn(move || drive(driver, barrier))).collect();
        barrier.wait();
        let probes = Probes::start(server);
        barrier.wait();
        barrier.wait();
        let readings = probes.stop();
        // One that closes who is silent has closed it.
        let after = teller.said().or_else(|_| Teller::of(flags)?.said());
        barrier.wait();
        let parts = threads.into_iter().map(|one| one.join().expect("a loader does not panic"));
        (parts.collect::<Vec<_>>(), readings, after)
    });
    let parts = parts.into_iter().collect::<io::Result<Vec<_>>>()?;
    let keys = || parts.iter().map(Outcomes::keys);
    let threads = (keys().min().unwrap_or(0), keys().max().unwrap_or(0));
    let mut outcomes = Outcomes::default();
    parts.iter().for_each(|part| outcomes.merge(part));
    Ok(Measured { outcomes, threads, before, after: after?, readings })
}

/// Loads the server when all who do are there and what is read before was read. Thread and connections are there
/// until everything was read.
fn drive(mut driver: Driver<'_>, barrier: &Barrier) -> io::Result<Outcomes> {
    barrier.wait();
    barrier.wait();
    let _ends = [Meets(barrier), Meets(barrier)];
    driver.run()
}

/// Waits at a barrier when it goes: in a panic too, so that nobody waits there for ever.
struct Meets<'b>(&'b Barrier);

impl Drop for Meets<'_> {
    fn drop(&mut self) {
        self.0.wait();
    }
}

/// What is read before a load, to be read again.
struct Probes {
    load: NoiseProbe,
    server: Option<NoiseProbe>,
    own_cpu: f64,
    began: Instant,
}

impl Probes {
    fn start(server: Option<u32>) -> Self {
        Self {
            load: NoiseProbe::start(),
            server: server.map(NoiseProbe::start_of),
            own_cpu: own_cpu(),
            began: Instant::now(),
        }
    }

    /// What it was since. Call it while the threads are alive.
    fn stop(&self) -> Readings {
        let seconds = self.began.elapsed().as_secs_f64();
        let client_cpu_seconds = own_cpu() - self.own_cpu;
        let (noise, server_noise) = (self.load.stop(), self.server.as_ref().map(NoiseProbe::stop));
        Readings { seconds, client_cpu_seconds, noise, server_noise }
    }
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
    Ok(Teller::of(flags)?.said()?.pid)
}

/// A connection by which a server tells of itself.
struct Teller(Box<dyn Blocking>);

impl Teller {
    fn of(flags: &LoadFlags) -> io::Result<Self> {
        let target = flags.target()?;
        Ok(Self(connect(&target).map_err(|error| unreached(&target, &error))?))
    }

    /// What the server says of itself now.
    fn said(&mut self) -> io::Result<ServerSaid> {
        self.0.write_all(b"stats\r\n")?;
        let (mut text, mut part) = (Vec::new(), [0; 4096]);
        while !text.ends_with(b"END\r\n") && !text.ends_with(b"ERROR\r\n") {
            match self.0.read(&mut part)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                bytes => text.extend_from_slice(&part[..bytes]),
            }
        }
        Ok(ServerSaid::read(&String::from_utf8_lossy(&text)))
    }
}

#[cfg(test)]
mod tests {
    use trials::case::Case;
    use trials::server::{FLOOR, Pattern, ServerLoad, ServerSpec, Transport};

    use super::*;
    use crate::floor;
    use crate::net::{Listener, Place};

    #[test]
    fn a_warm_up_by_keys_takes_as_long_as_they_take() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Unix(folder.path().join("socket"));
        let listener = Listener::bind(&place).unwrap();
        thread::spawn(move || floor::serve(listener, 1));
        let case = Case { keys: 1000, zipf: 0.0, ..Case::new(FLOOR, "none") };
        let rate = Some(1.0);
        let spec = ServerSpec { case, seed: 1, seconds: 1.0, warmup: 1.0, rate };
        for (pattern, depth, requests) in [(Pattern::Get, 1, 9000), (Pattern::Multiget, 10, 900)] {
            let transport = Transport::Unix;
            let load = ServerLoad { pattern, depth, transport, ..ServerLoad::default() };
            let flags = LoadFlags::of(&spec, &load, &place, 3);
            let warm = measure(&flags.warmup(1e-9, 9000), None).unwrap();
            assert_eq!(warm.outcomes.reads + warm.outcomes.stores, requests, "{pattern}");
            assert_eq!((warm.outcomes.due, warm.outcomes.unanswered), (0, 0), "{pattern}");
        }
    }
}
