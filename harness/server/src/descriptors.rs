//! Descriptors: how many files and sockets this process may have open at a time.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Those that are no connection's, beside two of each event loop: the standard streams, listeners, and what a library
/// opens.
const OTHERS: u64 = 16;

/// Lets this process have so many connections open, served by so many event loops, as far as it may; how many it may
/// then. Its soft limit is raised as far as its hard limit, which stays.
pub fn allow(connections: u64, loops: u64) -> u64 {
    let others = OTHERS + 2 * loops;
    let wanted = connections + others;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return connections };
    if soft >= wanted {
        return connections;
    }
    let most = wanted.min(hard);
    let raised = most > soft && setrlimit(Resource::RLIMIT_NOFILE, most, hard).is_ok();
    let allowed = if raised { most } else { soft };
    connections.min(allowed.saturating_sub(others).max(1))
}

/// What is said if these are fewer than were asked for by a flag.
pub fn too_few(flag: &str, asked: u64, allowed: u64) -> Option<String> {
    let words =
        || format!("{flag} {asked}: this process may have about {allowed}, see `ulimit -Hn`");
    (allowed < asked).then(words)
}
