//! Servers with sockets, and clients of every manner.

mod common;
mod packets;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cache::store::Config;
use cache::time::Clock;
use common::{service, settings};
use packets::{packet, replies};
use server::net::{Listener, Place, Policy, Server};
use server::service::{Service, Settings};
use server::tally::ServerCount;

/// So long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a port of the loopback address, which stops with it.
struct Running {
    server: Option<Server>,
    service: Arc<Service>,
    address: SocketAddr,
}

impl Running {
    fn with(policy: &Policy, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings("memc3", "clock");
        (settings.threads, settings.connections) = (2, 2000);
        change(&mut settings);
        let service = service(settings);
        let listener = Listener::bind(&Place::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
        let Place::Tcp(address) = *listener.place() else { panic!("it is a port") };
        let server = Server::start(service.clone(), vec![listener], policy).unwrap();
        Self { server: Some(server), service, address }
    }

    fn new() -> Self {
        Self::with(&Policy { idle: None, rejects: true }, |_| {})
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Waits until so many connections have come.
    fn had(&self, connections: u64) {
        let is_so = || self.service.accepted.load(Ordering::Relaxed) == connections;
        eventually(is_so, || format!("{connections} connections to have come"));
    }

    /// Waits until there are so many connections.
    fn has(&self, connections: usize) {
        let is_so = || self.service.current.load(Ordering::Relaxed) == connections;
        eventually(is_so, || format!("{connections} connections"));
    }

    /// Stops it; it must answer what it has been asked first.
    fn stop(&mut self) {
        self.service.stop();
        if let Some(server) = self.server.take() {
            server.wait().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

fn eventually(mut is_so: impl FnMut() -> bool, what: impl FnOnce() -> String) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {}", what());
        thread::sleep(Duration::from_millis(5));
    }
}

fn ask(stream: &mut (impl Read + Write), asked: &str, expected: &str) {
    stream.write_all(asked.as_bytes()).unwrap();
    let mut reply = vec![0; expected.len()];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(String::from_utf8_lossy(&reply), expected);
}

#[test]
fn connections_of_all_workers_have_one_cache() {
    let running = Running::new();
    let mut streams: Vec<TcpStream> = (0..8).map(|_| running.connect()).collect();
    for (number, stream) in streams.iter_mut().enumerate() {
        ask(stream, &format!("set k{number} 0 0 1\r\n{number}\r\n"), "STORED\r\n");
    }
    for stream in &mut streams {
        ask(stream, "get k0 k7\r\n", "VALUE k0 0 1\r\n0\r\nVALUE k7 0 1\r\n7\r\nEND\r\n");
    }
    running.has(8);
    assert_eq!(running.service.count(ServerCount::CmdSet), 8);
    assert_eq!(running.service.count(ServerCount::GetHits), 16);
    drop(streams);
    running.has(0);
}

#[test]
fn a_unix_socket_is_taken_over_and_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    // Somebody was there, and did not tidy up.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let service = service(settings("sharded", "clock"));
    let listener = Listener::bind(&Place::Unix(path.clone())).unwrap();
    let server = Server::start(service.clone(), vec![listener], &Policy::default()).unwrap();
    let mut stream = UnixStream::connect(&path).unwrap();
    ask(&mut stream, "set a 0 0 1\r\n1\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
    service.stop();
    server.wait().unwrap();
    assert!(!path.exists());
    std::fs::write(&path, "no socket").unwrap();
    assert!(Listener::bind(&Place::Unix(path.clone())).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"no socket");
}

#[test]
fn the_socket_of_a_server_that_runs_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Unix(folder.path().join("socket"));
    let first = Listener::bind(&place).unwrap();
    let kind = Listener::bind(&place).unwrap_err().kind();
    assert_eq!(kind, ErrorKind::AddrInUse);
    UnixStream::connect(folder.path().join("socket")).unwrap();
    drop(first);
    Listener::bind(&place).unwrap();
}

#[test]
fn a_server_takes_no_other_server_s_socket_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let place = Place::Unix(path.clone());
    let first = Listener::bind(&place).unwrap();
    std::fs::remove_file(&path).unwrap();
    let second = Listener::bind(&place).unwrap();
    drop(first);
    UnixStream::connect(&path).expect("the second one listens there");
    drop(second);
    assert!(!path.exists());
}

/// Workers count and reset while others ask. Three, so that some count while the lock is waited for.
#[test]
fn a_count_is_never_below_what_was_reset() {
    const WORKERS: usize = 3;
    /// Ends the workers, also after a panic.
    struct Over<'o>(&'o AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let here = service(Settings { threads: WORKERS, ..settings("memc3", "clock") });
    let (here, is_over) = (&here, AtomicBool::new(false));
    thread::scope(|scope| {
        let _over = Over(&is_over);
        for number in 0..WORKERS {
            let is_over = &is_over;
            scope.spawn(move || {
                let desk = here.desk(number);
                while !is_over.load(Ordering::Relaxed) {
                    desk.counts.add(ServerCount::CmdGet, 1);
                    here.reset();
                }
            });
        }
        for _ in 0..200_000 {
            let count = here.count(ServerCount::CmdGet);
            assert!(count <= WORKERS as u64, "{count} of at most one a worker");
        }
    });
}

/// A server with counts for one event loop, whose second one cannot begin.
#[test]
fn the_end_of_a_thread_is_the_server_s() {
    let mut service = service(settings("memc3", "clock"));
    Arc::get_mut(&mut service).expect("nobody else has it").settings.threads = 2;
    let listener = Listener::bind(&Place::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
    let server = Server::start(service.clone(), vec![listener], &Policy::default()).unwrap();
    eventually(|| service.is_stopping(), || "a server that stops".to_owned());
    let ended = thread::spawn(move || server.wait());
    assert!(ended.join().is_err(), "it panics as its thread has");
}

#[test]
fn a_client_that_writes_no_more_is_answered() {
    let running = Running::new();
    let mut stream = running.connect();
    stream.write_all("set a 0 0 1\r\n1\r\n".repeat(5000).as_bytes()).unwrap();
    stream.write_all(b"set b 0 0 100\r\nno more").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert_eq!(reply, "STORED\r\n".repeat(5000));
}

#[test]
fn a_client_that_goes_in_mid_value_leaves_nothing() {
    let running = Running::new();
    for _ in 0..100 {
        let mut stream = running.connect();
        stream.write_all(b"set a 0 0 500000\r\n").unwrap();
        stream.write_all(&[b'v'; 1000]).unwrap();
    }
    running.had(100);
    running.has(0);
    assert_eq!(running.service.transit.bytes(), 0);
    ask(&mut running.connect(), "get a\r\n", "END\r\n");
}

/// A clock that may break.
#[derive(Debug, Default)]
struct Fragile {
    is_broken: AtomicBool,
}

impl Clock for Fragile {
    fn steady(&self) -> u64 {
        assert!(!self.is_broken.load(Ordering::Relaxed), "the clock is broken");
        0
    }

    fn wall(&self) -> u64 {
        1_800_000_000
    }
}

/// Who accepts looks for what has expired, and so at the clock. The event loop waits for what nobody sends.
#[test]
fn the_end_of_who_accepts_is_the_server_s() {
    let settings = settings("memc3", "clock");
    let clock = Arc::new(Fragile::default());
    let config = Config {
        clock: clock.clone(),
        max_value: settings.max_value,
        ..Config::of(settings.bytes)
    };
    let service = Arc::new(Service::new(&config, settings).unwrap());
    let listener = Listener::bind(&Place::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
    let Place::Tcp(address) = *listener.place() else { panic!("it is a port") };
    let server = Server::start(service, vec![listener], &Policy::default()).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    ask(&mut stream, "set a 0 100 1\r\n1\r\n", "STORED\r\n");
    clock.is_broken.store(true, Ordering::Relaxed);
    let ended = thread::spawn(move || server.wait());
    eventually(|| ended.is_finished(), || "a server that ends".to_owned());
    assert!(ended.join().is_err(), "it panics as its thread has");
}

#[test]
fn packets_that_come_in_pieces_are_answered() {
    let running = Running::new();
    let mut stream = running.connect();
    let value = vec![b'v'; 300_000];
    // Quiet ones: only the second lookup and `Noop` have something to say.
    let all = [
        packet(0x11, &[0; 8], b"a", &value, 0),
        packet(0x09, b"", b"none", b"", 0),
        packet(0x09, b"", b"a", b"", 0),
        packet(0x0a, b"", b"", b"", 0),
        packet(0x17, b"", b"", b"", 0),
    ];
    for part in all.concat().chunks(70_001) {
        stream.write_all(part).unwrap();
        // So that each is read by itself, mostly.
        thread::sleep(Duration::from_millis(2));
    }
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    let said = replies(&said);
    let opcodes: Vec<u8> = said.iter().map(|reply| reply.opcode).collect();
    assert_eq!(opcodes, [0x09, 0x0a]);
    assert!(said[0].value == value);
    running.has(0);
    assert_eq!(running.service.transit.bytes(), 0);
}

#[test]
fn quit_closes_what_was_answered() {
    for writes_each in [false, true] {
        let policy = Policy { idle: None, rejects: true };
        let running = Running::with(&policy, |settings| settings.writes_each = writes_each);
        let mut stream = running.connect();
        stream.write_all(b"version\r\nmn\r\nquit\r\nmn\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let lines: Vec<&str> = reply.lines().collect();
        let is_version = |line: &str| line.starts_with("VERSION ");
        assert!(matches!(lines[..], [first, "MN"] if is_version(first)), "{reply}");
        running.has(0);
    }
}

/// Fifty clients ask for a gigabyte and read nothing.
#[test]
fn who_does_not_read_has_its_own_requests_wait() {
    let most = 4 << 20;
    let policy = Policy { idle: None, rejects: true };
    let running = Running::with(&policy, |settings| settings.transit = most);
    let value = "v".repeat(400_000);
    let mut good = running.connect();
    ask(&mut good, &format!("set a 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    ask(&mut good, "set b 0 0 1\r\n1\r\n", "STORED\r\n");
    let slow: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = running.connect();
            stream.write_all(format!("get{}\r\n", " a".repeat(50)).as_bytes()).unwrap();
            stream
        })
        .collect();
    running.has(51);
    let held = || running.service.transit.bytes();
    eventually(|| held() > most / 2, || format!("replies in transit, {} bytes", held()));
    for _ in 0..200 {
        ask(&mut good, "get b\r\n", "VALUE b 0 1\r\n1\r\nEND\r\n");
        // A worker may be a reply beyond.
        assert!(held() <= most + 3 * value.len(), "{} bytes", held());
    }
    // Who reads gets what was asked for, or is told that it does not.
    let mut stream = slow.into_iter().next_back().unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    let ending = String::from_utf8_lossy(&reply[reply.len() - 20..]).into_owned();
    assert!(ending.ends_with("END\r\n") || ending.ends_with("response\r\n"), "{ending}");
    eventually(|| held() == 0, || format!("nothing in transit, and not {} bytes", held()));
}

/// There is memory for less than one reply, and nobody else has any of it.
#[test]
fn who_reads_is_not_refused_for_what_it_has_read() {
    let policy = Policy { idle: None, rejects: true };
    let running = Running::with(&policy, |settings| settings.transit = 300_000);
    let value = "v".repeat(500_000);
    let mut stream = running.connect();
    ask(&mut stream, &format!("set a 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    // More than sockets hold, so that it has to be waited for.
    let keys = 50;
    stream.write_all(format!("get{}\r\nquit\r\n", " a".repeat(keys)).as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let one = format!("VALUE a 0 {}\r\n{value}\r\n", value.len());
    let ending = &reply[reply.len().saturating_sub(60)..];
    assert!(reply == one.repeat(keys) + "END\r\n", "{} bytes, at last {ending:?}", reply.len());
}

#[test]
fn one_connection_too_many_is_told_so() {
    let policy = Policy { idle: None, rejects: true };
    let running = Running::with(&policy, |settings| settings.connections = 3);
    let mut held: Vec<TcpStream> = (0..3).map(|_| running.connect()).collect();
    held.iter_mut().for_each(|stream| ask(stream, "mn\r\n", "MN\r\n"));
    let mut reply = String::new();
    running.connect().read_to_string(&mut reply).unwrap();
    assert_eq!(reply, "ERROR Too many open connections\r\n");
    assert_eq!(running.service.rejected.load(Ordering::Relaxed), 1);
    held.pop();
    running.has(2);
    ask(&mut running.connect(), "mn\r\n", "MN\r\n");
}

#[test]
fn one_connection_too_many_waits_if_it_is_to() {
    let policy = Policy { idle: None, rejects: false };
    let running = Running::with(&policy, |settings| settings.connections = 1);
    let mut first = running.connect();
    ask(&mut first, "mn\r\n", "MN\r\n");
    let mut second = running.connect();
    second.write_all(b"mn\r\n").unwrap();
    second.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let kind = second.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{kind:?}");
    drop(first);
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    ask(&mut second, "", "MN\r\n");
}

#[test]
fn a_silent_client_is_closed_and_one_that_asks_is_not() {
    let policy = Policy { idle: Some(Duration::from_secs(2)), rejects: true };
    let running = Running::with(&policy, |_| {});
    let mut silent = running.connect();
    let mut asks = running.connect();
    let began = Instant::now();
    while running.service.count(ServerCount::IdleKicks) == 0 {
        ask(&mut asks, "mn\r\n", "MN\r\n");
        assert!(began.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    // It has been asked for longer than one may be silent, whichever worker it is with.
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        ask(&mut asks, "mn\r\n", "MN\r\n");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Of a client that has asked for much at once, and reads a part of it four times in the time that one may be silent.
#[test]
fn a_slow_reader_is_not_silent() {
    let policy = Policy { idle: Some(Duration::from_secs(2)), rejects: true };
    let running = Running::with(&policy, |_| {});
    let value = "v".repeat(400_000);
    let mut stream = running.connect();
    ask(&mut stream, &format!("set a 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    let reply = format!("VALUE a 0 {}\r\n{value}\r\nEND\r\n", value.len());
    // More than sockets hold.
    let asked = 100;
    stream.write_all("get a\r\n".repeat(asked).as_bytes()).unwrap();
    let mut part = vec![0; asked * reply.len() / 10];
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(500));
        stream.read_exact(&mut part).expect("it is not cut off");
    }
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let mut running = Running::new();
    let value = "v".repeat(100_000);
    let mut stream = running.connect();
    ask(&mut stream, &format!("set a 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    let asked = 100;
    stream.write_all("get a\r\n".repeat(asked).as_bytes()).unwrap();
    // It has begun to answer.
    stream.read_exact(&mut [0]).unwrap();
    let reader = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        reply.len() + 1
    });
    let address = running.address;
    running.stop();
    let reply = format!("VALUE a 0 {}\r\n{value}\r\nEND\r\n", value.len());
    assert_eq!(reader.join().unwrap(), asked * reply.len());
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn everything_goes_when_a_flush_is_due() {
    let running = Running::new();
    let mut stream = running.connect();
    ask(
        &mut stream,
        "set a 0 0 1\r\n1\r\nflush_all 1\r\nget a\r\n",
        "STORED\r\nOK\r\nVALUE a 0 1\r\n1\r\nEND\r\n",
    );
    eventually(|| running.service.cache().stats().items == 0, || "an empty cache".to_owned());
}

/// Clients that send garbage, cut as it comes, hurt nobody.
#[test]
fn a_thousand_clients_with_garbage() {
    let running = Running::new();
    let mut good = running.connect();
    for round in 0_u64..1000 {
        let mut stream = running.connect();
        let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let garbage: Vec<u8> = (0..round % 300)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                b"get set \r\n\0 ms mg a 1 -9 99999999"[(state >> 33) as usize % 33]
            })
            .collect();
        stream.write_all(&garbage).unwrap();
        if round % 100 == 0 {
            ask(&mut good, "mn\r\n", "MN\r\n");
        }
    }
    running.had(1001);
    running.has(1);
    assert_eq!(running.service.transit.bytes(), 0);
}
