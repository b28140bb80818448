//! The replies to `stats`: what this server has counted, and how it is set.

use std::fmt::Display;
use std::sync::atomic::Ordering;

use nix::sys::resource::{UsageWho, getrusage};

use super::reply::say;
use crate::service::{Desk, Service};
use crate::tally::ServerCount;

/// The version of memcached whose protocol this is, and then our own: one word, as clients read it.
pub(super) const VERSION: &str = concat!("VERSION 1.6.18+bench.", env!("CARGO_PKG_VERSION"));

/// Is told a statistic: its name, and its value.
type Tell<'t> = &'t mut dyn FnMut(&str, &dyn Display);

/// What is left to say when all is told that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatsEnd {
    /// That this was all.
    All,
    /// That counts begin at 0 again.
    Reset,
    /// That there are no such statistics.
    Unknown,
}

/// Tells statistics of one kind, or the general ones, of which there is a reset.
pub(super) fn tell_stats(of: Option<&[u8]>, desk: &Desk<'_>, tell: Tell<'_>) -> StatsEnd {
    match of {
        None => general(desk.service, tell),
        Some(b"settings") => settings(desk.service, tell),
        Some(b"reset") => {
            desk.service.reset();
            return StatsEnd::Reset;
        }
        // Size classes come and go here: nothing is told of them.
        Some(b"items" | b"slabs" | b"sizes" | b"cachedump") => {}
        Some(_) => return StatsEnd::Unknown,
    }
    StatsEnd::All
}

/// Answers `stats`; of what it does not know it says so.
pub(super) fn say_stats(of: Option<&[u8]>, desk: &Desk<'_>, out: &mut Vec<u8>) {
    let end = tell_stats(of, desk, &mut |name, value| say(out, &format!("STAT {name} {value}")));
    let words = match end {
        StatsEnd::All => "END",
        StatsEnd::Reset => "RESET",
        StatsEnd::Unknown => "ERROR",
    };
    say(out, words);
}

fn general(service: &Service, tell: Tell<'_>) {
    let settings = &service.settings;
    let cache = service.cache().stats();
    // Relaxed: numbers that nothing hangs on.
    let current = service.current.load(Ordering::Relaxed);
    let accepted = service.accepted.load(Ordering::Relaxed);
    let rejected = service.rejected.load(Ordering::Relaxed);
    tell("pid", &std::process::id());
    tell("uptime", &service.uptime());
    tell("time", &service.wall());
    tell("version", &VERSION.trim_start_matches("VERSION "));
    tell("pointer_size", &usize::BITS);
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        for (name, time) in
            [("rusage_user", usage.user_time()), ("rusage_system", usage.system_time())]
        {
            tell(name, &format_args!("{}.{:06}", time.tv_sec(), time.tv_usec()));
        }
    }
    tell("max_connections", &settings.connections);
    tell("curr_connections", &current);
    tell("total_connections", &accepted);
    tell("rejected_connections", &rejected);
    for (count, name) in ServerCount::ALL {
        tell(name, &service.count(count));
    }
    tell("limit_maxbytes", &settings.bytes);
    tell("threads", &settings.threads);
    tell("bytes", &cache.item_bytes);
    tell("curr_items", &cache.items);
    tell("evictions", &cache.evictions);
    tell("reclaimed", &cache.expired);
    tell("slabs_moved", &cache.pages_moved);
    tell("hash_bytes", &cache.index_bytes);
    tell("metadata_bytes", &cache.metadata_bytes);
    tell("transit_bytes", &service.transit.bytes());
}

fn settings(service: &Service, tell: Tell<'_>) {
    let settings = &service.settings;
    let yes = |is_so| if is_so { "yes" } else { "no" };
    tell("maxbytes", &settings.bytes);
    tell("maxconns", &settings.connections);
    tell("evictions", &if settings.eviction == "none" { "off" } else { "on" });
    tell("num_threads", &settings.threads);
    tell("item_size_max", &settings.max_value);
    tell("cas_enabled", &yes(service.has_cas()));
    tell("binding_protocol", &settings.protocol.name());
    tell("flush_enabled", &yes(settings.flushes));
    tell("shutdown_command", &yes(settings.shuts_down));
    tell("store", &settings.store);
    tell("eviction", &settings.eviction);
    tell("reply", &if settings.writes_each { "each" } else { "batched" });
    tell("transit", &settings.transit);
}
