//! Trials of servers, each in a process as `bench` starts it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use trials::case::Case;
use trials::latency::Time;
use trials::mix::Mix;
use trials::server::{
    OVER_MAP_EVICTIONS, OVER_MAPS, Pattern, SERVER_COMMAND, STORES, ServedTrial, ServerLoad,
    ServerSpec, Transport, memcached,
};
use trials::workload::{Length, Op};

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-server");

/// A short trial of a server of that name.
fn spec(name: &str, load: ServerLoad) -> ServerSpec {
    let reads = if load.pattern == Pattern::Set { 0.0 } else { 90.0 };
    let mix = Mix { upserts: 100.0 - reads, inserts: 0.0, removes: 0.0, ..Mix::balanced(reads) };
    let lengths = [16, 32].map(|bytes| Some(Length::Bytes(bytes)));
    let case = Case {
        mix,
        keys: 3000,
        key_bytes: lengths[0],
        value_bytes: lengths[1],
        prefill: 0,
        zipf: 0.99,
        server: Some(load),
        ..Case::new(name, "none")
    };
    ServerSpec { case, seed: 7, seconds: 0.2, warmup: 0.05, rate: None }
}

fn asked(spec: &ServerSpec) -> Output {
    started(spec).wait_with_output().unwrap()
}

/// The process of a trial, which has been told.
fn started(spec: &ServerSpec) -> Child {
    let mut child = waiting(Path::new(PROGRAM));
    tell(&mut child, spec);
    child
}

