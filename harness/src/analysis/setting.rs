//! What a table or a figure holds fixed: everything of a workload but threads, reads and skew.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use trials::parameters::{PARAMETERS, Parameter, in_units, parameter};

use crate::case::{Case, Mix, SEQUENTIAL, is_control};
use crate::rows::Row;
use crate::workload::Distribution;

/// Parameters that rows shown side by side may differ in: each has its own place in a table or figure.
const SHOWN: [&str; 10] = [
    "structure",
    "reclaimer",
    "threads",
    "reads",
    "inserts",
    "removes",
    "updates",
    "upserts",
    "zipf",
    "twin",
];

/// By what settings are sorted first; the other parameters follow in the order of their list.
const FIRST: [&str; 8] =
    ["keys", "prefill", "preset", "trace", "trace_sha256", "distribution", "capacity", WRITES];

/// What tells settings apart in names of files first, likewise.
const TELLING: [&str; 16] = [
    "pattern",
    "depth",
    "transport",
    "connections",
    "mib",
    "look_aside",
    "preset",
    "trace",
    "keys",
    "prefill",
    "capacity",
    "distribution",
    WRITES,
    "hash_seed",
    "allocator",
    "pin",
];

/// Stands for the shares of inserts, removes, updates and upserts among what writes.
pub(crate) const WRITES: &str = "writes";

/// The parameters that rows shown side by side must share: all of [`PARAMETERS`] but those that are
/// shown with each row, and what their writes are.
#[derive(Clone, Debug)]
pub struct Setting {
    /// A case that has the parameters; those of [`SHOWN`] are those of no case.
    case: Case,
    /// Inserts, removes, updates and upserts in thousandths of the operations that write; `None`
    /// where none does.
    writes: Option<[u32; 4]>,
    /// What it is sorted by, which says all of it.
    key: Vec<Key>,
}

/// A parameter's value as what is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Value(u64, String),
    Writes(Option<[u32; 4]>),
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Setting {}

impl PartialOrd for Setting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Setting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// The names of what a setting holds, those of `first` first.
fn names(first: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    let rest = PARAMETERS.iter().map(|parameter| parameter.name);
    let rest = rest.filter(move |name| !first.contains(name) && !SHOWN.contains(name));
    first.iter().copied().chain(rest)
}

/// Rows of one setting.
#[derive(Clone, Debug)]
pub struct Group {
    /// The setting.
    pub setting: Setting,
    /// What tells it from the other groups, fit for a file name; empty if there is only one.
    pub label: String,
    /// Its rows, in their order.
    pub rows: Vec<Row>,
}

