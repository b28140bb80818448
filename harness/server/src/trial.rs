//! A trial of a server, in a process of its own: starts the server, loads it, and says what came of it.
//!
//! 1. The server starts on CPUs of its own: one for each of its event loops, as far as one is left for the load. It
//!    ends with this process, however that ends.
//! 2. All keys are stored, and a load of the same kind warms it up. What is answered is checked from here on.
//! 3. The load is measured, from when all its connections are there until before they are closed. The server's CPU time
//!    is what it says of itself by `stats` before and after: its user and its system time.
//! 4. What the server has in memory is read, and the server is told to stop.

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use trials::metric::rss_bytes_of;
use trials::pin::Cpus;
use trials::serve::die_with;
use trials::server::{
    FLOOR, KEY_BYTES, MEMCACHED, ServedTrial, ServerLoad, ServerSpec, Transport, VARIANTS,
    memcached, parts_of, warmup_keys,
};
use trials::workload::Length;

use crate::load::{self, LoadFlags};
use crate::net::Place;

/// The hidden command that becomes another program, which ends with the process that started it.
pub const WITH_PARENT: &str = "with-parent";

/// So long a server may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);
/// So long one may take to end whose connections have ended.
const GRACE: Duration = Duration::from_secs(1);
/// How often it is looked at meanwhile.
const POLL: Duration = Duration::from_millis(5);

/// Becomes `program`, which ends with `parent`.
///
/// # Errors
///
/// The parent is gone, or there is no such program.
pub fn become_program(parent: i32, program: &[String]) -> anyhow::Result<()> {
    die_with(parent)?;
    let (name, arguments) = program.split_first().context("no program is named")?;
    let error = Command::new(name).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {name}"))
}

/// Runs a trial.
///
/// # Errors
///
/// There is no such server, it does not start, or it ends the conversation.
pub fn run(spec: &ServerSpec) -> anyhow::Result<ServedTrial> {
    let load = spec.case.server.context("nothing says how the server is asked")?;
    let cpus = cpus(spec);
    let mut server = Running::start(spec, &load, cpus.as_ref().map(|(of_server, _)| of_server))?;
    let mut threads = 1;
    if let Some((_, of_load)) = &cpus {
        of_load.bind_to_all().context("cannot bind the load to its CPUs")?;
        threads = of_load.len();
    }
    let flags = LoadFlags::of(spec, &load, &server.place, threads);
    flags.allow_connections()?;
    server.await_start(&flags)?;
    let served = loaded(spec, &flags, server.child.id());
    let mut served = served.map_err(|error| server.why(error))?;
    let (resident, peak) = rss_bytes_of(server.child.id());
    (served.resident_bytes, served.measured.peak_rss_bytes) = (resident, peak);
    served.measured.payload_bytes = Some(f64::from(KEY_BYTES + value_bytes(spec)));
    served.measured.warnings.extend(warnings(spec, cpus.as_ref()));
    served.measured.failures.extend(server.stop()?);
    Ok(served)
}

/// Stores all keys, warms the server up, and measures. What was wrong before makes the trial invalid, too.
fn loaded(spec: &ServerSpec, flags: &LoadFlags, server: u32) -> anyhow::Result<ServedTrial> {
    let (mut failures, mut warnings) = (Vec::new(), Vec::new());
    let keys = spec.case.keys;
    match load::fill(flags).context("all keys are stored first")? {
        0 => {}
        refused if refused == keys => {
            failures.push("every key was refused at the start".to_owned())
        }
        refused => {
            let share = 100.0 * refused as f64 / keys as f64;
            warnings.push(format!("keys refused at the start {share:.1} %"));
        }
    }
    if spec.warmup > 0.0 {
        let least_keys = warmup_keys(&spec.case, spec.warmup);
        let warm = load::measure(&flags.warmup(spec.warmup, least_keys), None);
        let found = warm.context("the server is warmed up")?.failures(false).into_iter();
        failures.extend(found.map(|failure| format!("{failure}, in the warm-up")));
    }
    let mut served = load::measure(flags, Some(server))?.served(flags);
    served.measured.failures.extend(failures);
    served.measured.warnings.extend(warnings);
    Ok(served)
}

