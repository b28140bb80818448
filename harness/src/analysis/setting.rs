//! What a table or a figure holds fixed: everything of a workload but threads, reads and skew.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{SEQUENTIAL, SYSTEM, is_control};
use crate::fault::Fault;
use crate::hashers::Hashing;
use crate::rows::Row;
use crate::workload::HotSet;

/// The parameters that rows shown side by side must share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// Size of the key range.
    pub keys: u64,
    /// Keys present at the start.
    pub prefill: u64,
    /// The workload's name; empty if it has none.
    pub preset: String,
    /// The trace that was replayed, with its fingerprint; else empty.
    pub trace: String,
    /// The distribution of keys, where it is more than a skew; else empty.
    pub distribution: String,
    /// Entries that the table was made for, if not for the prefill.
    pub capacity: Option<u64>,
    /// Inserts, removes, updates and upserts in thousandths of the operations that write; `None`
    /// where none does.
    pub writes: Option<[u32; 4]>,
    /// Seed of the table's hasher.
    pub hash_seed: u64,
    /// The allocator.
    pub allocator: String,
    /// Whether threads were bound to CPUs.
    pub pin: bool,
    /// The keys' type.
    pub key_type: String,
    /// Bytes of a key.
    pub key_bytes: String,
    /// Bytes of a value.
    pub value_bytes: String,
    /// What turned keys into hashes.
    pub hasher: Hashing,
    /// Lookups issued as one `get_many`.
    pub batch: usize,
    /// Whether tables asked for huge pages.
    pub huge_pages: bool,
    /// The batch that reclaimers were given.
    pub reclaim_batch: Option<usize>,
    /// Operations for which a worker pinned once.
    pub ops_per_pin: usize,
    /// What went wrong on purpose.
    pub fault: Fault,
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
    /// The setting of one row.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let writes = row.inserts + row.removes + row.updates + row.upserts;
        let share = |percent: f64| (percent / writes * 1000.0).round() as u32;
        Self {
            keys: row.keys,
            prefill: row.prefill,
            preset: row.preset.clone(),
            trace: trace_of(row),
            distribution: distribution_of(row),
            capacity: row.capacity,
            writes: (writes > 0.0)
                .then(|| [row.inserts, row.removes, row.updates, row.upserts].map(share)),
            hash_seed: row.hash_seed,
            allocator: row.allocator.clone(),
            pin: row.pin,
            key_type: row.key_type.clone(),
            key_bytes: row.key_bytes.clone(),
            value_bytes: row.value_bytes.clone(),
            hasher: row.hasher,
            batch: row.batch,
            huge_pages: row.huge_pages,
            reclaim_batch: row.reclaim_batch,
            ops_per_pin: row.ops_per_pin,
            fault: row.fault,
        }
    }

    /// Whether nothing in it changes what an operation, a table or the process is.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let Self { batch, huge_pages, reclaim_batch, ops_per_pin, fault, allocator, .. } = self;
        if !self.distribution.is_empty() || self.capacity.is_some() {
            return false;
        }
        if self.key_type != "u64" || !self.hasher.is_default() || !self.trace.is_empty() {
            return false;
        }
        let table = *batch == 1 && !huge_pages && reclaim_batch.is_none() && *ops_per_pin == 1;
        table && fault.is_none() && allocator == SYSTEM
    }

    /// For a caption.
    #[must_use]
    pub fn in_words(&self) -> String {
        let Self { keys, prefill, key_type, .. } = self;
        format!("{keys} keys ({key_type}), {prefill} prefilled, {}", self.rest())
    }

    /// For a caption, where the number of keys is what differs.
    #[must_use]
    pub fn in_words_without_keys(&self) -> String {
        format!("Keys are {}, {}", self.key_type, self.rest())
    }

    fn rest(&self) -> String {
        let Self { value_bytes, hash_seed, allocator, .. } = self;
        let writes = self.writes.map_or(String::new(), |shares| {
            let shares = written(shares, |share, verb| format!("{share}\u{a0}% {verb}"));
            format!("; of the writes, {}", shares.join(", "))
        });
        let pin = if self.pin { "bound to CPUs" } else { "not bound to CPUs" };
        format!(
            "values of {value_bytes}\u{a0}B{writes}; \
             hash seed {hash_seed}, allocator {allocator}, threads {pin}{}",
            self.special()
        )
    }

    /// What is not at its default, each after a semicolon.
    fn special(&self) -> String {
        let mut words = String::new();
        let mut say = |is_so: bool, what: String| {
            if is_so {
                words.push_str("; ");
                words.push_str(&what);
            }
        };
        say(self.key_type != "u64", format!("keys of {} B", self.key_bytes));
        say(!self.hasher.is_default(), format!("hashed by {}", self.hasher));
        say(self.batch > 1, format!("lookups in batches of {}", self.batch));
        say(self.huge_pages, "huge pages asked for".to_owned());
        let batch = self.reclaim_batch.unwrap_or_default();
        say(self.reclaim_batch.is_some(), format!("reclamation in batches of {batch}"));
        say(self.ops_per_pin > 1, format!("{} operations a pin", self.ops_per_pin));
        say(!self.fault.is_none(), format!("fault {}", self.fault));
        say(!self.distribution.is_empty(), format!("keys drawn by {}", self.distribution));
        let capacity = self.capacity.unwrap_or_default();
        say(self.capacity.is_some(), format!("tables made for {capacity} entries"));
        say(!self.preset.is_empty(), format!("preset {}", self.preset));
        say(!self.trace.is_empty(), format!("requests of the trace {}", self.trace));
        words
    }

    /// Whether rows of this setting can be shown among those of `other`: only what is written may
    /// be missing.
    fn suits(&self, other: &Self) -> bool {
        self == other || self.writes.is_none() && *self == Self { writes: None, ..other.clone() }
    }

    /// The distribution's name and numbers, fit for a file name.
    fn distribution_label(&self) -> String {
        let (name, rest) = self.distribution.split_once(" (").unwrap_or((&self.distribution, ""));
        let numbers = rest.split([' ', ',', ')']).filter(|word| word.parse::<f64>().is_ok());
        let words: Vec<&str> = std::iter::once(name).chain(numbers).collect();
        if name.is_empty() { "by-rank".to_owned() } else { words.join("-").replace('.', "_") }
    }

    /// Each parameter, most telling first, fit for a file name.
    fn labels(&self) -> [String; 19] {
        let writes = self.writes.map_or("reads-only".to_owned(), |shares| {
            written(shares, |share, verb| format!("{verb}{share}")).join("-")
        });
        let or = |name: &str, none: &str| if name.is_empty() { none } else { name }.to_owned();
        [
            or(&self.preset, "no-preset"),
            or(&self.trace, "no-trace").replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
            format!("keys{}", self.keys),
            format!("prefill{}", self.prefill),
            self.capacity.map_or("own-capacity".to_owned(), |entries| format!("capacity{entries}")),
            self.distribution_label(),
            writes,
            format!("seed{}", self.hash_seed),
            self.allocator.replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
            if self.pin { "pinned" } else { "unpinned" }.to_owned(),
            self.key_type.replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
            format!("key{}", self.key_bytes),
            format!("value{}", self.value_bytes),
            self.hasher.name().to_owned(),
            format!("batch{}", self.batch),
            if self.huge_pages { "huge-pages" } else { "base-pages" }.to_owned(),
            self.reclaim_batch
                .map_or("own-batch".to_owned(), |batch| format!("reclaim-batch{batch}")),
            format!("pin{}", self.ops_per_pin),
            if self.fault.is_none() { "no-fault" } else { self.fault.name() }.to_owned(),
        ]
    }
}