impl Setting {
    /// The setting of one case.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let Mix { inserts, removes, updates, upserts, .. } = case.mix;
        let writes = inserts + removes + updates + upserts;
        let share = |percent: f64| (percent / writes * 1000.0).round() as u32;
        let shares = || [inserts, removes, updates, upserts].map(share);
        Self::new(case.clone(), (writes > 0.0).then(shares))
    }

    fn new(mut case: Case, writes: Option<[u32; 4]>) -> Self {
        // A trace's requests are on its own keys, and how many they are follows from which it is.
        if case.trace.is_some() {
            case.distribution = Distribution::Ranked;
        }
        for name in SHOWN {
            let cleared =
                (parameter(name).set)(&mut case, if name == "twin" { "false" } else { "0" });
            assert!(cleared.is_some(), "{name} can be cleared");
        }
        let key = names(&FIRST).map(|name| match name {
            WRITES => Key::Writes(writes),
            // One by rank is the plainest.
            "distribution" => Key::Value(0, case.special_distribution().unwrap_or_default()),
            name => {
                let value = (parameter(name).get)(&case);
                let (place, text) = value.order();
                Key::Value(place, text.to_owned())
            }
        });
        let key = key.collect();
        Self { case, writes, key }
    }

    /// The same whatever these parameters are, where they are what differs.
    #[must_use]
    pub fn whatever(&self, names: &[&str]) -> Self {
        let mut case = self.case.clone();
        for name in names {
            let Parameter { set, default, .. } = parameter(name);
            assert!(set(&mut case, default.unwrap_or("0")).is_some(), "{name} has a default");
        }
        Self::new(case, self.writes)
    }

    /// Size of the key range.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.case.keys
    }

    /// The workload's name; empty if it has none.
    #[must_use]
    pub fn preset(&self) -> &str {
        &self.case.preset
    }

    /// The name of the distribution of keys, where it is more than a skew, and no trace.
    #[must_use]
    pub fn distribution(&self) -> Option<&'static str> {
        self.case.special_distribution().map(|_| self.case.distribution_name())
    }

    /// Whether nothing in it changes what an operation, a table or the process is.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let special = |parameter: &&Parameter| match parameter.said {
            // A preset is a name for what other parameters say.
            Some(said) => parameter.name != "preset" && (said.short)(&self.case).is_some(),
            None => false,
        };
        !PARAMETERS.iter().any(|parameter| special(&parameter))
    }

    /// For a caption.
    #[must_use]
    pub fn in_words(&self) -> String {
        let Case { keys, prefill, .. } = self.case;
        let filled = match self.case.server {
            Some(_) => "all stored first".to_owned(),
            None => format!("{prefill} prefilled"),
        };
        format!("{keys} keys ({}), {filled}, {}", self.case.key_type(), self.rest())
    }

    /// For a caption, where the number of keys is what differs.
    #[must_use]
    pub fn in_words_without_keys(&self) -> String {
        format!("Keys are {}, {}", self.case.key_type(), self.rest())
    }

    fn rest(&self) -> String {
        let Case { hash_seed, allocator, pin, .. } = &self.case;
        let values = match (parameter("value_bytes").get)(&self.case).to_string() {
            bytes if bytes.parse::<u64>().is_ok() => format!("values of {bytes}\u{a0}B"),
            like => format!("values as long as {like}'s"),
        };
        let writes = self.writes.map_or(String::new(), |shares| {
            let shares = written(shares, |share, verb| format!("{share}\u{a0}% {verb}"));
            format!("; of the writes, {}", shares.join(", "))
        });
        let pin = if *pin { "bound to CPUs" } else { "not bound to CPUs" };
        // A server has its own.
        let own = match self.case.server {
            Some(_) => String::new(),
            None => format!("hash seed {hash_seed}, allocator {allocator}, "),
        };
        let special = special(&self.case);
        format!(
            "{values}{writes}; {own}threads {pin}{}",
            special.map(|words| format!("; {words}")).collect::<String>()
        )
    }

    /// Whether rows of this setting can be shown among those of `other`: only what is written may
    /// be missing.
    fn suits(&self, other: &Self) -> bool {
        self == other || self.writes.is_none() && *self == Self::new(other.case.clone(), None)
    }

    /// Each parameter, most telling first, fit for a file name.
    fn labels(&self) -> Vec<String> {
        names(&TELLING).map(|name| self.label(name)).collect()
    }

    /// The value of a parameter, fit for a file name: with what it is where the value alone does not say it.
    fn label(&self, name: &str) -> String {
        let case = &self.case;
        let value = match name {
            WRITES => String::new(),
            name => (parameter(name).get)(case).to_string(),
        };
        let or = |value: &str, none: &str| if value.is_empty() { none } else { value }.to_owned();
        let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        match name {
            WRITES => self.writes.map_or("reads-only".to_owned(), |shares| {
                written(shares, |share, verb| format!("{verb}{share}")).join("-")
            }),
            "preset" => or(&value, "no-preset"),
            "trace" => case
                .trace
                .as_ref()
                .map_or("no-trace".to_owned(), |id| plain(&format!("{} ({})", id.name, id.sha256))),
            "capacity" if case.capacity.is_none() => "own-capacity".to_owned(),
            "distribution" => distribution_label(case.special_distribution().as_deref()),
            "hash_seed" => format!("seed{value}"),
            "cache_bytes" => case.cache.map_or("no-cache".to_owned(), |load| {
                format!("cache{}", in_units(load.bytes).replace(' ', ""))
            }),
            "pattern" | "transport" => or(&value, "no-server"),
            "look_aside" => match value.as_str() {
                "true" => "look-aside".to_owned(),
                "false" => "no-stores-of-misses".to_owned(),
                _ => "no-server".to_owned(),
            },
            "pin" => if case.pin { "pinned" } else { "unpinned" }.to_owned(),
            "key_bytes" => format!("key{value}"),
            "value_bytes" => format!("value{value}"),
            "huge_pages" => if case.huge_pages { "huge-pages" } else { "base-pages" }.to_owned(),
            "reclaim_batch" if case.reclaim_batch.is_none() => "own-batch".to_owned(),
            "ops_per_pin" => format!("pin{value}"),
            "fault" if case.fault.is_none() => "no-fault".to_owned(),
            "fault" | "hasher" | "allocator" | "key_type" => match name {
                "fault" | "hasher" => value,
                _ => plain(&value),
            },
            name => format!("{}{value}", name.replace('_', "-")),
        }
    }
}