fn value_bytes(spec: &ServerSpec) -> u32 {
    match spec.case.value_bytes {
        Some(Length::Bytes(bytes)) => bytes,
        _ => 0,
    }
}

/// The CPUs of the server and of the load, if they are to be bound and the system can.
fn cpus(spec: &ServerSpec) -> Option<(Cpus, Cpus)> {
    let all = Cpus::allowed().ok().filter(|_| spec.case.pin)?;
    Some(all.parted(spec.case.threads))
}

/// What is not as asked.
fn warnings(spec: &ServerSpec, cpus: Option<&(Cpus, Cpus)>) -> Vec<String> {
    let loops = spec.case.threads;
    let mut warnings = Vec::new();
    match cpus {
        None if spec.case.pin => warnings.push("server and load not bound to CPUs".to_owned()),
        None => {}
        Some((server, load)) => {
            if server == load {
                warnings.push("server and load on the same CPU".to_owned());
            }
            if server.len() < loops {
                warnings.push(format!("{loops} event loops on {} CPU", server.len()));
            }
        }
    }
    warnings
}

/// A server's process, which ends with its trial.
struct Running {
    child: Child,
    place: Place,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Place::Unix(path) = &self.place {
            let _ = fs::remove_file(path);
        }
    }
}

impl Running {
    /// Starts the server of a case on these CPUs.
    fn start(spec: &ServerSpec, load: &ServerLoad, cpus: Option<&Cpus>) -> anyhow::Result<Self> {
        let place = place(load.transport)?;
        let own = own_program().context("this program does not know where it is")?;
        let mut words = program(spec, load, &own.display().to_string())?;
        words.extend(place_flags(&place));
        if let Some(cpus) = cpus {
            // What this thread starts is bound as it is.
            cpus.bind_to_all().context("cannot bind the server to its CPUs")?;
        }
        let child = Command::new(own)
            .args([WITH_PARENT, &process::id().to_string()])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        Ok(Self { child, place })
    }

    /// Waits until it answers, and is who answers there.
    fn await_start(&mut self, flags: &LoadFlags) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().context("cannot wait for the server")? {
                let said = self.said();
                bail!("the server has not started: {status}{said}");
            }
            match load::server_pid(flags) {
                Ok(pid) => {
                    let own = self.child.id();
                    ensure!(pid == Some(own), "another server answers at {}", self.place);
                    return Ok(());
                }
                Err(error) if began.elapsed() > PATIENCE => {
                    return Err(error).context("the server does not answer");
                }
                Err(_) => thread::sleep(POLL),
            }
        }
    }

    /// The error of a load, and how the server has ended if it has.
    fn why(&mut self, error: anyhow::Error) -> anyhow::Error {
        let began = Instant::now();
        // Its sockets are closed a moment before it has ended.
        while began.elapsed() < GRACE {
            if let Ok(Some(status)) = self.child.try_wait() {
                let said = self.said();
                return error.context(format!("the server has ended under load: {status}{said}"));
            }
            thread::sleep(POLL);
        }
        error
    }

    /// The first line of what it wrote on standard error before it ended.
    fn said(&mut self) -> String {
        let mut text = String::new();
        if let Some(errors) = &mut self.child.stderr {
            let _ = errors.read_to_string(&mut text);
        }
        text.lines().next().map_or(String::new(), |line| format!(", {line}"))
    }

    /// Lets it stop; what is wrong with how it did.
    fn stop(&mut self) -> anyhow::Result<Option<String>> {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).context("its id is no id")?);
        kill(pid, Signal::SIGTERM).context("cannot stop the server")?;
        let began = Instant::now();
        loop {
            match self.child.try_wait().context("cannot wait for the server")? {
                Some(status) if status.success() => return Ok(None),
                Some(status) => {
                    let said = self.said();
                    return Ok(Some(format!("the server ended with {status}{said}")));
                }
                None if began.elapsed() > PATIENCE => {
                    return Ok(Some("the server did not stop when it was told to".to_owned()));
                }
                None => thread::sleep(POLL),
            }
        }
    }
}

