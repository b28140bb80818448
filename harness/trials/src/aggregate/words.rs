//! The words, as numbers: made, or read from a file.

use std::path::Path;

use anyhow::{Context, ensure};
use hashbrown::HashMap;
use rand::SeedableRng;

use super::AggregateSpec;
use crate::compressed::read_text;
use crate::memory;
use crate::workload::{Keys, Purpose, Rng, UniformKeys, ZipfKeys, derive};

/// The words that `spec` asks for: numbers below its case's `keys`, or those of its text.
pub(super) fn words(spec: &AggregateSpec) -> anyhow::Result<Vec<u64>> {
    if let Some(path) = &spec.text {
        let text =
            read_text(Path::new(path), u64::MAX).with_context(|| format!("cannot read {path}"))?;
        let words = numbered(&text);
        ensure!(!words.is_empty(), "{path} has no words");
        return Ok(words);
    }
    let mut rng = Rng::seed_from_u64(derive(spec.seed, Purpose::Stream, 0));
    let (keys, zipf) = (spec.case.keys, spec.case.zipf);
    let mut words = memory::room(spec.words, "the words")?;
    if zipf == 0.0 {
        draw(UniformKeys::new(keys), &mut rng, spec.words, &mut words);
    } else {
        let scatter = derive(spec.seed, Purpose::Scatter, 0);
        draw(ZipfKeys::new(keys, zipf, scatter), &mut rng, spec.words, &mut words);
    }
    Ok(words)
}

fn draw(mut keys: impl Keys, rng: &mut Rng, count: u64, words: &mut Vec<u64>) {
    words.extend((0..count).map(|_| keys.next_key(rng)));
}

/// The words of `text` in its order, in lower case; each as its number, by first occurrence. A word is
/// letters and digits in a row.
fn numbered(text: &str) -> Vec<u64> {
    let mut numbers: HashMap<String, u64> = HashMap::new();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let next = numbers.len() as u64;
            *numbers.entry(word.to_lowercase()).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits_in_lower_case() {
        let text = "The end: the END, of «Straße» 7 (7th).\n\nthe";
        assert_eq!(numbered(text), [0, 1, 0, 1, 2, 3, 4, 5, 0]);
        assert_eq!(numbered(" — ,"), [0; 0]);
    }
}
