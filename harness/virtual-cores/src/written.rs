//! The text of a machine's file.

use toml::Value;

use crate::machine::{AllocatorModel, Level, MachineModel, Number, PublishedCurve};

impl MachineModel {
    /// The text of its file, a number a line: [`parse`](Self::parse) makes the same machine of it. Comments of a
    /// file that it was read from are not there.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = format!("name = {}\n", quoted(&self.name));
        let numbers = self.numbers();
        let of_no_cache = numbers.iter().filter(|(name, _)| !name.contains('.'));
        text.extend(of_no_cache.map(|(name, number)| line(name, number)));
        for (name, level) in [("l1", &self.l1), ("l2", &self.l2), ("llc", &self.llc)] {
            let Level { kib, ways, cycles } = level;
            text += &format!("\n[{name}]\n");
            let numbers = [("kib", kib), ("ways", ways), ("cycles", cycles)];
            text.extend(numbers.map(|(name, number)| line(name, number)));
        }
        if let Some(AllocatorModel { cached, given_back, taken }) = &self.allocator {
            text += "\n[allocator]\n";
            let numbers = [("cached", cached), ("given_back", given_back), ("taken", taken)];
            text.extend(numbers.map(|(name, number)| line(name, number)));
        }
        if !self.unmodelled.is_empty() {
            text += "\n[unmodelled]\n";
            let keys = self.unmodelled.iter().map(|(name, number)| line(&key(name), number));
            text.extend(keys);
        }
        text.extend(self.published.iter().map(curve));
        text
    }
}

/// A basic string of TOML, on one line: `toml` would choose one over several, which is no key.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted += &format!("\\u{:04X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A key of TOML: as it is, if that is one.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// A number of TOML: without a point if it is whole, and not so large that a whole number would not hold it.
fn real(number: f64) -> String {
    let is_whole = number.fract() == 0.0 && number.abs() < 1e15;
    let value = if is_whole { Value::Integer(number as i64) } else { Value::Float(number) };
    value.to_string()
}

fn line(name: &str, number: &Number) -> String {
    let Number { is, within, source } = number;
    let within = within.map_or_else(String::new, |within| format!("within = {}, ", real(within)));
    format!("{name} = {{ is = {}, {within}source = {} }}\n", real(*is), quoted(source))
}

fn curve(curve: &PublishedCurve) -> String {
    let PublishedCurve { of, structure, reclaimer, reads, upserts, zipf, keys, threads, mops } =
        curve;
    let [of, structure, reclaimer] = [of, structure, reclaimer].map(|text| quoted(text));
    let [reads, upserts, zipf] = [reads, upserts, zipf].map(|number| real(*number));
    format!(
        "\n[[published]]\nof = {of}\nstructure = {structure}\nreclaimer = {reclaimer}\nreads = {reads}\n\
         upserts = {upserts}\nzipf = {zipf}\nkeys = {keys}\nthreads = {threads:?}\nmops = {mops:?}\n"
    )
}
