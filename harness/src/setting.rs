//! What a table or a figure holds fixed: everything of a workload but threads, reads and skew.

use std::collections::{BTreeMap, BTreeSet};

use crate::controls::is_control;
use crate::row::Row;

/// The parameters that rows shown side by side must share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// Size of the key range.
    pub keys: u64,
    /// Keys present at the start.
    pub prefill: u64,
    /// Inserts, removes and updates in thousandths of the operations that write; `None` where
    /// none does.
    pub writes: Option<[u32; 3]>,
    /// Seed of the table's hasher.
    pub hash_seed: u64,
    /// The allocator.
    pub allocator: String,
    /// Whether threads were bound to CPUs.
    pub pin: bool,
    /// The keys' type.
    pub key_type: String,
    /// Bytes of a value.
    pub value_bytes: u64,
    /// Lookups issued as one `get_many`.
    pub batch: usize,
    /// Whether tables asked for huge pages.
    pub huge_pages: bool,
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
        let writes = row.inserts + row.removes + row.updates;
        let share = |percent: f64| (percent / writes * 1000.0).round() as u32;
        Self {
            keys: row.keys,
            prefill: row.prefill,
            writes: (writes > 0.0)
                .then(|| [share(row.inserts), share(row.removes), share(row.updates)]),
            hash_seed: row.hash_seed,
            allocator: row.allocator.clone(),
            pin: row.pin,
            key_type: row.key_type.clone(),
            value_bytes: row.value_bytes,
            batch: row.batch,
            huge_pages: row.huge_pages,
        }
    }

    /// Whether nothing in it changes what an operation or a table is.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.batch == 1 && !self.huge_pages
    }

    /// For a caption.
    #[must_use]
    pub fn in_words(&self) -> String {
        let Self { keys, prefill, key_type, value_bytes, hash_seed, allocator, .. } = self;
        let writes = self.writes.map_or(String::new(), |shares| {
            let shares = written(shares, |share, verb| format!("{share}\u{a0}% {verb}"));
            format!("; of the writes, {}", shares.join(", "))
        });
        let pin = if self.pin { "bound to CPUs" } else { "not bound to CPUs" };
        format!(
            "{keys} keys ({key_type}), {prefill} prefilled, values of {value_bytes}\u{a0}B{writes}; \
             hash seed {hash_seed}, allocator {allocator}, threads {pin}{}{}",
            if self.batch == 1 {
                String::new()
            } else {
                format!("; lookups in batches of {}", self.batch)
            },
            if self.huge_pages { "; huge pages asked for" } else { "" },
        )
    }

    /// Whether rows of this setting can be shown among those of `other`: only what is written may
    /// be missing.
    fn suits(&self, other: &Self) -> bool {
        self == other || self.writes.is_none() && *self == Self { writes: None, ..other.clone() }
    }

    /// Each parameter, most telling first, fit for a file name.
    fn labels(&self) -> [String; 10] {
        let writes = self.writes.map_or("reads-only".to_owned(), |shares| {
            written(shares, |share, verb| format!("{verb}{share}")).join("-")
        });
        [
            format!("keys{}", self.keys),
            format!("prefill{}", self.prefill),
            writes,
            format!("seed{}", self.hash_seed),
            self.allocator.replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
            if self.pin { "pinned" } else { "unpinned" }.to_owned(),
            self.key_type.replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
            format!("value{}", self.value_bytes),
            format!("batch{}", self.batch),
            if self.huge_pages { "huge-pages" } else { "base-pages" }.to_owned(),
        ]
    }
}

fn written(shares: [u32; 3], show: impl Fn(f64, &str) -> String) -> Vec<String> {
    let verbs = ["inserts", "removes", "updates"];
    let named = shares.into_iter().zip(verbs).filter(|(share, _)| *share > 0);
    named.map(|(share, verb)| show(f64::from(share) / 10.0, verb)).collect()
}

/// The groups of `rows`, ordered by setting. Rows that only read suit every mix of writes, and
/// controls, which have no pages to ask for, suit huge pages; so they are in each group that
/// otherwise shares their setting.
#[must_use]
pub fn split(rows: &[Row]) -> Vec<Group> {
    let settings = settings(rows);
    let labels = distinct_labels(&settings);
    settings
        .into_iter()
        .zip(labels)
        .map(|(setting, label)| {
            let fits = |row: &&Row| {
                let own = Setting::of(row);
                own.suits(&setting)
                    || is_control(&row.structure)
                        && Setting { huge_pages: setting.huge_pages, ..own }.suits(&setting)
            };
            let rows = rows.iter().filter(fits).cloned().collect();
            Group { setting, label, rows }
        })
        .collect()
}

/// The settings of `rows` but those whose rows are all shown in the group of another.
fn settings(rows: &[Row]) -> BTreeSet<Setting> {
    let mut settings: BTreeSet<Setting> = rows.iter().map(Setting::of).collect();
    let joins: BTreeSet<Setting> = settings
        .iter()
        .filter(|setting| setting.writes.is_some())
        .map(|setting| Setting { writes: None, ..setting.clone() })
        .collect();
    settings.retain(|setting| !joins.contains(setting));
    let measured: BTreeSet<Setting> =
        rows.iter().filter(|row| !is_control(&row.structure)).map(Setting::of).collect();
    settings.retain(|setting| {
        let huge = Setting { huge_pages: true, ..setting.clone() };
        // Only controls have it, and they are shown beside tables on huge pages.
        measured.iter().any(|own| own.suits(setting)) || !measured.iter().any(|own| huge.suits(own))
    });
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
