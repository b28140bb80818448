//! The flags of `bench load`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use trials::server::{Pattern, ServerLoad, ServerSpec};
use trials::workload::Length;

use crate::descriptors::{allow, too_few};
use crate::net::Place;

/// Send requests to a memcached, and check every value that it returns
///
/// Keys are drawn from Zipf's distribution, exactly; each value contains its key. First all keys are stored.
/// Then each connection sends --depth requests, waits for the answers, and sends the next (a closed loop); or, with
/// --rate, requests are due at random times that do not depend on the server (an open loop). Exit codes: 0 done,
/// 1 a value was wrong, a read was refused, or the server closed a connection, 2 wrong usage.
#[derive(Clone, Debug, clap::Args)]
pub struct LoadFlags {
    /// The server's address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:11211", value_parser = address)]
    address: SocketAddr,
    /// The server's Unix socket, instead of an address
    #[arg(long, value_name = "PATH", conflicts_with = "address")]
    socket: Option<PathBuf>,
    /// Allow an address of another machine: only one that you are permitted to put load on
    #[arg(long)]
    anywhere: bool,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=MOST_CONNECTIONS))]
    connections: u64,
    /// Threads that share the connections, at most one per connection
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=256))]
    threads: u64,
    /// Duration in seconds
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = positive)]
    pub(super) seconds: f64,
    /// The range of keys
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    pub(super) keys: u64,
    /// Skew of the keys; 0 is uniform
    #[arg(long, value_name = "THETA", default_value_t = 0.99, value_parser = skew)]
    pub(super) zipf: f64,
    /// Percent of the requests that are reads; the others store
    #[arg(long, value_name = "P", default_value_t = 95.0, value_parser = percent)]
    pub(super) reads: f64,
    /// Requests that a connection sends before it waits for the answers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=4096))]
    depth: u64,
    /// Keys per read request
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    multiget: u64,
    /// Use the meta commands mg and ms
    #[arg(long, conflicts_with = "multiget")]
    pub(super) meta: bool,
    /// Bytes of a value
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(16..=1 << 20))]
    value_bytes: u64,
    /// Store each key that was missed, as an application with a cache does
    #[arg(long)]
    pub(super) look_aside: bool,
    /// Do not store all keys first
    #[arg(long)]
    pub(super) no_fill: bool,
    /// Requests per second of all connections together: an open loop
    #[arg(long, value_name = "R", value_parser = positive, conflicts_with = "depth")]
    pub(super) rate: Option<f64>,
    /// Seed of keys, operations and times
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(super) seed: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Whether this is the warm-up of a server, whose requests differ from those that are measured.
    #[arg(skip)]
    is_warmup: bool,
    /// The number of keys that a closed loop must request before it may end.
    #[arg(skip)]
    least_keys: u64,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address is like 127.0.0.1:11211 or [::1]:11211".to_owned())
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

fn positive(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if value > 0.0 && value <= 1e9 { Ok(value) } else { Err("it is above 0, up to 1e9".to_owned()) }
}

fn skew(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if (0.0..=10.0).contains(&value) { Ok(value) } else { Err("it is from 0 to 10".to_owned()) }
}

fn percent(text: &str) -> Result<f64, String> {
    let value = number(text)?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err("it is from 0 to 100".to_owned()) }
}

/// A connection whose calls wait.
pub(super) trait Blocking: Read + Write {}

impl<S: Read + Write> Blocking for S {}

/// The most connections of a load.
pub const MOST_CONNECTIONS: u64 = 10_000;

/// The most threads of a load. Streams of a warm-up come after those of all of them.
const MOST_THREADS: usize = 256;

/// So long a server may take to answer who waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no connection.
pub(super) fn unreached(place: &Place, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot connect to {place}: {error}"))
}

/// A connection to the server that waits.
pub(super) fn connect(place: &Place) -> io::Result<Box<dyn Blocking>> {
    Ok(match place {
        Place::Tcp(address) => {
            let stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Box::new(stream)
        }
        Place::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Box::new(stream)
        }
    })
}

impl LoadFlags {
    /// What a trial asks of a server at `place` by at most so many threads.
    pub(crate) fn of(spec: &ServerSpec, load: &ServerLoad, place: &Place, threads: usize) -> Self {
        let (address, socket) = match place {
            Place::Tcp(address) => (*address, None),
            Place::Unix(path) => (SocketAddr::from(([127, 0, 0, 1], 0)), Some(path.clone())),
        };
        let case = &spec.case;
        let depth = u64::from(load.depth);
        let value_bytes = match case.value_bytes {
            Some(Length::Bytes(bytes)) => bytes.into(),
            _ => 32,
        };
        let is_multiget = load.pattern == Pattern::Multiget;
        Self {
            address,
            socket,
            anywhere: false,
            connections: load.connections.into(),
            threads: threads.min(MOST_THREADS) as u64,
            seconds: spec.seconds,
            keys: case.keys,
            zipf: case.zipf,
            reads: case.mix.reads,
            depth: if is_multiget { 1 } else { depth },
            multiget: if is_multiget { depth } else { 1 },
            meta: load.pattern == Pattern::Mg,
            value_bytes,
            look_aside: load.look_aside,
            no_fill: true,
            rate: spec.rate,
            seed: spec.seed,
            json: false,
            is_warmup: false,
            least_keys: 0,
        }
    }