/// The process of a trial, which has not been told.
fn waiting(program: &Path) -> Child {
    Command::new(program)
        .args([SERVER_COMMAND, "--parent", &process::id().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn tell(trial: &mut Child, spec: &ServerSpec) {
    trial.stdin.take().unwrap().write_all(&serde_json::to_vec(spec).unwrap()).unwrap();
}

#[track_caller]
fn served(spec: &ServerSpec) -> ServedTrial {
    answered(asked(spec))
}

#[track_caller]
fn answered(output: Output) -> ServedTrial {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), error.as_str()), (Some(0), ""));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Where a trial's server listens that is asked over a Unix socket.
fn socket(trial: &Child) -> PathBuf {
    env::temp_dir().join(format!("bench-{}.socket", trial.id()))
}

fn load(pattern: Pattern, depth: u32, transport: Transport) -> ServerLoad {
    ServerLoad { pattern, depth, transport, connections: 3, mib: 8, ..ServerLoad::default() }
}

/// Our server, one that does nothing, and memcached if there is one.
#[test]
fn every_server_is_asked_in_every_way() {
    let memcached = memcached().map(|_| "memcached");
    let ours = ["memc3/clock", "sharded/lru-list:reply=each", "over-map-qsbr/clock"];
    for name in ours.into_iter().chain(["floor"]).chain(memcached) {
        for (pattern, depth, transport) in [
            (Pattern::Get, 1, Transport::Tcp),
            (Pattern::Mg, 16, Transport::Unix),
            (Pattern::Multiget, 20, Transport::Unix),
            (Pattern::Set, 4, Transport::Tcp),
        ] {
            let done = served(&spec(name, load(pattern, depth, transport)));
            let what = format!("{name} {pattern}: {done:?}");
            let tally = done.tally;
            assert!(done.measured.failures.is_empty() && tally.wrong == 0, "{what}");
            assert_eq!((tally.refused, tally.unanswered), (0, 0), "{what}");
            assert_eq!(done.measured.ops, tally.gets() + tally.sets, "{what}");
            assert!(done.measured.ops > 0 && done.measured.seconds >= 0.2, "{what}");
            assert_eq!(tally.gets() == 0, pattern == Pattern::Set, "{what}");
            // All keys fit, and were stored; one that does nothing has none.
            let [hits, misses] = [tally.hits, tally.misses].map(|keys| keys > 0);
            let is_floor = name == "floor";
            let reads = pattern != Pattern::Set;
            assert_eq!((hits, misses), (reads && !is_floor, reads && is_floor), "{what}");
            assert_eq!(done.items, (!is_floor).then_some(3000), "{what}");
            let cpu = done.user_seconds.unwrap() + done.system_seconds.unwrap();
            assert!((done.measured.cpu_seconds.unwrap() - cpu).abs() < 1e-9, "{what}");
            assert!(done.resident_bytes.unwrap() > 1 << 18, "{what}");
            assert!(done.service.is_some() && done.response.is_none(), "{what}");
            assert!(!done.version.is_empty() && done.measured.latency.is_none(), "{what}");
        }
    }
}

#[test]
fn at_a_rate_requests_have_times_from_when_they_were_due() {
    let spec = ServerSpec {
        rate: Some(2000.0),
        seconds: 0.5,
        ..spec("memc3/clock", load(Pattern::Get, 1, Transport::Unix))
    };
    let done = served(&spec);
    let latency = done.measured.latency.as_ref().expect("it is an open loop");
    // Poisson's, with 32 for a standard deviation.
    assert!((700..1300).contains(&latency.planned), "{latency:?}");
    assert_eq!(latency.clock, "monotonic clock", "as docs/FORMAT.md has it");
    assert_eq!((latency.unstarted, done.measured.failures.len()), (0, 0), "{done:?}");
    for time in Time::ALL {
        let of = |op| -> u64 {
            let times =
                latency.distributions.iter().filter(|one| (one.operation, one.time) == (op, time));
            times.flat_map(|one| &one.buckets).map(|(_, count)| count).sum()
        };
        assert_eq!(of(Op::Get), done.tally.gets());
        assert_eq!(of(Op::Upsert), done.tally.sets);
        assert_eq!(of(Op::Get) + of(Op::Upsert), latency.planned);
    }
    let (response, service) = (done.response.unwrap(), done.service.unwrap());
    assert!(response.p50 >= service.p50 && response.max >= response.p999);
}

/// What does not fit is missed.
fn of_large_values() -> ServerSpec {
    let mut spec = spec("memc3/clock", load(Pattern::Get, 1, Transport::Unix));
    (spec.case.keys, spec.case.value_bytes) = (8000, Some(Length::Bytes(2000)));
    spec.case.mix = Mix { upserts: 0.0, ..Mix::balanced(100.0) };
    spec
}

#[test]
fn a_store_of_what_was_missed_is_not_due_at_a_rate() {
    let mut spec = of_large_values();
    (spec.rate, spec.seconds) = (Some(2000.0), 0.5);
    spec.case.server.as_mut().unwrap().look_aside = true;
    let done = served(&spec);
    assert!(done.tally.sets > 0, "{done:?}");
    let latency = done.measured.latency.as_ref().expect("it is an open loop");
    let counts = latency.distributions.iter().flat_map(|one| &one.buckets);
    // Both times of each.
    assert_eq!(counts.map(|(_, count)| count).sum::<u64>(), 2 * latency.planned, "{done:?}");
    assert_eq!(latency.planned, done.tally.gets());
}

#[test]
fn what_was_evicted_is_missed_and_stored_if_it_is_asked_for() {
    let asked = |look_aside| {
        let mut spec = of_large_values();
        spec.case.server.as_mut().unwrap().look_aside = look_aside;
        let done = served(&spec);
        assert!(done.tally.misses > 0 && done.items < Some(5000), "{done:?}");
        done.tally.sets
    };
    assert_eq!(asked(false), 0);
    assert!(asked(true) > 0);
}

/// A server that is full and evicts nothing, and one that takes no value so large.
#[test]
fn stores_that_are_refused_are_no_keys() {
    let asked = |keys, value_bytes| {
        let mut spec = spec("memc3/none", load(Pattern::Set, 4, Transport::Unix));
        (spec.case.keys, spec.case.value_bytes) = (keys, Some(Length::Bytes(value_bytes)));
        let done = served(&spec);
        assert_eq!(done.measured.ops, done.tally.sets, "{done:?}");
        assert!(done.tally.refused > 0, "{done:?}");
        done
    };
    let done = asked(20_000, 2000);
    assert!(done.tally.sets > 0 && done.measured.failures.is_empty(), "{done:?}");
    for said in ["stores refused ", "keys refused at the start "] {
        let mut warnings = done.measured.warnings.iter();
        assert!(warnings.any(|warning| warning.starts_with(said)), "{done:?}");
    }
    let done = asked(10, 1 << 20);
    let failures = done.measured.failures.join("; ");
    assert!(done.tally.sets == 0 && failures.contains("stores were refused"), "{done:?}");
    assert!(failures.contains("every key was refused at the start"), "{done:?}");
}

/// Somebody else stores under the only key, from before the warm-up on.
#[test]
fn a_wrong_value_in_the_warm_up_makes_a_trial_invalid() {
    let mut spec = spec("memc3/clock", load(Pattern::Get, 1, Transport::Unix));
    (spec.case.keys, spec.case.zipf, spec.warmup) = (1, 0.0, 1.0);
    spec.case.mix = Mix { upserts: 0.0, ..Mix::balanced(100.0) };
    let mut trial = started(&spec);
    let socket = socket(&trial);
    let mut stranger = None;
    while trial.try_wait().unwrap().is_none() {
        let stores = |stream: &mut UnixStream| {
            let is_sent = stream.write_all(b"set 0000000000000000 0 0 1\r\n0\r\n").is_ok();
            is_sent && stream.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0)
        };
        if !stranger.as_mut().is_some_and(stores) {
            stranger = UnixStream::connect(&socket).ok();
        }
    }
    let done = answered(trial.wait_with_output().unwrap());
    let mut failures = done.measured.failures.iter();
    assert!(failures.any(|failure| failure.ends_with("in the warm-up")), "{done:?}");
}