/// The trace, if there is one.
fn trace_of(row: &Row) -> String {
    if row.trace_sha256.is_empty() {
        return String::new();
    }
    format!("{} ({})", row.trace, row.trace_sha256)
}

/// The distribution of keys, if it is more than a skew, and no trace.
fn distribution_of(row: &Row) -> String {
    if matches!(row.distribution.as_str(), "uniform" | "zipf" | "trace") {
        return String::new();
    }
    let hot = row.hot_keys.zip(row.hot_operations).zip(row.hot_shift);
    let hot = hot.map(|((keys, operations), shift)| HotSet { keys, operations, shift });
    hot.map_or(row.distribution.clone(), |hot| format!("{} ({hot})", row.distribution))
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
    let fault = if row.structure == SEQUENTIAL { setting.fault } else { own.fault };
    let Setting { huge_pages, reclaim_batch, .. } = *setting;
    Setting { huge_pages, reclaim_batch, fault, ..own }
}

/// The groups of `rows`, ordered by setting. Rows that only read suit every mix of writes, and
/// controls what they cannot have themselves; so they are in each group that otherwise shares
/// their setting.
#[must_use]
pub fn split(rows: &[Row]) -> Vec<Group> {
    split_by(rows, &Setting::of)
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
        .map(|setting| Setting { writes: None, ..setting.clone() })
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
    let parameters = all.first().map_or(0, |labels| labels.len());
    let told: Vec<usize> = (0..parameters)
        .filter(|&i| {
            let mut seen = BTreeMap::new();
            all.iter().any(|labels| *seen.entry(&labels[..i]).or_insert(&labels[i]) != &labels[i])
        })
        .collect();
    all.iter()
        .map(|labels| told.iter().map(|&i| labels[i].as_str()).collect::<Vec<_>>().join("-"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rows::{Grid, trial};

    fn labels(rows: &[Row]) -> Vec<String> {
        split(rows).into_iter().map(|group| group.label).collect()
    }

    #[test]
    fn one_setting_needs_no_label() {
        assert_eq!(labels(&Grid::small().rows()), [""]);
        assert!(split(&[]).is_empty());
    }

    #[test]
    fn labels_name_what_varies_and_not_what_follows() {
        // The prefill is half of the keys: it varies, but only with them.
        let rows = Grid { keys: vec![1024, 4096], ..Grid::small() }.rows();
        assert_eq!(labels(&rows), ["keys1024", "keys4096"]);
        let mut row = rows[0].clone();
        row.prefill = 0;
        let rows = [rows, vec![row]].concat();
        assert_eq!(
            labels(&rows),
            ["keys1024-prefill0", "keys1024-prefill512", "keys4096-prefill2048"]
        );
    }

    #[test]
    fn rows_that_only_read_join_every_mix() {
        let balanced = trial("papaya", 1, 0, 1e6);
        let mut updates = balanced.clone();
        (updates.inserts, updates.removes, updates.updates) = (0.0, 0.0, 5.0);
        let mut reads = balanced.clone();
        (reads.reads, reads.inserts, reads.removes) = (100.0, 0.0, 0.0);
        let groups = split(&[balanced, updates, reads.clone()]);
        let found: Vec<_> = groups.iter().map(|g| (g.label.as_str(), g.rows.len())).collect();
        assert_eq!(found, [("updates100", 2), ("inserts50-removes50", 2)]);
        let alone = split(&[reads]);
        assert_eq!((alone.len(), alone[0].rows.len()), (1, 1));
    }

    #[test]
    fn batches_and_huge_pages_are_settings_of_their_own() {
        let plain = trial("cuckoo-optimistic", 1, 0, 1e6);
        let batched = Row { batch: 16, ..plain.clone() };
        let huge = Row { huge_pages: true, ..plain.clone() };
        let both = [plain.clone(), batched.clone()];
        assert_eq!(labels(&both), ["batch1", "batch16"]);
        assert_eq!(labels(&[plain.clone(), huge.clone()]), ["base-pages", "huge-pages"]);
        let words = |row| Setting::of(row).in_words();
        assert!(words(&batched).contains("lookups in batches of 16"), "{}", words(&batched));
        assert!(words(&huge).contains("huge pages asked for"), "{}", words(&huge));
        assert!(!words(&plain).contains("batch") && !words(&plain).contains("huge"));
        let plainness = [&plain, &batched, &huge].map(|row| Setting::of(row).is_plain());
        assert_eq!(plainness, [true, false, false]);
    }

    #[test]
    fn batches_pins_faults_and_allocators_are_settings_of_their_own() {
        let plain = trial("hamt-cas", 1, 0, 1e6);
        for (row, label, words) in [
            (
                Row { reclaim_batch: Some(64), ..plain.clone() },
                ["own-batch", "reclaim-batch64"],
                "reclamation in batches of 64",
            ),
            (Row { ops_per_pin: 8, ..plain.clone() }, ["pin1", "pin8"], "8 operations a pin"),
            (
                Row { fault: Fault::StalledReader, ..plain.clone() },
                ["no-fault", "stalled-reader"],
                "fault stalled-reader",
            ),
            (
                Row { allocator: "mimalloc".to_owned(), ..plain.clone() },
                ["mimalloc", "system"],
                "allocator mimalloc",
            ),
        ] {
            assert_eq!(labels(&[plain.clone(), row.clone()]), label);
            let setting = Setting::of(&row);
            assert!(setting.in_words().contains(words), "{}", setting.in_words());
            assert!(!setting.is_plain(), "{words}");
        }
        let stalled = Row { fault: Fault::StalledReader, ..plain.clone() };
        let of = |row: &Row| Setting { fault: Fault::None, ..Setting::of(row) };
        let together = split_by(&[plain, stalled], &of);
        assert_eq!((together.len(), together[0].rows.len()), (1, 2));
    }

    #[test]
    fn byte_strings_hashers_and_traces_are_settings_of_their_own() {
        let plain = trial("papaya", 1, 0, 1.0);
        let bytes =
            Row { key_type: "bytes".to_owned(), key_bytes: "etc".to_owned(), ..plain.clone() };
        let hashed = Row { hasher: Hashing::Siphash, ..plain.clone() };
        let (trace, trace_sha256) = ("small".to_owned(), "0f".to_owned());
        let traced = Row { trace, trace_sha256, distribution: "trace".to_owned(), ..plain.clone() };
        for (row, words) in [
            (&bytes, "keys of etc B"),
            (&hashed, "hashed by siphash"),
            (&traced, "requests of the trace small (0f)"),
        ] {
            let setting = Setting::of(row);
            assert!(!setting.is_plain() && setting.in_words().contains(words), "{words}");
            assert_eq!(split(&[plain.clone(), row.clone()]).len(), 2, "{words}");
        }
    }

    #[test]
    fn presets_and_distributions_are_settings_of_their_own() {
        let plain = trial("hamt-cas", 1, 0, 1e6);
        let hot = |keys| Row {
            distribution: "hot-set".to_owned(),
            hot_keys: Some(keys),
            hot_operations: Some(0.9),
            hot_shift: Some(7),
            ..plain.clone()
        };
        let named = Row { preset: "ycsb-b".to_owned(), ..plain.clone() };
        let latest = Row { distribution: "latest".to_owned(), ..plain.clone() };
        let sized = Row { capacity: Some(64), ..plain.clone() };
        let upserts = Row { inserts: 0.0, removes: 0.0, upserts: 5.0, ..plain.clone() };
        for (row, label, words) in [
            (named, ["no-preset", "ycsb-b"], "preset ycsb-b"),
            (latest, ["by-rank", "latest"], "keys drawn by latest"),
            (
                hot(0.01),
                ["by-rank", "hot-set-0_9-0_01-7"],
                "keys drawn by hot-set (0.9 of the operations on 0.01 of the keys, others every 7)",
            ),
            (sized, ["own-capacity", "capacity64"], "tables made for 64 entries"),
            (upserts, ["upserts100", "inserts50-removes50"], "100\u{a0}% upserts"),
        ] {
            assert_eq!(labels(&[plain.clone(), row.clone()]), label);
            let setting = Setting::of(&row);
            assert!(setting.in_words().contains(words), "{}", setting.in_words());
        }
        assert_eq!(labels(&[hot(0.1), hot(0.2)]), ["hot-set-0_9-0_1-7", "hot-set-0_9-0_2-7"]);
        // A skew is no other setting.
        let even = Row { distribution: "uniform".to_owned(), zipf: 0.0, ..plain.clone() };
        assert_eq!(labels(&[plain, even]), [""]);
    }

    #[test]
    fn controls_stand_beside_faults_that_they_cannot_have() {
        let none = trial("hamt-cas", 1, 0, 1e6);
        let stalled = Row { fault: Fault::StalledReader, ..none.clone() };
        let batched = Row { reclaim_batch: Some(8), ..none.clone() };
        let no_op = trial("no-op", 1, 0, 1e6);
        let no_op_stalled = Row { fault: Fault::StalledReader, ..no_op.clone() };
        let sequential = trial("sequential", 1, 0, 1e6);
        let of = |rows: &[Row]| -> Vec<_> {
            split(rows).into_iter().map(|group| (group.label, group.rows.len())).collect()
        };
        let rows = [none, stalled.clone(), no_op.clone(), no_op_stalled, sequential.clone()];
        // Each has its table, its no-op and the one sequential.
        assert_eq!(of(&rows), [("no-fault".to_owned(), 3), ("stalled-reader".to_owned(), 3)]);
        assert_eq!(of(&[stalled, sequential.clone()]), [(String::new(), 2)]);
        assert_eq!(of(&[batched, no_op, sequential]), [(String::new(), 3)]);
    }

    #[test]
    fn controls_stand_beside_tables_on_huge_pages() {
        let huge = Row { huge_pages: true, ..trial("cuckoo-optimistic", 1, 0, 1e6) };
        let control = trial("no-op", 1, 0, 1e6);
        let of = |rows: &[Row]| -> Vec<_> {
            split(rows).into_iter().map(|group| (group.label, group.rows.len())).collect()
        };
        assert_eq!(of(&[huge.clone(), control.clone()]), [(String::new(), 2)]);
        assert_eq!(
            of(std::slice::from_ref(&control)),
            [(String::new(), 1)],
            "alone it is not lost"
        );
        let base = trial("papaya", 1, 0, 1e6);
        let labelled = [("base-pages".to_owned(), 2), ("huge-pages".to_owned(), 2)];
        assert_eq!(of(&[huge.clone(), control.clone(), base]), labelled);
        let mut reads = control;
        (reads.reads, reads.inserts, reads.removes) = (100.0, 0.0, 0.0);
        assert_eq!(of(&[huge, reads]), [(String::new(), 2)], "one that only reads");
    }
}
