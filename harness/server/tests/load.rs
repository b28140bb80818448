//! `bench load` against `bench serve`, and against one that lies.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-server");

fn loader(flags: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("load").args(flags.split_whitespace());
    command
}

fn load(flags: &str) -> Output {
    loader(flags).output().unwrap()
}

/// What comes to it, against a server with these flags.
fn against(server: &str, flags: &str) -> Value {
    while_loading(server, flags, |_| {})
}

/// The same, if this is done to the load meanwhile.
fn while_loading(server: &str, flags: &str, meanwhile: impl FnOnce(&mut Child)) -> Value {
    let output = output_against(server, flags, meanwhile);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn output_against(server: &str, flags: &str, meanwhile: impl FnOnce(&mut Child)) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket").display().to_string();
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "-s", &socket, "-t", "2"]).args(server.split_whitespace());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    said.read_line(&mut line).unwrap();
    let mut loader = loader(&format!("--socket {socket} --json {flags}"));
    let mut loader = loader.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    meanwhile(&mut loader);
    let output = loader.wait_with_output().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    output
}

fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("{name} in {report}"))
}

#[test]
fn every_key_is_there_in_a_closed_loop() {
    let small = "--keys 5000 --seconds 0.3 --reads 50";
    for flags in [
        small.to_owned(),
        format!("{small} --depth 16 --meta"),
        format!("{small} --multiget 20 --threads 2"),
        "--keys 300 --value-bytes 30000 --seconds 0.3 --reads 50".to_owned(),
        // More than a socket takes.
        "--keys 4 --value-bytes 600000 --seconds 0.3 --reads 50".to_owned(),
    ] {
        let report = against("-m 64", &flags);
        let [reads, hits] = ["reads", "hits"].map(|name| number(&report, name));
        assert_eq!(hits, reads * number(&report, "multiget"), "{report}");
        assert!(reads > 0 && number(&report, "stores") > 0, "{report}");
        for name in ["misses", "wrong", "errors", "unanswered"] {
            assert_eq!(number(&report, name), 0, "{name} in {report}");
        }
        assert!(report["server_user_seconds"].is_f64() && report["service"]["p99"].is_f64());
        assert!(report["response"].is_null(), "nothing was due");
    }
}

#[test]
fn what_was_evicted_is_missed_and_stored_again() {
    // One MiB, of which 40,000 keys need two and a half.
    let report = against("-m 1", "--keys 40000 --zipf 0.5 --look-aside --reads 100 --seconds 0.3");
    let misses = number(&report, "misses");
    assert!(misses > 0 && number(&report, "hits") > 0, "{report}");
    assert_eq!(number(&report, "stores"), misses, "{report}");
    assert_eq!(number(&report, "wrong"), 0, "{report}");
}

#[test]
fn keys_that_are_refused_at_first_are_told() {
    let report = against("-I 1k", "--keys 500 --value-bytes 1000 --reads 100 --seconds 0.1");
    assert_eq!(number(&report, "unfilled"), 500, "{report}");
    assert_eq!(number(&report, "errors") + number(&report, "hits"), 0, "{report}");
}

#[test]
fn in_an_open_loop_all_that_was_due_is_asked_for() {
    let report = against("", "--keys 1000 --rate 2000 --seconds 0.5");
    let asked = number(&report, "reads") + number(&report, "stores");
    // Poisson's, with mean 1000: five standard deviations.
    assert!((840..=1160).contains(&asked), "{report}");
    let [response, service] =
        ["response", "service"].map(|name| report[name]["p50"].as_f64().unwrap());
    assert!(response >= service, "{report}");
}

#[test]
fn somebody_elses_machine_is_refused() {
    let output = load("--address 192.0.2.1:11211");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--anywhere"));
}

#[test]
fn what_is_not_there_is_named() {
    for (flags, code, words) in [
        ("--socket /nowhere/at/all", 1, "cannot connect to /nowhere/at/all"),
        ("--socket /nowhere/at/all --no-fill", 1, "cannot connect to /nowhere/at/all"),
        ("--address localhost:11211", 2, "an address is like 127.0.0.1:11211"),
    ] {
        let output = load(flags);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{flags}: {said}");
        assert!(said.contains(words), "{flags}: {said}");
    }
}

/// A signal that stops a process ends its waiting, too, when it goes on.
#[test]
fn who_was_stopped_goes_on() {
    let stopped = |loader: &mut Child| {
        let pid = Pid::from_raw(loader.id() as i32);
        for _ in 0..20 {
            thread::sleep(Duration::from_millis(20));
            kill(pid, Signal::SIGSTOP).unwrap();
            kill(pid, Signal::SIGCONT).unwrap();
        }
    };
    // It waits most of the time, and for seconds until the first is due.
    let flags = "--keys 10 --connections 1 --rate 20 --seconds 1.5";
    let report = while_loading("", flags, stopped);
    assert_eq!(number(&report, "unanswered"), 0, "{report}");
}

#[test]
fn a_server_that_takes_fewer_connections_is_told_of() {
    let flags = "--keys 10 --connections 40 --seconds 0.1";
    let output = output_against("-c 8", flags, |_| {});
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("Does the server take 40 (its -c)?"), "{error}");
}

/// Each connection asks for something before it counts.
#[test]
fn what_is_asked_first_is_in_no_count() {
    let report = against("", "--keys 10 --connections 8 --reads 100 --seconds 0.05");
    assert_eq!((number(&report, "stores"), number(&report, "errors")), (0, 0), "{report}");
}

/// The address of a server that answers a `get` of a key so, and all else by `END`.
fn answering(get: fn(&str) -> String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while let Some(Ok(line)) = lines.next() {
                    let key = line.split(' ').nth(1).unwrap_or_default();
                    let reply = match line.starts_with("get") {
                        true => get(key),
                        false => "END\r\n".to_owned(),
                    };
                    if stream.write_all(reply.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// What is said of a server that answers a `get` so.
#[track_caller]
fn failed(get: fn(&str) -> String) -> String {
    let address = answering(get);
    let output = load(&format!("--address {address} --no-fill --reads 100 --seconds 0.1"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// Of a server that has a value for every key, and always the same.
#[test]
fn a_wrong_value_is_noticed() {
    let said = failed(|key| format!("VALUE {key} 0 32\r\n{}\r\nEND\r\n", "0".repeat(32)));
    assert!(said.contains(" wrong values") && !said.contains("refused"), "{said}");
}

#[test]
fn a_read_that_is_refused_is_noticed() {
    let said = failed(|_| "SERVER_ERROR out of memory writing get response\r\n".to_owned());
    assert!(said.contains(" reads refused") && !said.contains("wrong"), "{said}");
}