    /// A load of the same kind and on the same keys that takes so long, with other requests. If it is to ask for so
    /// many keys, it is a closed loop, which takes as long as that takes.
    pub(crate) fn warmup(&self, seconds: f64, least_keys: u64) -> Self {
        let rate = self.rate.filter(|_| least_keys == 0);
        Self { seconds, rate, least_keys, is_warmup: true, ..self.clone() }
    }

    /// Requests that each thread sends before a closed loop may end.
    pub(super) fn least_requests(&self) -> u64 {
        self.least_keys.div_ceil(self.multiget * self.threads() as u64)
    }

    /// The number of a thread's stream of requests.
    pub(super) fn stream(&self, thread: usize) -> usize {
        thread + if self.is_warmup { MOST_THREADS } else { 0 }
    }

    /// Where the server is.
    ///
    /// # Errors
    ///
    /// Not on this machine, and it was not said that this is meant.
    pub fn target(&self) -> io::Result<Place> {
        if let Some(path) = &self.socket {
            return Ok(Place::Unix(path.clone()));
        }
        if self.address.ip().is_loopback() || self.anywhere {
            return Ok(Place::Tcp(self.address));
        }
        let words = format!(
            "{} is not an address of this machine's loopback: --anywhere loads it all the same, if you may",
            self.address
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, words))
    }

    /// Lets this process have as many connections open.
    ///
    /// # Errors
    ///
    /// It may not.
    pub fn allow_connections(&self) -> io::Result<()> {
        let allowed = allow(self.connections, self.threads() as u64);
        too_few("--connections", self.connections, allowed)
            .map_or(Ok(()), |words| Err(io::Error::new(io::ErrorKind::InvalidInput, words)))
    }

    pub(super) fn threads(&self) -> usize {
        self.threads.min(self.connections) as usize
    }

    /// Connections of a thread.
    pub(super) fn connections_of(&self, thread: usize) -> usize {
        let (all, threads) = (self.connections as usize, self.threads());
        all / threads + usize::from(thread < all % threads)
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections
    }

    pub(super) fn depth(&self) -> usize {
        self.depth as usize
    }

    pub(super) fn multiget(&self) -> usize {
        self.multiget as usize
    }

    pub(super) fn value_bytes(&self) -> usize {
        self.value_bytes as usize
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use trials::case::Case;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: LoadFlags,
    }

    fn flags(line: &str) -> LoadFlags {
        let words = std::iter::once("load").chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().flags
    }

    #[test]
    fn nobody_elses_machine_is_loaded_by_mistake() {
        assert!(flags("").target().is_ok() && flags("--address [::1]:5").target().is_ok());
        assert!(flags("--socket /tmp/a").target().is_ok());
        for address in ["10.0.0.1:11211", "0.0.0.0:11211", "[2001:db8::1]:11211"] {
            let error = flags(&format!("--address {address}")).target().unwrap_err();
            assert!(error.to_string().contains("--anywhere"), "{error}");
            assert!(flags(&format!("--address {address} --anywhere")).target().is_ok());
        }
    }

    #[test]
    fn a_warm_up_asks_for_other_keys() {
        let flags = flags("--connections 300 --threads 256");
        let warmup = flags.warmup(0.5, 0);
        assert_eq!(warmup.seconds, 0.5);
        let streams = |of: &LoadFlags| (0..256).map(|thread| of.stream(thread)).collect::<Vec<_>>();
        let (measured, warms) = (streams(&flags), streams(&warmup));
        assert!(warms.iter().all(|stream| !measured.contains(stream)));
        assert!(warms.is_sorted() && measured.is_sorted());
    }

    #[test]
    fn a_trial_on_a_large_machine_has_streams_of_its_own() {
        let case = Case::new("memc3/clock", "none");
        let spec = ServerSpec { case, seed: 1, seconds: 1.0, warmup: 1.0, rate: None };
        let load = ServerLoad { connections: 1000, ..ServerLoad::default() };
        let place = Place::Unix("/tmp/a".into());
        let flags = LoadFlags::of(&spec, &load, &place, 384);
        let last = flags.threads() - 1;
        assert!(flags.stream(last) < flags.warmup(1.0, 0).stream(0), "{last} has the first's");
    }

    #[test]
    fn connections_are_shared_out() {
        let flags = flags("--connections 7 --threads 3");
        let shares: Vec<usize> = (0..3).map(|thread| flags.connections_of(thread)).collect();
        assert_eq!(shares, [3, 2, 2]);
    }
}
