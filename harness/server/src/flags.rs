//! The flags of `bench serve`: memcached's, as far as they mean something here, and our own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cache::store::{Config, ConfigError};

use crate::caches;
use crate::clock::MovedClock;
use crate::net::{Place, Policy};
use crate::protocol::Protocol;
use crate::service::{Service, Settings};

/// Serve memcached's protocols over a cache of this workbench
///
/// Flags of one letter are memcached's. The server listens on the loopback address by default, on the addresses of
/// -l, or only on the socket of -s. It prints on standard error where it listens. At SIGTERM or SIGINT it answers
/// the requests that it has received, and stops.
#[derive(Clone, Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Flags {
    /// TCP port; with 0 the system chooses one
    #[arg(short, value_name = "PORT", default_value_t = 11211)]
    port: u16,
    /// Listen on this Unix socket instead of a port
    #[arg(short = 's', value_name = "PATH", conflicts_with_all = ["port", "listen"])]
    socket: Option<PathBuf>,
    /// Addresses to listen on, each optionally with a port
    #[arg(short, value_name = "ADDRESS", value_delimiter = ',', value_parser = address)]
    listen: Vec<(IpAddr, Option<u16>)>,
    /// Memory for items, in MiB
    #[arg(short, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    memory: u64,
    /// Largest item, in bytes; k and m are KiB and MiB
    #[arg(short = 'I', value_name = "BYTES", default_value = "1m", value_parser = bytes)]
    item: u64,
    /// The most connections at a time
    #[arg(short, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    connections: u64,
    /// Worker threads
    #[arg(short, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: u64,
    /// When memory is full, refuse new items instead of evicting old ones
    #[arg(short = 'M', conflicts_with = "eviction")]
    no_evictions: bool,
    /// Keep no CAS numbers, which saves 8 bytes per item
    #[arg(short = 'C')]
    no_cas: bool,
    /// Growth factor from each chunk size to the next
    #[arg(short = 'f', value_name = "FACTOR", default_value_t = 1.125)]
    growth: f64,
    /// The smallest chunk, in bytes
    #[arg(short = 'n', value_name = "BYTES", default_value_t = 48, value_parser = clap::value_parser!(u64).range(16..=1 << 20))]
    smallest: u64,
    /// Refuse flush_all
    #[arg(short = 'F')]
    no_flush: bool,
    /// Accept the command `shutdown`
    #[arg(short = 'A')]
    shutdown: bool,
    /// The protocol of connections; auto detects it from the first byte of each
    #[arg(short = 'B', value_name = "PROTOCOL", default_value = "auto", value_parser = ["auto", "ascii", "binary"])]
    protocol: String,
    /// memcached's further options: idle_timeout=SECONDS, maxconns_fast, no_maxconns_fast
    #[arg(short = 'o', value_name = "OPTION", value_delimiter = ',', value_parser = further)]
    options: Vec<Further>,
    /// The store, which finds items: a name from `bench list caches`
    #[arg(long, value_name = "NAME", default_value = "memc3", value_parser = caches::stores())]
    store: String,
    /// The eviction policy, which decides which items make room when memory is full
    #[arg(long, value_name = "NAME", default_value = "clock", value_parser = caches::evictions())]
    eviction: String,
    /// Write the replies to all requests of one read together, or each separately as memcached does
    #[arg(long, value_name = "HOW", default_value = "batched", value_parser = ["batched", "each"])]
    reply: String,
    /// Memory for requests and replies in transit, in MiB, for all connections together
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    transit: u64,
    /// Accept the command `debugtime`, which moves the server's clock forward: for tests
    #[arg(long)]
    debug_time: bool,
    /// Print help
    #[arg(short, long, action = clap::ArgAction::Help)]
    help: Option<bool>,
}

/// One of the options of -o.
#[derive(Clone, Copy, Debug)]
enum Further {
    Idle(Duration),
    Rejects(bool),
}