#[test]
fn a_server_that_there_is_not_is_an_error_in_one_line() {
    for (name, why) in [
        ("memc3/belady", "belady"),
        ("memc3", "there is no server memc3"),
        ("memc3/clock:reply=late", "there is no server"),
    ] {
        let output = asked(&spec(name, ServerLoad::default()));
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
        assert!(error.contains(why), "{name}: {error}");
    }
}

/// The list that `bench` has, which knows no store.
#[test]
fn the_stores_are_those_that_there_are() {
    assert_eq!(server::caches::stores(), [&STORES[..], &OVER_MAPS[..]].concat());
    for store in OVER_MAPS {
        assert_eq!(server::caches::evictions_of(store), OVER_MAP_EVICTIONS);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_trial_whose_program_is_built_anew_goes_on() {
    let folder = tempfile::tempdir_in(Path::new(PROGRAM).parent().unwrap()).unwrap();
    let program = folder.path().join("bench-server");
    // No copy: one that is written while others start processes is busy to them.
    fs::hard_link(PROGRAM, &program).unwrap();
    let mut trial = waiting(&program);
    fs::remove_file(&program).unwrap();
    tell(&mut trial, &spec("memc3/clock", load(Pattern::Get, 1, Transport::Unix)));
    assert!(answered(trial.wait_with_output().unwrap()).measured.ops > 0);
}

/// Whether it is a process of our server.
#[cfg(target_os = "linux")]
fn is_serving(pid: Pid) -> bool {
    let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.split('\0').nth(1) == Some("serve")
}

/// The server that a trial has started.
#[cfg(target_os = "linux")]
fn server_of(trial: &mut Child) -> Pid {
    let children = format!("/proc/{0}/task/{0}/children", trial.id());
    loop {
        let list = fs::read_to_string(&children).unwrap_or_default();
        let mut pids = list.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()));
        if let Some(pid) = pids.find(|&pid| is_serving(pid)) {
            return pid;
        }
        assert!(trial.try_wait().unwrap().is_none(), "the trial has ended");
        std::thread::yield_now();
    }
}

/// How often a server was asked for a key, if it answers.
#[cfg(target_os = "linux")]
fn gets(socket: &Path) -> Option<u64> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.write_all(b"stats\r\n").ok()?;
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut stats = lines.take_while(|line| line != "END");
    stats.find_map(|line| line.strip_prefix("STAT cmd_get ")?.parse().ok())
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_dies_under_load_is_told() {
    let mut spec = spec("memc3/clock", load(Pattern::Get, 1, Transport::Unix));
    (spec.seconds, spec.warmup) = (600.0, 0.0);
    let mut trial = started(&spec);
    let (server, socket) = (server_of(&mut trial), socket(&trial));
    while gets(&socket).is_none_or(|gets| gets == 0) {
        assert!(trial.try_wait().unwrap().is_none(), "the trial has ended");
        std::thread::yield_now();
    }
    kill(server, Signal::SIGKILL).unwrap();
    let output = trial.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains("the server has ended under load: signal: 9"), "{error}");
}

/// The server ends when its trial is killed.
#[cfg(target_os = "linux")]
#[test]
fn no_server_outlives_its_trial() {
    let mut spec = spec("memc3/clock", load(Pattern::Get, 1, Transport::Tcp));
    spec.seconds = 600.0;
    let mut trial = started(&spec);
    let server = server_of(&mut trial);
    trial.kill().unwrap();
    trial.wait().unwrap();
    // Until the system has taken it away.
    let begun = Instant::now();
    while is_serving(server) {
        if begun.elapsed() > Duration::from_secs(60) {
            kill(server, Signal::SIGKILL).unwrap();
            panic!("the server was there still");
        }
        std::thread::yield_now();
    }
}