impl Setting {
    /// The value of a parameter, in words for a title.
    fn words(&self, name: &str) -> String {
        let value = match name {
            WRITES => String::new(),
            name => (parameter(name).get)(&self.case).to_string(),
        };
        match name {
            "keys" => format!("{value} keys"),
            "prefill" => format!("{value} prefilled"),
            "hash_seed" => format!("hash seed {value}"),
            "cache_bytes" if self.case.cache.is_some() => {
                value.parse().map_or(value, |bytes| format!("caches of {}", in_units(bytes)))
            }
            "reclaim_batch" if !value.is_empty() => format!("batch {value}"),
            "depth" if !value.is_empty() => format!("depth {value}"),
            "connections" if !value.is_empty() => format!("{value} connections"),
            "mib" if !value.is_empty() => format!("{value} MiB"),
            "look_aside" if !value.is_empty() => match value.as_str() {
                "true" => "misses are stored".to_owned(),
                _ => "misses are not stored".to_owned(),
            },
            WRITES => self.writes.map_or("reads only".to_owned(), |shares| {
                written(shares, |share, verb| format!("{share}\u{a0}% {verb}")).join(", ")
            }),
            name => self.label(name).replace('_', "-"),
        }
    }
}

/// What captions say last: which workload it is, after what the table and the process are.
const LAST: [&str; 4] = ["distribution", "capacity", "preset", "trace"];

/// What is special in a case, in words for a caption.
pub(crate) fn special(case: &Case) -> impl Iterator<Item = String> + '_ {
    let first = PARAMETERS.iter().filter(|parameter| !LAST.contains(&parameter.name));
    let all = first.chain(LAST.map(parameter));
    all.filter_map(|parameter| (parameter.said?.caption)(case))
}

/// A distribution's name and numbers, fit for a file name.
fn distribution_label(distribution: Option<&str>) -> String {
    let Some(distribution) = distribution else { return "by-rank".to_owned() };
    let (name, rest) = distribution.split_once(" (").unwrap_or((distribution, ""));
    let numbers = rest.split([' ', ',', ')']).filter(|word| word.parse::<f64>().is_ok());
    let words: Vec<&str> = std::iter::once(name).chain(numbers).collect();
    words.join("-").replace('.', "_")
}

fn written(shares: [u32; 4], show: impl Fn(f64, &str) -> String) -> Vec<String> {
    let verbs = ["inserts", "removes", "updates", "upserts"];
    let named = shares.into_iter().zip(verbs).filter(|(share, _)| *share > 0);
    named.map(|(share, verb)| show(f64::from(share) / 10.0, verb)).collect()
}

/// What of a row's setting tells groups apart.
type Of<'a> = &'a dyn Fn(&Row) -> Setting;

/// The setting that a control's row is shown in beside tables of `setting`: a control has no pages
/// to ask for and nothing to reclaim, and `sequential` has no room for a fault's thread.
fn lent(row: &Row, setting: &Setting, of: Of<'_>) -> Setting {
    let own = of(row);
    if !is_control(&row.structure) {
        return own;
    }
    let fault = if row.structure == SEQUENTIAL { setting.case.fault } else { own.case.fault };
    let Case { huge_pages, reclaim_batch, .. } = setting.case;
    Setting::new(Case { huge_pages, reclaim_batch, fault, ..own.case }, own.writes)
}

/// The groups of `rows`, ordered by setting. Rows that only read suit every mix of writes, and
/// controls what they cannot have themselves; so they are in each group that otherwise shares
/// their setting.
#[must_use]
pub fn split(rows: &[Row]) -> Vec<Group> {
    split_by(rows, &|row| Setting::of(row))
}