fn further(text: &str) -> Result<Further, String> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, of)| (name, Some(of)));
    match (name, value) {
        ("idle_timeout", Some(seconds)) => match seconds.parse() {
            Ok(seconds @ 1..) => Ok(Further::Idle(Duration::from_secs(seconds))),
            _ => Err(format!("`{seconds}` is no number of seconds from 1 on")),
        },
        ("maxconns_fast", None) => Ok(Further::Rejects(true)),
        ("no_maxconns_fast", None) => Ok(Further::Rejects(false)),
        _ => Err("there are idle_timeout=SECONDS, maxconns_fast and no_maxconns_fast".to_owned()),
    }
}

fn address(text: &str) -> Result<(IpAddr, Option<u16>), String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok((address.ip(), Some(address.port())));
    }
    let named = if text == "localhost" { "127.0.0.1" } else { text };
    named
        .parse()
        .map(|ip| (ip, None))
        .map_err(|_| "an address is like 127.0.0.1 or [::1]:11211".to_owned())
}

/// Bytes, with a letter for a thousand of them, as computers count.
fn bytes(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.as_bytes().last() {
        Some(b'k') => (&lower[..lower.len() - 1], 1 << 10),
        Some(b'm') => (&lower[..lower.len() - 1], 1 << 20),
        _ => (&lower[..], 1),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes
        .filter(|bytes| (1 << 10..=4 << 20).contains(bytes))
        .ok_or_else(|| "items have from 1k to 4m".to_owned())
}

impl Flags {
    /// Where to listen.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        if let Some(path) = &self.socket {
            return vec![Place::Unix(path.clone())];
        }
        let loopback = [(IpAddr::V4(Ipv4Addr::LOCALHOST), None)];
        let listen = if self.listen.is_empty() { &loopback[..] } else { &self.listen };
        let place = |&(ip, port): &(IpAddr, Option<u16>)| {
            Place::Tcp(SocketAddr::new(ip, port.unwrap_or(self.port)))
        };
        listen.iter().map(place).collect()
    }

    /// What belongs to sockets.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let mut policy = Policy { idle: None, rejects: true };
        for option in &self.options {
            match *option {
                Further::Idle(idle) => policy.idle = Some(idle),
                Further::Rejects(rejects) => policy.rejects = rejects,
            }
        }
        policy
    }

    fn config(&self) -> Config {
        let item = self.item as usize;
        let config = Config::of((self.memory as usize) << 20);
        let page = item.next_power_of_two().max(config.page);
        Config {
            page,
            smallest: self.smallest as usize,
            growth: self.growth,
            max_value: item.saturating_sub(OVERHEAD).max(1),
            cas: !self.no_cas,
            ..config
        }
    }

    /// What goes when memory is full.
    fn policy_of_items(&self) -> &str {
        if self.no_evictions { "none" } else { &self.eviction }
    }

    /// Looks whether there is a cache with this store and this policy.
    ///
    /// # Errors
    ///
    /// The store does not have it; which it has.
    pub fn check(&self) -> Result<(), String> {
        let (store, eviction) = (&self.store, self.policy_of_items());
        if caches::named(store, eviction).is_some() {
            return Ok(());
        }
        let has = caches::evictions_of(store).join(" and ");
        Err(format!("the store {store} has the policies {has}, and not {eviction}"))
    }

    /// How the server behaves.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let config = self.config();
        Settings {
            store: self.store.clone(),
            eviction: self.policy_of_items().to_owned(),
            bytes: config.bytes,
            max_value: config.max_value,
            threads: self.threads as usize,
            connections: self.connections as usize,
            flushes: !self.no_flush,
            shuts_down: self.shutdown,
            protocol: match self.protocol.as_str() {
                "ascii" => Protocol::Ascii,
                "binary" => Protocol::Binary,
                _ => Protocol::Auto,
            },
            writes_each: self.reply == "each",
            transit: (self.transit as usize) << 20,
        }
    }

    /// The server, but for its sockets.
    ///
    /// # Errors
    ///
    /// There can be no cache of these sizes.
    ///
    /// # Panics
    ///
    /// If the store does not have the policy, see [`check`](Self::check).
    pub fn service(&self) -> Result<Service, ConfigError> {
        if !self.debug_time {
            return Service::new(&self.config(), self.settings());
        }
        let clock = Arc::new(MovedClock::default());
        let config = Config { clock: clock.clone(), ..self.config() };
        Ok(Service::new(&config, self.settings())?.moved_by(clock))
    }
}

