//! What a server says of itself.

use std::fmt::Display;
use std::sync::atomic::Ordering;

use nix::sys::resource::{UsageWho, getrusage};

use super::reply::say;
use crate::service::{Desk, Service};
use crate::tally::ServerCount;

/// The version of memcached whose protocol this is, and then our own: one word, as clients read it.
pub(super) const VERSION: &str = concat!("VERSION 1.6.18+bench.", env!("CARGO_PKG_VERSION"));

fn say_stat(out: &mut Vec<u8>, name: &str, value: impl Display) {
    say(out, &format!("STAT {name} {value}"));
}

/// Answers `stats`; of what it does not know it says so.
pub(super) fn say_stats(of: Option<&[u8]>, desk: &Desk<'_>, out: &mut Vec<u8>) {
    match of {
        None => general(desk.service, out),
        Some(b"settings") => settings(desk.service, out),
        Some(b"reset") => {
            desk.service.reset();
            return say(out, "RESET");
        }
        // Size classes come and go here: nothing is told of them.
        Some(b"items" | b"slabs" | b"sizes" | b"cachedump") => {}
        Some(_) => return say(out, "ERROR"),
    }
    say(out, "END");
}

fn general(service: &Service, out: &mut Vec<u8>) {
    let settings = &service.settings;
    let cache = service.cache().stats();
    // Relaxed: numbers that nothing hangs on.
    let current = service.current.load(Ordering::Relaxed);
    let accepted = service.accepted.load(Ordering::Relaxed);
    let rejected = service.rejected.load(Ordering::Relaxed);
    say_stat(out, "pid", std::process::id());
    say_stat(out, "uptime", service.uptime().as_secs());
    say_stat(out, "time", service.wall());
    say_stat(out, "version", VERSION.trim_start_matches("VERSION "));
    say_stat(out, "pointer_size", usize::BITS);
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        for (name, time) in
            [("rusage_user", usage.user_time()), ("rusage_system", usage.system_time())]
        {
            say_stat(out, name, format_args!("{}.{:06}", time.tv_sec(), time.tv_usec()));
        }
    }
    say_stat(out, "max_connections", settings.connections);
    say_stat(out, "curr_connections", current);
    say_stat(out, "total_connections", accepted);
    say_stat(out, "rejected_connections", rejected);
    for (count, name) in ServerCount::ALL {
        say_stat(out, name, service.count(count));
    }
    say_stat(out, "limit_maxbytes", settings.bytes);
    say_stat(out, "threads", settings.threads);
    say_stat(out, "bytes", cache.item_bytes);
    say_stat(out, "curr_items", cache.items);
    say_stat(out, "evictions", cache.evictions);
    say_stat(out, "reclaimed", cache.expired);
    say_stat(out, "slabs_moved", cache.pages_moved);
    say_stat(out, "hash_bytes", cache.index_bytes);
    say_stat(out, "metadata_bytes", cache.metadata_bytes);
    say_stat(out, "transit_bytes", service.transit.bytes());
}

fn settings(service: &Service, out: &mut Vec<u8>) {
    let settings = &service.settings;
    let yes = |is_so| if is_so { "yes" } else { "no" };
    say_stat(out, "maxbytes", settings.bytes);
    say_stat(out, "maxconns", settings.connections);
    say_stat(out, "evictions", if settings.eviction == "none" { "off" } else { "on" });
    say_stat(out, "num_threads", settings.threads);
    say_stat(out, "item_size_max", settings.max_value);
    say_stat(out, "flush_enabled", yes(settings.flushes));
    say_stat(out, "shutdown_command", yes(settings.shuts_down));
    say_stat(out, "store", &settings.store);
    say_stat(out, "eviction", &settings.eviction);
    say_stat(out, "reply", if settings.writes_each { "each" } else { "batched" });
    say_stat(out, "transit", settings.transit);
}
