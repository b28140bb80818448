//! Result folders that were recorded, from which edited ones come; and folders as one text.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The files of a folder, by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// What a line begins with that is the name of a file, in a folder that is one text.
const NAME: &str = "@@ ";

/// Folders of small sweeps, each as one text.
const RECORDED: [&str; 2] =
    [include_str!("../../bases/throughput"), include_str!("../../bases/studies")];

/// The recorded folders, to be edited.
pub(super) static BASES: LazyLock<Vec<Base>> =
    LazyLock::new(|| RECORDED.iter().map(|text| Base::of(text.as_bytes())).collect());

/// The folder that is one text: after a line with a file's name, its content.
pub(super) fn unpack(text: &[u8]) -> Files {
    let mut files = Files::new();
    let mut name = None;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if let Some(new) = name_in(line) {
            files.entry(new.clone()).or_default();
            name = Some(new);
        } else if let Some(content) = name.as_ref().and_then(|name| files.get_mut(name)) {
            content.extend_from_slice(line);
        }
    }
    files
}

/// The file's name on a line that has one. It is a name: no path leads elsewhere.
fn name_in(line: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(line).ok()?.strip_prefix(NAME)?.trim_end();
    let is_name = !name.is_empty()
        && name.len() < 40
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || b".-".contains(&byte))
        && !name.starts_with('.');
    is_name.then(|| name.to_owned())
}

/// A folder of which parts can be replaced.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) files: Vec<(String, Content)>,
}

/// What is in a file.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Rows of fields; the first has the names of the columns.
    Table(Vec<Vec<String>>),
    Lines(Vec<String>),
}

impl Base {
    fn of(text: &[u8]) -> Self {
        let files = unpack(text).into_iter().map(|(name, text)| {
            let content =
                if name.ends_with(".csv") { Content::table(&text) } else { Content::lines(&text) };
            (name, content)
        });
        Self { files: files.collect() }
    }

    /// The files' texts.
    pub(super) fn texts(&self) -> Files {
        self.files.iter().map(|(name, content)| (name.clone(), content.text())).collect()
    }
}

impl Content {
    fn table(text: &[u8]) -> Self {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text);
        let rows = reader.records().map(|row| {
            let row = row.expect("it was recorded");
            row.iter().map(str::to_owned).collect()
        });
        Self::Table(rows.collect())
    }

    fn lines(text: &[u8]) -> Self {
        let text = std::str::from_utf8(text).expect("it was recorded");
        Self::Lines(text.lines().map(str::to_owned).collect())
    }

    fn text(&self) -> Vec<u8> {
        match self {
            Self::Lines(lines) => {
                lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
            }
            Self::Table(rows) => {
                let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
                rows.iter()
                    .for_each(|row| writer.write_record(row).expect("memory can be written"));
                writer.into_inner().expect("memory can be written")
            }
        }
    }
}