/// [`split`] by what `of` keeps of a row's setting: what it makes equal is in one group.
pub(crate) fn split_by(rows: &[Row], of: Of<'_>) -> Vec<Group> {
    let settings = settings(rows, of);
    let labels = distinct_labels(&settings);
    settings
        .into_iter()
        .zip(labels)
        .map(|(setting, label)| {
            let fits = |row: &&Row| lent(row, &setting, of).suits(&setting);
            let rows = rows.iter().filter(fits).cloned().collect();
            Group { setting, label, rows }
        })
        .collect()
}

/// The settings of `rows` but those whose rows are all shown in the group of another.
fn settings(rows: &[Row], of: Of<'_>) -> BTreeSet<Setting> {
    let mut settings: BTreeSet<Setting> = rows.iter().map(of).collect();
    let joins: BTreeSet<Setting> = settings
        .iter()
        .filter(|setting| setting.writes.is_some())
        .map(|setting| Setting::new(setting.case.clone(), None))
        .collect();
    settings.retain(|setting| !joins.contains(setting));
    let (controls, tables): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| is_control(&row.structure));
    let tables: BTreeSet<Setting> = tables.into_iter().map(of).collect();
    let is_shown = |row: &&&Row| tables.iter().any(|setting| lent(row, setting, of).suits(setting));
    let alone: BTreeSet<Setting> =
        controls.iter().filter(|row| !is_shown(row)).map(|row| of(row)).collect();
    // What only controls have is no setting of its own if they are shown beside some table.
    settings.retain(|setting| tables.iter().chain(&alone).any(|own| own.suits(setting)));
    settings
}

/// For each setting the parameters that vary among the settings equal to it in all parameters
/// before: the shortest names that tell every two apart, and say nothing that follows.
fn distinct_labels(settings: &BTreeSet<Setting>) -> Vec<String> {
    let all: Vec<_> = settings.iter().map(Setting::labels).collect();
    let told = told(&all);
    all.iter()
        .map(|labels| told.iter().map(|&i| labels[i].as_str()).collect::<Vec<_>>().join("-"))
        .collect()
}

/// The places of what varies among labels that are equal in all before.
pub(crate) fn told(all: &[Vec<String>]) -> Vec<usize> {
    let parameters = all.first().map_or(0, Vec::len);
    (0..parameters)
        .filter(|&i| {
            let mut seen = BTreeMap::new();
            all.iter().any(|labels| *seen.entry(&labels[..i]).or_insert(&labels[i]) != &labels[i])
        })
        .collect()
}

/// What all of `groups` hold fixed, for a caption.
#[must_use]
pub fn in_common(groups: &[Group]) -> String {
    let all: Vec<String> = groups.iter().map(|group| group.setting.in_words()).collect();
    let Some((first, rest)) = all.split_first() else { return String::new() };
    if rest.is_empty() {
        return first.clone();
    }
    // Two of its clauses are lists. What is said of the writes is one part, whatever it lists.
    let of_clause = |(i, clause): (usize, &str)| -> Vec<String> {
        match i == 0 || clause.ends_with("to CPUs") {
            true => clause.split(", ").map(str::to_owned).collect(),
            false => vec![clause.to_owned()],
        }
    };
    let parts = |words: &str| -> Vec<String> {
        words.split("; ").enumerate().flat_map(of_clause).collect()
    };
    let rest: Vec<Vec<String>> = rest.iter().map(|words| parts(words)).collect();
    let mut common = parts(first);
    common.retain(|part| rest.iter().all(|other| other.contains(part)));
    let has_lists = common.iter().any(|part| part.contains(", "));
    common.join(if has_lists { "; " } else { ", " })
}

/// The names of the parameters that tell `groups` from each other.
#[must_use]
pub fn names_that_differ(groups: &[Group]) -> Vec<&'static str> {
    let all: Vec<_> = groups.iter().map(|group| group.setting.labels()).collect();
    let names: Vec<&str> = names(&TELLING).collect();
    told(&all).into_iter().map(|i| names[i]).collect()
}

/// What tells each of `groups` from the others, as words for a title: equally many of each, in one order.
#[must_use]
pub fn parts_that_differ(groups: &[Group]) -> Vec<Vec<String>> {
    let all: Vec<_> = groups.iter().map(|group| group.setting.labels()).collect();
    let names: Vec<&str> = names(&TELLING).collect();
    let told = told(&all);
    let words = |group: &Group| told.iter().map(|&i| group.setting.words(names[i])).collect();
    groups.iter().map(words).collect()
}

#[cfg(test)]
mod tests;