/// A place that nobody listens at.
fn place(transport: Transport) -> anyhow::Result<Place> {
    match transport {
        Transport::Unix => {
            Ok(Place::Unix(env::temp_dir().join(format!("bench-{}.socket", process::id()))))
        }
        Transport::Tcp => {
            // It is free again when this listener is dropped. Who answers there later is asked for its process.
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
            let address = listener.and_then(|one| one.local_addr()).context("no port is free")?;
            Ok(Place::Tcp(address))
        }
    }
}

/// This program, which stays what it is though it be built anew meanwhile: then its file has no name any more.
fn own_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { env::current_exe() }
}

/// The flags of all servers that say where to listen.
fn place_flags(place: &Place) -> Vec<String> {
    match place {
        Place::Tcp(address) => {
            let (ip, port) = (address.ip().to_string(), address.port().to_string());
            vec!["-l".to_owned(), ip, "-p".to_owned(), port]
        }
        Place::Unix(path) => vec!["-s".to_owned(), path.display().to_string()],
    }
}

/// The program that serves, with its flags but for where.
fn program(spec: &ServerSpec, load: &ServerLoad, own: &str) -> anyhow::Result<Vec<String>> {
    let name = &spec.case.structure;
    let threads = spec.case.threads.to_string();
    // The load's, and some that ask for `stats`.
    let connections = (load.connections + 16).max(1024).to_string();
    let sizes = ["-t", &threads, "-m", &load.mib.to_string(), "-c", &connections];
    let sizes = sizes.map(str::to_owned);
    let (main, variant) = name.split_once(':').unwrap_or((name, ""));
    let variant = VARIANTS.iter().find(|one| one.name == variant);
    let mut words: Vec<String> = Vec::new();
    match main {
        FLOOR => words.extend([own, FLOOR, "-t", &threads].map(str::to_owned)),
        MEMCACHED => {
            let installed = memcached().context("memcached is not installed")?;
            words.push(installed.display().to_string());
            words.extend(sizes);
            // Of who is not root it is not heeded.
            words.extend(["-u", "root"].map(str::to_owned));
            words.extend(flags_of(variant.and_then(|one| one.memcached)));
        }
        _ => {
            let (store, eviction, variant) =
                parts_of(name).with_context(|| format!("there is no server {name}"))?;
            words.extend([own, "serve", "--store", store].map(str::to_owned));
            words.extend(["--eviction", eviction].map(str::to_owned));
            words.extend(sizes);
            words.extend(flags_of(variant.and_then(|one| one.ours)));
        }
    }
    Ok(words)
}

fn flags_of(flags: Option<&[&str]>) -> impl Iterator<Item = String> {
    flags.unwrap_or_default().iter().map(|flag| (*flag).to_owned())
}

#[cfg(test)]
mod tests {
    use trials::case::Case;
    use trials::server::server_names;

    use super::*;

    /// A variant's flags are the last, after those that all have.
    #[test]
    fn a_variant_has_its_flags() {
        let ended = |name: &str| {
            let case = Case::new(name, "none");
            let spec = ServerSpec { case, seed: 1, seconds: 1.0, warmup: 1.0, rate: None };
            let words = program(&spec, &ServerLoad::default(), "own")?.join(" ");
            let (_, last) = words.rsplit_once(" -c 1024").context("it has connections")?;
            anyhow::Ok(last.replace(" -u root", ""))
        };
        let found = |name: &str| ended(name).expect(name);
        assert_eq!(found("memc3/clock"), "");
        assert_eq!(found("memc3/sieve:reply=each"), " --reply each");
        assert_eq!(found("sharded/lru-list:cas=off"), " -C");
        if memcached().is_some() {
            assert_eq!(found("memcached"), "");
            assert_eq!(found("memcached:cas=off"), " -C");
            assert_eq!(found("memcached:per-event=1000"), " -R 1000");
        }
        for name in server_names(&["clock"]).iter().filter(|name| name.contains(':')) {
            let is_there = memcached().is_some() || !name.starts_with(MEMCACHED);
            assert!(!is_there || !found(name).is_empty(), "{name}");
        }
    }
}
