//! A server that does nothing: each command is answered with a constant. What it costs is what the system, the
//! sockets and the load cost: the floor under every server.
//!
//! A read finds nothing (`END`, `EN`), a store has its value swallowed (`STORED`, `HD`). `stats` tells what a load asks
//! for. All else is an `ERROR`. Replies to what is read at once are written at once.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use memchr::memchr;
use mio::{Events, Poll, Token, Waker};
use nix::sys::resource::{UsageWho, getrusage};

use crate::net::{Listener, Place, WAKER, Wire, waker};

/// Bytes that are read at a time, as of our server.
const READ: usize = 64 << 10;

/// Answer each command with a constant
#[derive(Clone, Debug, clap::Args)]
pub struct FloorFlags {
    /// TCP port; with 0 the system chooses one
    #[arg(short, value_name = "PORT", default_value_t = 11211)]
    port: u16,
    /// Listen on this Unix socket instead of a port
    #[arg(short = 's', value_name = "PATH", conflicts_with_all = ["port", "listen"])]
    socket: Option<PathBuf>,
    /// Address to listen on
    #[arg(short, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Worker threads
    #[arg(short, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: u64,
}

impl FloorFlags {
    /// Where to listen.
    #[must_use]
    pub fn place(&self) -> Place {
        let port = || Place::Tcp(SocketAddr::new(self.listen, self.port));
        self.socket.clone().map_or_else(port, Place::Unix)
    }

    /// Event loops.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads as usize
    }
}

