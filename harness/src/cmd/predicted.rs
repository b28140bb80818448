//! Folders of predictions, as `plot` and `report` read them.

use std::fs;
use std::path::{Path, PathBuf};

use ::table::subject_name;
use virtual_cores::{HotLineRow, MODEL, MachineModel, PredictedRow};

use super::filter::Filter;
use crate::failure::{Failure, usage};
use crate::rows::predicted;

/// The predictions of folders.
#[derive(Debug, Default)]
pub(super) struct Predicted {
    pub(super) folders: Vec<PathBuf>,
    pub(super) rows: Vec<PredictedRow>,
    pub(super) hot: Vec<HotLineRow>,
}

/// The folders that hold trials, and the predictions of the others.
pub(super) fn apart(folders: &[PathBuf]) -> Result<(Vec<PathBuf>, Predicted), Failure> {
    let (predicted, measured): (Vec<_>, Vec<_>) =
        folders.iter().cloned().partition(|folder| predicted::is_predicted(folder));
    let (mut all, mut machines) = (Predicted::default(), Vec::<PredictedOn>::new());
    for folder in predicted {
        let (rows, hot) = predicted::read(&folder).map_err(|error| usage(format!("{error:#}")))?;
        let machine = PredictedOn::of(&folder, &rows[0].machine);
        if let Some(other) = machines.iter().find(|other| machine.is_other_than(other)) {
            return Err(usage(format!(
                "{} and {} predict on two machines of one name, `{}`: numbers in their {MODEL} \
                 differ",
                other.folder.display(),
                folder.display(),
                machine.name
            )));
        }
        machines.push(machine);
        if let Some(again) = rows.iter().find(|row| all.rows.iter().any(|other| is_one(row, other)))
        {
            return Err(usage(format!(
                "{} predicts {} again, as another of these folders does",
                folder.display(),
                described(again)
            )));
        }
        all.rows.extend(rows);
        all.hot.extend(hot);
        all.folders.push(folder);
    }
    Ok((measured, all))
}

/// What a folder's predictions are on.
struct PredictedOn {
    folder: PathBuf,
    name: String,
    /// The machine's file, if the folder has it.
    text: Option<String>,
    /// The numbers that they follow from, if this program understands the file.
    numbers: Option<MachineModel>,
}

impl PredictedOn {
    fn of(folder: &Path, name: &str) -> Self {
        let text = fs::read_to_string(folder.join(MODEL)).ok();
        let model = text.as_deref().and_then(|text| MachineModel::parse(text).ok());
        let mut numbers = model.map(|model| model.as_modelled());
        // An allocator is only modelled where that was asked for, which the name says then.
        if !name.contains("with its allocator") {
            numbers.iter_mut().for_each(|numbers| numbers.allocator = None);
        }
        Self { folder: folder.to_owned(), name: name.to_owned(), text, numbers }
    }

    /// Whether it is another machine of the same name. What is not understood is the same as its copy alone.
    fn is_other_than(&self, other: &Self) -> bool {
        let differs = match self.numbers.as_ref().zip(other.numbers.as_ref()) {
            Some((ours, theirs)) => ours != theirs,
            None => self.text.as_ref().zip(other.text.as_ref()).is_some_and(|(a, b)| a != b),
        };
        self.name == other.name && differs
    }
}

/// Refuses predictions beside trials, where both would be drawn together.
pub(super) fn not_together(measured: &[PathBuf], predicted: &Predicted) -> Result<(), Failure> {
    match (measured, predicted.folders.as_slice()) {
        ([trials, ..], [predictions, ..]) => Err(usage(format!(
            "{} holds trials and {} predictions, which are never drawn together",
            trials.display(),
            predictions.display()
        ))),
        _ => Ok(()),
    }
}

/// Whether both predict one thing.
fn is_one(a: &PredictedRow, b: &PredictedRow) -> bool {
    a.is_of_cell(b) && a.threads == b.threads
}

/// "papaya threads=2 reads=90 zipf=0 keys=1024"; and behind it `upserts=10` if there are some, and `reclaim_batch=64` if
/// that was set.
fn described(row: &PredictedRow) -> String {
    let PredictedRow { threads, reads, upserts, zipf, keys, reclaim_batch, .. } = row;
    let subject = subject_name(&row.structure, &row.reclaimer);
    let upserts = if *upserts > 0.0 { format!(" upserts={upserts}") } else { String::new() };
    let batch = reclaim_batch.map_or_else(String::new, |batch| format!(" reclaim_batch={batch}"));
    format!("{subject} threads={threads} reads={reads} zipf={zipf} keys={keys}{upserts}{batch}")
}

/// What a filter may match: its subject, its table, and all that is said of it.
fn names_of(row: &PredictedRow) -> [String; 3] {
    [subject_name(&row.structure, &row.reclaimer), row.structure.clone(), described(row)]
}

impl Predicted {
    /// The cells that `filter` matches; of lines, those of these are shown. What is empty stays so.
    pub(super) fn only(mut self, filter: Option<&Filter>) -> Result<Self, Failure> {
        let Some(filter) = filter.filter(|_| !self.rows.is_empty()) else { return Ok(self) };
        let is_asked = |row: &PredictedRow| filter.matches_any(&names_of(row));
        if !self.rows.iter().any(is_asked) {
            let all = self.rows.iter().flat_map(names_of);
            let why = filter.leaves_none("cell of the predictions", all);
            return Err(usage(format!("there is nothing to show: {why}")));
        }
        self.rows.retain(is_asked);
        Ok(self)
    }
}
