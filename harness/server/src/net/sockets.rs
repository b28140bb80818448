//! TCP and Unix sockets alike.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
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
}

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
                Ok(Self { kind: Kind::Tcp(listener), place })
            }
            Place::Unix(path) => {
                take_away(path)?;
                Ok(Self { kind: Kind::Unix(UnixListener::bind(path)?), place: place.clone() })
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
                Ok(Wire::Tcp(stream))
            }
            Kind::Unix(listener) => Ok(Wire::Unix(listener.accept()?.0)),
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
        if let Place::Unix(path) = &self.place {
            // Somebody else may have taken it away.
            let _ = fs::remove_file(path);
        }
    }
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
pub(crate) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Wire {
    /// A connection to a server.
    pub(crate) fn connect(place: &Place) -> io::Result<Self> {
        Ok(match place {
            Place::Tcp(address) => {
                let stream = std::net::TcpStream::connect(address)?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                Self::Tcp(TcpStream::from_std(stream))
            }
            Place::Unix(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path)?;
                stream.set_nonblocking(true)?;
                Self::Unix(UnixStream::from_std(stream))
            }
        })
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.source().register(registry, token, Interest::READABLE | Interest::WRITABLE)
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            Self::Unix(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