/// Serves connections to `listener` by so many event loops, for ever.
///
/// # Errors
///
/// The system gives no event queue or no thread, or the listener fails.
pub fn serve(mut listener: Listener, workers: usize) -> io::Result<()> {
    let mut inboxes: Vec<(Sender<Wire>, Waker)> = Vec::new();
    for _ in 0..workers {
        let poll = Poll::new()?;
        let (sender, inbox) = channel();
        inboxes.push((sender, waker(&poll)?));
        thread::Builder::new().spawn(move || work(poll, &inbox))?;
    }
    let mut poll = Poll::new()?;
    listener.register(poll.registry(), Token(0))?;
    let mut events = Events::with_capacity(1);
    let mut turns = (0..inboxes.len()).cycle();
    loop {
        wait(&mut poll, &mut events)?;
        loop {
            let stream = match listener.accept() {
                Ok(stream) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            let (inbox, waker) = &inboxes[turns.next().unwrap_or_default()];
            // A worker that has gone has met what it could not go on with.
            inbox.send(stream).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
            waker.wake()?;
        }
    }
}

/// Waits for events. A signal is none: who is told to stop ends by another thread.
fn wait(poll: &mut Poll, events: &mut Events) -> io::Result<()> {
    match poll.poll(events, None) {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        waited => waited,
    }
}

/// A connection.
struct Guest {
    stream: Wire,
    input: Vec<u8>,
    /// Bytes of a value that are yet to come.
    swallow: usize,
    out: Vec<u8>,
}

fn work(mut poll: Poll, inbox: &Receiver<Wire>) -> io::Result<()> {
    let mut guests: Vec<Option<Guest>> = Vec::new();
    let (mut events, mut room) = (Events::with_capacity(1024), vec![0; READ]);
    loop {
        wait(&mut poll, &mut events)?;
        for event in &events {
            if event.token() == WAKER {
                for mut stream in inbox.try_iter() {
                    stream.register(poll.registry(), Token(guests.len()))?;
                    let (input, out) = (Vec::new(), Vec::new());
                    guests.push(Some(Guest { stream, input, swallow: 0, out }));
                }
                continue;
            }
            let place = &mut guests[event.token().0];
            let Some(guest) = place else { continue };
            let is_over = event.is_read_closed() || event.is_error();
            let served = guest.serve(is_over, &mut room).and_then(|()| {
                let unwritten = !guest.out.is_empty();
                guest.stream.await_room(poll.registry(), event.token(), unwritten)
            });
            if served.is_err() {
                *place = None;
            }
        }
    }
}

impl Guest {
    /// Reads what has come, and answers it. An error ends the connection. One that `is_over` is read to its end, of
    /// which no other event comes.
    fn serve(&mut self, is_over: bool, room: &mut [u8]) -> io::Result<()> {
        loop {
            match self.stream.read(room) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => {
                    self.input.extend_from_slice(&room[..bytes]);
                    let used = answer(&self.input, &mut self.swallow, &mut self.out);
                    self.input.drain(..used);
                    // Who asks without reading is not waited for.
                    self.write()?;
                    // What comes after this is told by an event of its own, but an end that was told already is not.
                    if bytes < room.len() && !is_over {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.write(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let mut written = 0;
        while written < self.out.len() {
            match self.stream.write(&self.out[written..]) {
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.drain(..written);
        Ok(())
    }
}

/// Answers the whole commands at the start of `input`, and returns how many bytes they have. `swallow` is what is yet
/// to come of the last one's value, with its line's end.
fn answer(input: &[u8], swallow: &mut usize, out: &mut Vec<u8>) -> usize {
    let mut used = 0;
    loop {
        let rest = &input[used..];
        let eaten = rest.len().min(*swallow);
        (used, *swallow) = (used + eaten, *swallow - eaten);
        let rest = &rest[eaten..];
        let Some(end) = memchr(b'\n', rest) else { return used };
        used += end + 1;
        let line = rest[..end].trim_ascii_end();
        let mut words = line.split(|&byte| byte == b' ');
        let command = words.next().unwrap_or_default();
        let bytes = match command {
            b"set" => words.nth(3),
            b"ms" => words.nth(1),
            _ => None,
        };
        let bytes = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse::<usize>().ok());
        let reply: &[u8] = match (command, bytes) {
            (b"get" | b"gets", _) => b"END\r\n",
            (b"mg", _) => b"EN\r\n",
            (b"set", Some(_)) => b"STORED\r\n",
            (b"ms", Some(_)) => b"HD\r\n",
            (b"stats", _) => {
                say_stats(out);
                b"END\r\n"
            }
            _ => b"ERROR\r\n",
        };
        out.extend_from_slice(reply);
        *swallow = bytes.map_or(0, |bytes| bytes.saturating_add(2));
    }
}

fn say_stats(out: &mut Vec<u8>) {
    let mut say = |name: &str, value: String| {
        out.extend_from_slice(format!("STAT {name} {value}\r\n").as_bytes());
    };
    say("pid", std::process::id().to_string());
    say("version", format!("floor+bench.{}", env!("CARGO_PKG_VERSION")));
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        for (name, time) in
            [("rusage_user", usage.user_time()), ("rusage_system", usage.system_time())]
        {
            say(name, format!("{}.{:06}", time.tv_sec(), time.tv_usec()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    /// A connection to a server that begins when the client has done this.
    fn asking(client: impl FnOnce(&mut UnixStream)) -> UnixStream {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = Listener::bind(&Place::Unix(path.clone())).unwrap();
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        client(&mut stream);
        thread::spawn(move || serve(listener, 1));
        stream
    }

    #[test]
    fn who_asks_without_reading_is_answered_in_the_end() {
        let mut client = asking(|_| {});
        let asked = 500_000;
        client.write_all("get a\r\n".repeat(asked).as_bytes()).unwrap();
        // Until it has read everything, and could not write it.
        thread::sleep(Duration::from_millis(50));
        let mut said = vec![0; 5 * asked];
        client.read_exact(&mut said).unwrap();
        assert!(said.chunks(5).all(|reply| reply == b"END\r\n"));
    }

    #[test]
    fn an_end_that_comes_with_a_command_is_seen() {
        let mut client = asking(|client| {
            client.write_all(b"get a\r\n").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
        });
        let mut said = String::new();
        client.read_to_string(&mut said).unwrap();
        assert_eq!(said, "END\r\n");
    }

    #[test]
    fn each_command_has_its_constant_however_it_is_cut() {
        let asked = b"get a b\r\nset k 0 0 5\r\nget x\r\nmg k v\r\nms k 3\r\nabc\r\nincr k 1\r\n";
        let said = b"END\r\nSTORED\r\nEN\r\nHD\r\nERROR\r\n";
        for cut in 0..=asked.len() {
            let (mut input, mut swallow, mut out) = (Vec::new(), 0, Vec::new());
            for part in [&asked[..cut], &asked[cut..]] {
                input.extend_from_slice(part);
                let used = answer(&input, &mut swallow, &mut out);
                input.drain(..used);
            }
            assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(said), "at {cut}");
            assert!(input.is_empty() && swallow == 0);
        }
    }
}
