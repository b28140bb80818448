//! `[server]`: the servers to measure, instead of tables. The grids say how requests are sent to them.

use trials::server::{KEY_BYTES, LEAST_VALUE_BYTES, Pattern, parts_of};

use super::cache::{CachePlan, listed, refuse};
use super::error::Problem;
use super::known::OF_SERVERS;
use super::value::{SERVER, Section, VALUE_BYTES, mismatch};
use crate::case::Case;
use crate::programs::catalogue::{Catalogue, StructureEntry};
use crate::workload::Length;

/// The most event loops of a server.
const MOST_LOOPS: usize = 1024;
/// Bytes of a value, if the grid does not say: those of MemC3's evaluation.
const VALUE: Length = Length::Bytes(32);

/// Keys of the file that say something of tables or caches alone.
const NOT_AT_THE_TOP: [&str; 6] = ["prefill", "series", "space", "aggregate", "turns", "mix"];
/// Keys of a grid, likewise.
const NOT_IN_A_GRID: [&str; 18] = [
    "structure",
    "reclaimer",
    "preset",
    "trace",
    "prefill",
    "allocator",
    "batch",
    "pin",
    "huge_pages",
    "reclaim_batch",
    "hasher",
    "hash_seed",
    "key_bytes",
    "fault",
    "distribution",
    "hot_keys",
    "hot_operations",
    "hot_shift",
];

/// The servers of an experiment.
#[derive(Clone, Debug)]
pub(super) struct ServerPlan {
    /// In the order of the file, each once.
    pub(super) servers: Vec<StructureEntry>,
    /// Those that cannot be started here.
    pub(super) left_out: Vec<String>,
}

impl ServerPlan {
    /// What the file at `top` asks for; `None` if it does not, or if something in it is wrong.
    pub(super) fn of(
        top: &Section<'_, '_>,
        catalogue: &Catalogue,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let value = top.get("server")?;
        let Some(table) = value.get_ref().as_table() else {
            problems.push(mismatch("server", value, "a table: `[server]` on a line by itself"));
            return None;
        };
        let before = problems.len();
        let why = "a server's trials are of throughput, and with `[latency]` of latency";
        refuse(top, (&NOT_AT_THE_TOP, "[server]", "servers"), why, problems);
        let section = Section::new("[server]", value.span(), table, SERVER, problems);
        if section.get("subject").is_none() {
            problems.push(Problem {
                span: section.lack.clone(),
                message: "`[server]` has no `subject`".to_owned(),
                help: "add `subject = [\"memc3/clock\", \"memcached\"]`: which servers".to_owned(),
            });
        }
        let known: Vec<&str> = catalogue.servers.iter().map(String::as_str).collect();
        let names = listed(&section, "subject", &known, problems);
        let (absent, there): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| catalogue.why_no_server.contains_key(name));
        let why = |name: &String| format!("{name}: {}", catalogue.why_no_server[name]);
        let left_out: Vec<String> = absent.iter().map(why).collect();
        if there.is_empty() && !left_out.is_empty() {
            problems.push(Problem {
                span: section.span.clone(),
                message: "`[server]` has no server that can be started".to_owned(),
                help: left_out.join("; "),
            });
        }
        let servers = there.into_iter().map(entry).collect();
        (problems.len() == before).then_some(Self { servers, left_out })
    }

    /// Complains about what a grid says that servers do not heed, or a load cannot do.
    pub(super) fn check(grid: &Section<'_, '_>, problems: &mut Vec<Problem>) {
        let why = "the axes of servers are `threads` (event loops), `reads`, `keys`, `zipf`, \
                   `value_bytes`, `pattern`, `depth`, `connections`, `transport`, `mib` and `look_aside`";
        refuse(grid, (&NOT_IN_A_GRID, "[server]", "servers"), why, problems);
        // What is no length is a problem where the axis is read.
        let lengths = grid.many("value_bytes", &VALUE_BYTES, &mut Vec::new()).unwrap_or_default();
        let fits = |length: &Length| match length {
            Length::Bytes(bytes) => *bytes >= LEAST_VALUE_BYTES,
            Length::Etc => false,
        };
        if let Some(length) = lengths.iter().find(|length| !fits(length.get_ref())) {
            problems.push(Problem {
                span: length.span(),
                message: format!("`value_bytes` is {} of a server", length.get_ref()),
                help: format!("a load checks values of one length, from {LEAST_VALUE_BYTES} up"),
            });
        }
        let patterns = grid.get("pattern").map(|value| value.get_ref());
        let is_set = |value: &toml::de::DeValue<'_>| value.as_str() == Some(Pattern::Set.name());
        let sets = patterns.is_some_and(|value| match value.as_array() {
            Some(list) => list.iter().any(|one| is_set(one.get_ref())),
            None => is_set(value),
        });
        if let (true, Some(reads)) = (sets, grid.get("reads")) {
            problems.push(Problem {
                span: reads.span(),
                message: "`reads` is set where a `pattern` is set, which reads nothing".to_owned(),
                help: "list `pattern = \"set\"` in a grid of its own, without `reads`".to_owned(),
            });
        }
    }

    /// Complains about keys of servers in a grid of a file without any.
    pub(super) fn refuse_without(grid: &Section<'_, '_>, problems: &mut Vec<Problem>) {
        for key in OF_SERVERS {
            if let Some(value) = grid.get(key) {
                problems.push(Problem {
                    span: value.span(),
                    message: format!("`{key}` is set, and the file has no `[server]`"),
                    help: "tables and caches are not asked by a load: leave it out".to_owned(),
                });
            }
        }
    }

    /// A case as one of a server.
    pub(super) fn applied(mut case: Case) -> Case {
        let load = *case.server.get_or_insert_default();
        case.prefill = 0;
        case.key_bytes = Some(Length::Bytes(KEY_BYTES));
        case.value_bytes = case.value_bytes.or(Some(VALUE));
        if load.pattern == Pattern::Set {
            case.mix = CachePlan::MIX.mix(0.0);
        }
        case
    }
}

/// One that can be listed.
fn entry(name: String) -> StructureEntry {
    let none = vec!["none".to_owned()];
    let ours = parts_of(&name).is_some();
    StructureEntry {
        name,
        reclaimers: none.clone(),
        bytes: none,
        // memcached warns of more than 64, and takes them.
        max_threads: ours.then_some(MOST_LOOPS),
        ..StructureEntry::default()
    }
}
