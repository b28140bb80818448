//! The program: its flags, its signals, and what it does without descriptors.

mod running;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use running::{PATIENCE, PROGRAM, Running, eventually, started};

/// How a program ends, which it must do by itself, and what it says on standard error.
#[track_caller]
fn outcome(command: &mut Command) -> (ExitStatus, String) {
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let (status, mut said) = (running.end(), String::new());
    running.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status, said)
}

/// The program, started with these limits of open files.
fn limited(limits: &str, line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limits}; exec '{PROGRAM}' {line}")]);
    command
}

fn connect(place: &str) -> TcpStream {
    let stream = TcpStream::connect(place).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[track_caller]
fn ask(stream: &mut TcpStream, asked: &str, expected: &str) {
    stream.write_all(asked.as_bytes()).unwrap();
    let mut reply = vec![0; expected.len()];
    let read = stream.read_exact(&mut reply);
    read.unwrap_or_else(|error| panic!("no {expected:?} within {PATIENCE:?}: {error}"));
    assert_eq!(String::from_utf8_lossy(&reply), expected);
}

#[test]
fn a_signal_ends_it_when_it_has_answered() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "-p", "0", "-t", "1"]);
        let (mut running, place, _said) = started(command);
        let mut stream = connect(&place);
        ask(&mut stream, "set a 0 0 1\r\n1\r\n", "STORED\r\n");
        kill(running.id(), signal).unwrap();
        assert!(running.end().success());
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "the connection has ended");
    }
}

#[test]
fn the_command_shutdown_ends_it() {
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "-p", "0", "-t", "2", "-A"]);
    let (mut running, place, _said) = started(command);
    ask(
        &mut connect(&place),
        "shutdown slowly\r\nshutdown\r\n",
        "CLIENT_ERROR invalid shutdown mode\r\n",
    );
    assert!(running.end().success());
}

#[test]
fn the_clock_is_moved_if_a_flag_says_so() {
    for (line, said) in [("serve -p 0", "ERROR"), ("serve -p 0 --debug-time", "OK")] {
        let mut command = Command::new(PROGRAM);
        command.args(line.split(' '));
        let (_running, place, _said) = started(command);
        ask(&mut connect(&place), "debugtime 5\r\n", &format!("{said}\r\n"));
    }
}

#[test]
fn who_speaks_another_protocol_is_not_answered() {
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "-p", "0", "-t", "1", "-B", "binary"]);
    let (_running, place, _said) = started(command);
    let mut stream = connect(&place);
    stream.write_all(b"mn\r\nmn\r\nmn\r\nmn\r\nmn\r\nmn\r\n").unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "the connection has ended");
    let mut noop = [0; 24];
    (noop[0], noop[1]) = (0x80, 0x0a);
    let mut stream = connect(&place);
    stream.write_all(&noop).unwrap();
    let mut reply = [0; 24];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!((reply[0], reply[1]), (0x81, 0x0a));
}

#[test]
fn without_descriptors_those_wait_who_come_late() {
    let command = limited("ulimit -n 24", "serve -p 0 -t 2 -c 1000");
    let (mut running, place, said) = started(command);
    assert_eq!(said.line(), "-c 1000: this process may have about 4, see `ulimit -Hn`");
    let mut streams: Vec<TcpStream> = (0..40).map(|_| connect(&place)).collect();
    // The first ones have got in, and are served.
    ask(&mut streams[0], "mn\r\n", "MN\r\n");
    let mut last = streams.pop().unwrap();
    last.write_all(b"mn\r\n").unwrap();
    last.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(last.read(&mut [0]).is_err(), "there was a descriptor for it");
    streams.truncate(1);
    last.set_read_timeout(Some(PATIENCE)).unwrap();
    ask(&mut last, "", "MN\r\n");
    ask(&mut streams[0], "mn\r\n", "MN\r\n");
    kill(running.id(), Signal::SIGTERM).unwrap();
    assert!(running.end().success());
}

/// A soft limit is what a program has unless it asks for more.
#[test]
fn as_many_connections_as_may_be_are_let_in() {
    let folder = tempfile::tempdir().unwrap();
    for server in ["serve -c 200", "floor"] {
        let socket = folder.path().join(&server[..5]).display().to_string();
        let mut command = limited("ulimit -S -n 24", &format!("{server} -t 1 -s {socket}"));
        let _running = Running(command.stderr(Stdio::null()).spawn().unwrap());
        eventually("a server that listens", || UnixStream::connect(&socket).is_ok());
        let streams = (0..60).map(|_| UnixStream::connect(&socket).unwrap());
        for stream in &mut streams.collect::<Vec<_>>() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"get a\r\n").unwrap();
            let mut reply = [0; 5];
            stream.read_exact(&mut reply).unwrap();
            assert_eq!(reply, *b"END\r\n");
        }
        let load = format!("load --connections 60 --keys 10 --seconds 0.1 --socket {socket}");
        let (status, said) = outcome(&mut limited("ulimit -S -n 24", &load));
        assert!(status.success(), "{server}: {said}");
        let (status, said) = outcome(&mut limited("ulimit -n 24", &load));
        assert_eq!(status.code(), Some(2));
        assert!(said.contains("--connections 60: this process may have about 6"), "{said}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    for (flags, words) in [
        ("-I 9m", "items have from 1k to 4m"),
        ("--store hash", "possible values: memc3"),
        ("--eviction best", "possible values: none"),
        ("--store over-map-qsbr --eviction sieve", "has the policies clock and lru-list"),
        ("-f 1", "grow"),
        ("-p 0 -s /tmp/x", "cannot be used with"),
        ("-s /nowhere/at/all", "cannot listen on /nowhere/at/all"),
        ("-o modern", "idle_timeout=SECONDS"),
        ("-B udp", "possible values: auto, ascii, binary"),
        ("-U 0", "unexpected argument"),
    ] {
        assert_refused("serve", flags, words);
    }
    // One that does nothing heeds no other flag.
    for flags in ["-m 8", "--store memc3", "-M", "--reply each"] {
        assert_refused("floor", &format!("-p 0 {flags}"), "unexpected argument");
    }
    assert_refused("floor", "-p 0 -s /tmp/x", "cannot be used with");
    assert_refused("floor", "-l 127.0.0.1,127.0.0.2", "invalid value");
}

#[track_caller]
fn assert_refused(command: &str, flags: &str, words: &str) {
    let (status, said) = outcome(Command::new(PROGRAM).arg(command).args(flags.split(' ')));
    assert_eq!(status.code(), Some(2), "{flags}: {said}");
    assert!(said.contains(words), "{flags}: {said}");
}