/// What an item may take beside its value, in bytes: the longest key, and less than memcached's header.
const OVERHEAD: usize = 272;

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Flags,
    }

    fn parse(line: &str) -> Result<Flags, clap::Error> {
        let words = std::iter::once("serve").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.options)
    }

    fn places(line: &str) -> String {
        let places = parse(line).unwrap().places();
        places.iter().map(Place::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn it_listens_on_the_loopback_address_unless_told_otherwise() {
        assert_eq!(places(""), "127.0.0.1:11211");
        assert_eq!(places("-p 5"), "127.0.0.1:5");
        assert_eq!(places("-l 127.0.0.2,[::1]:7 -p 5"), "127.0.0.2:5 [::1]:7");
        assert_eq!(places("-s /tmp/a"), "/tmp/a");
        assert!(parse("-s /tmp/a -p 5").is_err() && parse("-l elsewhere").is_err());
    }

    #[test]
    fn memcacheds_flags_are_those_of_the_cache() {
        let options = parse("-m 8 -I 2m -c 7 -t 3 -M -C -f 1.5 -n 64 -F -A").unwrap();
        let (config, settings) = (options.config(), options.settings());
        assert_eq!((config.bytes, config.page, config.smallest), (8 << 20, 2 << 20, 64));
        assert_eq!(
            (config.growth, config.cas, config.max_value),
            (1.5, false, (2 << 20) - OVERHEAD)
        );
        assert_eq!((settings.connections, settings.threads), (7, 3));
        assert_eq!(
            (settings.eviction.as_str(), settings.flushes, settings.shuts_down),
            ("none", false, true)
        );
        assert!(options.service().is_ok());
        assert!(parse("-M --eviction clock").is_err());
    }

    #[test]
    fn the_protocol_is_that_of_the_first_byte_unless_told_otherwise() {
        let protocol = |line: &str| parse(line).unwrap().settings().protocol;
        assert_eq!(protocol(""), Protocol::Auto);
        assert_eq!(protocol("-B auto"), Protocol::Auto);
        assert_eq!(protocol("-B ascii"), Protocol::Ascii);
        assert_eq!(protocol("-B binary"), Protocol::Binary);
        assert!(parse("-B udp").is_err());
    }

    #[test]
    fn every_size_of_items_makes_a_cache() {
        for item in ["1k", "1024", "512k", "1m", "1048577", "3m", "4m"] {
            let options = parse(&format!("-I {item} -m 64")).unwrap();
            assert!(options.service().is_ok(), "{item}");
        }
        for item in ["0", "1", "5m", "x", "", "k", "99999999999999999999m"] {
            assert!(parse(&format!("-I {item}")).is_err(), "{item}");
        }
    }

    #[test]
    fn further_options() {
        let policy = |line: &str| parse(line).unwrap().policy();
        assert_eq!(policy(""), Policy { idle: None, rejects: true });
        let expected = Policy { idle: Some(Duration::from_secs(3)), rejects: false };
        assert_eq!(policy("-o idle_timeout=3,no_maxconns_fast"), expected);
        for wrong in ["idle_timeout=0", "idle_timeout", "maxconns_fast=", "modern"] {
            assert!(parse(&format!("-o {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_store_is_there_with_every_policy_that_it_has() {
        for store in caches::stores() {
            for eviction in caches::evictions_of(store) {
                let make = caches::named(store, eviction).expect("its name is there");
                assert!(make(&Config::of(8 << 20)).is_ok());
                let line = format!("--store {store} --eviction {eviction}");
                assert_eq!(parse(&line).unwrap().check(), Ok(()));
            }
        }
        assert_eq!(caches::evictions_of("memc3"), caches::evictions());
        assert!(caches::named("memc3", "no-such").is_none());
        let refused = parse("--store over-map-epoch -M").unwrap().check().unwrap_err();
        let expected = "the store over-map-epoch has the policies clock and lru-list, and not none";
        assert_eq!(refused, expected);
    }
}
