//! Changes of a recorded folder: other fields, rows that come twice or not at all, columns that are
//! missing.

use super::base::{Base, Content};

/// More edits than this say nothing more.
const MOST_EDITS: usize = 40;

/// Bytes, and zeros after them.
#[derive(Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Bytes<'_> {
    pub(super) fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// An index below `len`, which is not 0.
    fn index(&mut self, len: usize) -> usize {
        let byte = usize::from(self.next());
        if len > 256 { (byte << 8 | usize::from(self.next())) % len } else { byte % len }
    }

    /// A number that a file may hold, or something else.
    fn value(&mut self) -> String {
        const WORDS: [&str; 32] = [
            "",
            "0",
            "1",
            "-1",
            "2",
            "3",
            "7",
            "100",
            "0.5",
            "1e-300",
            "1e300",
            "-0.0",
            "NaN",
            "inf",
            "-inf",
            "1e-5",
            "255",
            "256",
            "4294967295",
            "4294967296",
            "9223372036854775807",
            "18446744073709551615",
            "18446744073709551616",
            "true",
            "false",
            "none",
            "uniform",
            "é",
            "\u{202e}<a&b>",
            "a,\"b\"\nc",
            "*",
            "sequential",
        ];
        match self.next() {
            byte @ 0..128 => WORDS[usize::from(byte) % WORDS.len()].to_owned(),
            128..160 => self.number(2).to_string(),
            160..192 => self.number(8).to_string(),
            192..224 => f64::from_bits(self.number(8)).to_string(),
            224..240 => format!("0.{}", self.number(1)),
            byte => (0..byte % 16).map(|_| char::from(self.next())).collect(),
        }
    }

    fn number(&mut self, bytes: usize) -> u64 {
        (0..bytes).fold(0, |number, _| number << 8 | u64::from(self.next()))
    }
}

/// Makes the edits that the rest of the bytes are.
pub(super) fn apply(base: &mut Base, mut bytes: Bytes<'_>) {
    for _ in 0..MOST_EDITS {
        if bytes.0.is_empty() || base.files.is_empty() {
            break;
        }
        let file = bytes.index(base.files.len());
        match &mut base.files[file].1 {
            Content::Table(rows) if rows.len() > 1 => edit_table(rows, &mut bytes),
            Content::Lines(lines) if !lines.is_empty() => edit_lines(lines, &mut bytes),
            Content::Table(_) | Content::Lines(_) => drop(base.files.remove(file)),
        }
    }
}

fn edit_table(rows: &mut Vec<Vec<String>>, bytes: &mut Bytes<'_>) {
    let kind = bytes.next();
    let row = 1 + bytes.index(rows.len() - 1);
    if rows[row].is_empty() {
        return drop(rows.remove(row));
    }
    let column = bytes.index(rows[row].len());
    match kind % 16 {
        // As in another row.
        0..2 => {
            let other = 1 + bytes.index(rows.len() - 1);
            if let Some(field) = rows[other].get(column).cloned() {
                rows[row][column] = field;
            }
        }
        // In all rows, or those of one residue.
        2..5 => {
            let (value, step) = (bytes.value(), 1 + bytes.index(4));
            let all = rows.iter_mut().skip(row).step_by(step);
            all.filter_map(|row| row.get_mut(column)).for_each(|field| field.clone_from(&value));
        }
        5 => drop(rows.remove(row)),
        6 => rows.truncate(row),
        7 => rows.push(rows[row].clone()),
        8 => {
            let other = 1 + bytes.index(rows.len() - 1);
            rows.swap(row, other);
        }
        // A column that an older program did not record.
        9 => rows
            .iter_mut()
            .filter(|row| row.len() > column)
            .for_each(|row| drop(row.remove(column))),
        10 => rows[row].push(bytes.value()),
        _ => rows[row][column] = bytes.value(),
    }
}

fn edit_lines(lines: &mut Vec<String>, bytes: &mut Bytes<'_>) {
    let kind = bytes.next();
    let line = bytes.index(lines.len());
    match kind % 8 {
        0 => drop(lines.remove(line)),
        1 => lines.insert(line, lines[line].clone()),
        2 => lines.insert(line, bytes.value()),
        3 => lines.truncate(line),
        _ => {
            let key = lines[line].split_once('=').map(|(key, _)| key.to_owned());
            lines[line] = format!("{}= {}", key.unwrap_or_default(), bytes.value());
        }
    }
}
