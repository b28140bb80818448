//! TCP and Unix sockets alike.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At an address; port 0 is one that the system chooses.
    Tcp(SocketAddr),
    /// At a file.
    Unix(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A socket that connections come to. A Unix socket's file goes with it.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    place: Place,
    /// Of a Unix socket, which file is its own.
    file: Option<FileNumber>,
}

/// A file's device, and its number there.
type FileNumber = (u64, u64);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Connections that the system keeps until they are accepted.
const BACKLOG: i32 = 1024;

impl Listener {
    /// Listens at `place`.
    ///
    /// # Errors
    ///
    /// The address is taken, or not of this machine; or a file is there that no server has left.
    pub fn bind(place: &Place) -> io::Result<Self> {
        match place {
            Place::Tcp(address) => {
                let domain = Domain::for_address(*address);
                let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
                if address.is_ipv6() {
                    socket.set_only_v6(true)?;
                }
                socket.set_reuse_address(true)?;
                socket.set_nonblocking(true)?;
                socket.bind(&(*address).into())?;
                socket.listen(BACKLOG)?;
                let listener = TcpListener::from_std(socket.into());
                let place = Place::Tcp(listener.local_addr()?);
                Ok(Self { kind: Kind::Tcp(listener), place, file: None })
            }
            Place::Unix(path) => {
                take_away(path)?;
                let kind = Kind::Unix(UnixListener::bind(path)?);
                Ok(Self { kind, place: place.clone(), file: number_of(path) })
            }
        }
    }

    /// Where it listens: with the port that the system has chosen.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The next connection.
    pub(crate) fn accept(&self) -> io::Result<Wire> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                // Replies are written whole: nothing is gained by waiting for more.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream).into())
            }
            Kind::Unix(listener) => Ok(Stream::Unix(listener.accept()?.0).into()),
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match &mut self.kind {
            Kind::Tcp(listener) => listener,
            Kind::Unix(listener) => listener,
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.source().register(registry, token, Interest::READABLE)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Somebody else may have taken it away, and made one of theirs.
        if let Place::Unix(path) = &self.place
            && self.file.is_some()
            && number_of(path) == self.file
        {
            let _ = fs::remove_file(path);
        }
    }
}

/// Which file is at `path`.
fn number_of(path: &Path) -> Option<FileNumber> {
    let file = fs::symlink_metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

/// Takes away the socket that a server has left which is no more; nothing else.
fn take_away(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let is_left = || {
        UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    if is_socket && is_left() { fs::remove_file(path) } else { Ok(()) }
}

/// A connection's socket.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    /// Whether events tell that it takes bytes, too.
    awaits_room: bool,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl From<Stream> for Wire {
    fn from(stream: Stream) -> Self {
        Self { stream, awaits_room: false }
    }
}

impl Wire {
    /// A connection to a server.
    pub(crate) fn connect(place: &Place) -> io::Result<Self> {
        let stream = match place {
            Place::Tcp(address) => {
                let stream = std::net::TcpStream::connect(address)?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                Stream::Tcp(TcpStream::from_std(stream))
            }
            Place::Unix(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path)?;
                stream.set_nonblocking(true)?;
                Stream::Unix(UnixStream::from_std(stream))
            }
        };
        Ok(stream.into())
    }

    fn source(&mut self) -> &mut dyn Source {
        match &mut self.stream {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        }
    }

    /// Lets events tell that there is something to read, and nothing else: a Unix socket takes bytes again whenever
    /// the other side has read some, so that each reply that is read would wake who has nothing to write.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.source().register(registry, token, Interest::READABLE)
    }

    /// Lets events tell that it takes bytes, too, as long as some are unwritten. An event comes also if it takes them
    /// already. It was registered with this token.
    pub(crate) fn await_room(
        &mut self,
        registry: &Registry,
        token: Token,
        has_unwritten: bool,
    ) -> io::Result<()> {
        if self.awaits_room == has_unwritten {
            return Ok(());
        }
        let room = has_unwritten.then_some(Interest::WRITABLE);
        let interest = room.map_or(Interest::READABLE, |room| Interest::READABLE | room);
        self.source().reregister(registry, token, interest)?;
        self.awaits_room = has_unwritten;
        Ok(())
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write(buffer),
            Stream::Unix(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Poll};

    use super::*;

    /// Reads until there is nothing more; how many bytes there were.
    fn drain(stream: &mut Wire) -> usize {
        let (mut room, mut all) = ([0; 4096], 0);
        loop {
            match stream.read(&mut room) {
                Ok(bytes) => all += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return all,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Writes until nothing more is taken; how many bytes were.
    fn fill(stream: &mut Wire) -> usize {
        let mut all = 0;
        loop {
            match stream.write(&[b'v'; 4096]) {
                Ok(bytes) => all += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return all,
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn who_reads_wakes_those_alone_who_have_something_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Unix(folder.path().join("socket"));
        let listener = Listener::bind(&place).unwrap();
        let mut client = Wire::connect(&place).unwrap();
        let mut served = listener.accept().unwrap();
        let mut poll = Poll::new().unwrap();
        served.register(poll.registry(), Token(0)).unwrap();
        let mut events = Events::with_capacity(4);
        let mut told = |poll: &mut Poll| {
            poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            let all = events.iter().map(|event| (event.is_readable(), event.is_writable()));
            all.collect::<Vec<_>>()
        };
        for _ in 0..3 {
            assert_eq!(served.write(b"END\r\n").unwrap(), 5);
            assert_eq!((drain(&mut client), told(&mut poll)), (5, vec![]));
        }
        assert_eq!(client.write(b"mn\r\n").unwrap(), 4);
        assert_eq!((told(&mut poll), drain(&mut served)), (vec![(true, false)], 4));
        // It takes no more, and then it does.
        let written = fill(&mut served);
        served.await_room(poll.registry(), Token(0), true).unwrap();
        assert!(told(&mut poll).is_empty());
        assert_eq!(drain(&mut client), written);
        assert_eq!(told(&mut poll), [(false, true)]);
        // It took some before it was asked.
        served.await_room(poll.registry(), Token(0), false).unwrap();
        assert!(told(&mut poll).is_empty());
        served.await_room(poll.registry(), Token(0), true).unwrap();
        assert_eq!(told(&mut poll), [(false, true)]);
    }
}
