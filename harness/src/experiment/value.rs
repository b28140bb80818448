//! Values of an experiment file: what each key takes, and reading it from a TOML table.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
pub(super) use super::known::{
    AGGREGATE, CACHE, HOT, LATENCY, MIX, SERVER, SPACE, TOP, TRACES, TURNS, axes,
};
use super::unknown::unknown_key;
use trials::aggregate::Way;
use trials::parameters::{PARAMETERS, Parameter};

use crate::case::Case;
use crate::workload::Length;

/// What a key takes.
pub(super) struct Kind<T> {
    expected: &'static str,
    read: fn(&DeValue<'_>) -> Option<T>,
}

pub(super) const TEXT: Kind<String> =
    Kind { expected: "a string", read: |value| value.as_str().map(str::to_owned) };
pub(super) const FLAG: Kind<bool> =
    Kind { expected: "true or false", read: |value| value.as_bool() };
pub(super) const SEED: Kind<u64> = Kind {
    expected: "a whole number from 0 to 18446744073709551615",
    read: |value| whole(value, 0..=u64::MAX),
};
/// Shorter than a millisecond, a trial has no clean window; longer than a day is a typo.
pub(super) const SECONDS: Kind<f64> = Kind {
    expected: "a number of seconds from 0.001 to 86400",
    read: |value| number(value, 0.001..=86_400.0),
};
/// Shorter, a slice is as long as it takes to wake for it; longer, trials hardly take turns.
pub(super) const SLICE: Kind<f64> = Kind {
    expected: "a number of seconds from 0.001 to 60",
    read: |value| number(value, 0.001..=60.0),
};
pub(super) const SETTLE: Kind<f64> =
    Kind { expected: "a number of seconds from 0 to 60", read: |value| number(value, 0.0..=60.0) };
pub(super) const WARMUP: Kind<f64> = Kind {
    expected: "a number of seconds from 0 to 86400",
    read: |value| number(value, 0.0..=86_400.0),
};
pub(super) const BLOCKS: Kind<u32> = Kind {
    expected: "a whole number from 1 to 1000000",
    read: |value| whole(value, 1..=1_000_000)?.try_into().ok(),
};
pub(super) const HALFWIDTH: Kind<f64> = Kind {
    expected: "a number above 0 and below 1 (0.05 is 5 % of the estimate)",
    read: |value| number(value, 0.0..=1.0).filter(|width| *width > 0.0 && *width < 1.0),
};
pub(super) const FRACTION: Kind<f64> = Kind {
    expected: "a fraction of the key range from 0 to 1",
    read: |value| number(value, 0.0..=1.0),
};
pub(super) const SHARE: Kind<f64> =
    Kind { expected: "a share from 0 to 1", read: |value| number(value, 0.0..=1.0) };
pub(super) const SHIFT: Kind<u64> = Kind {
    expected: "a whole number of operations from 0 (never) to 1099511627776",
    read: |value| whole(value, 0..=1 << 40),
};
pub(super) const THREADS: Kind<usize> = Kind {
    expected: "a whole number from 1 to 4096",
    read: |value| whole(value, 1..=4096)?.try_into().ok(),
};
pub(super) const PERCENT: Kind<f64> =
    Kind { expected: "a percentage from 0 to 100", read: |value| number(value, 0.0..=100.0) };
pub(super) const SKEW: Kind<f64> = Kind {
    expected: "a finite number from 0 (uniform) up",
    read: |value| number(value, 0.0..=f64::MAX),
};
pub(super) const KEYS: Kind<u64> = Kind {
    expected: "a whole number from 1 to 1099511627776",
    read: |value| whole(value, 1..=1 << 40),
};
pub(super) const BATCH: Kind<usize> = Kind {
    expected: "a whole number of lookups from 1 to 4096",
    read: |value| whole(value, 1..=crate::trial::MAX_BATCH as u64)?.try_into().ok(),
};
/// The inner `None` is the scheme's own.
pub(super) const RECLAIM_BATCH: Kind<Option<usize>> = Kind {
    expected: "a whole number of retirements from 1 to 1048576, or \"default\"",
    read: |value| match value.as_str() {
        Some(text) => (text == "default").then_some(None),
        None => Some(whole(value, 1..=crate::case::MAX_RECLAIM_BATCH)?.try_into().ok()),
    },
};
pub(super) const OPS_PER_PIN: Kind<usize> = Kind {
    expected: "\"operation\", or a whole number of operations from 1 to 4096",
    read: |value| match value.as_str() {
        Some(text) => (text == "operation").then_some(1),
        None => whole(value, 1..=crate::trial::MAX_OPS_PER_PIN as u64)?.try_into().ok(),
    },
};

/// A key tells all keys of a range apart.
pub(super) const KEY_BYTES: Kind<Length> = Kind {
    expected: "a whole number of bytes from 8 to 65536, or \"etc\"",
    read: |value| length(value, u64::from(crate::workload::SHORTEST_KEY)),
};
pub(super) const VALUE_BYTES: Kind<Length> = Kind {
    expected: "a whole number of bytes from 0 to 65536, or \"etc\"",
    read: |value| length(value, 0),
};

fn length(value: &DeValue<'_>, least: u64) -> Option<Length> {
    match value.as_str() {
        Some(text) => Length::parsed(text).filter(|length| *length == Length::Etc),
        None => Some(Length::Bytes(whole(value, least..=1 << 16)?.try_into().ok()?)),
    }
}

/// The limits of [`trials::latency::RATES`].
pub(super) const RATE: Kind<f64> = Kind {
    expected: "a number of operations per second from 0.001 to 1000000000",
    read: |value| number(value, trials::latency::RATES),
};

pub(super) const LOAD: Kind<f64> = Kind {
    expected: "a share of a table's capacity, above 0 and up to 1",
    read: |value| number(value, 0.0..=1.0).filter(|load| *load > 0.0),
};

pub(super) const WAY: Kind<Way> = Kind {
    expected: "\"shared\", \"cached\", \"merged\" or \"partitioned\"",
    read: |value| Way::named(value.as_str()?),
};
pub(super) const WORDS: Kind<u64> = Kind {
    expected: "a whole number from 1 to 1000000000",
    read: |value| whole(value, 1..=1_000_000_000),
};

/// As [`trials::parameters::in_units`] says them, too.
pub(super) const BYTES: Kind<u64> = Kind {
    expected: "a whole number of bytes from 1 to 1099511627776, or one of units, as in \"64 MiB\"",
    read: |value| match value.as_str() {
        None => whole(value, 1..=1 << 40),
        Some(text) => {
            let (number, unit) = text.trim().split_once(' ')?;
            let units = [("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30)];
            let (_, bits) = units.into_iter().find(|(name, _)| *name == unit.trim())?;
            let bytes = number.parse::<u64>().ok()?.checked_mul(1 << bits)?;
            (1..=1 << 40).contains(&bytes).then_some(bytes)
        }
    },
};
pub(super) const CACHE_REQUESTS: Kind<u64> = Kind {
    expected: "a whole number of requests from 2 to 1099511627776",
    read: |value| whole(value, 2..=1 << 40),
};

fn whole(value: &DeValue<'_>, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let integer = value.as_integer()?;
    let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    range.contains(&number).then_some(number)
}

#[expect(clippy::cast_precision_loss, reason = "2^53 is far above every limit on a float key")]
fn number(value: &DeValue<'_>, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(_) => whole(value, 0..=u64::MAX)? as f64,
        DeValue::Float(float) => float.as_str().parse().ok()?,
        _ => return None,
    };
    // Adding 0 makes -0 into 0: they are the same workload and need the same id.
    range.contains(&number).then_some(number + 0.0)
}

/// A table of the file.
pub(super) struct Section<'a, 'i> {
    /// As the file writes it, `[axes]`; empty for the file itself.
    pub(super) name: &'static str,
    /// Where it starts.
    pub(super) span: Range<usize>,
    /// Where to show that a key is missing: at the last key that is unknown, which may be meant for it, else
    /// where the table starts.
    pub(super) lack: Range<usize>,
    table: &'a DeTable<'i>,
}

impl<'a, 'i> Section<'a, 'i> {
    /// The file itself, or a table of it, whose keys must be among `known`.
    pub(super) fn new(
        name: &'static str,
        span: Range<usize>,
        table: &'a DeTable<'i>,
        known: &[&str],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let unknown = || table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        problems.extend(unknown().map(|key| unknown_key(name, key.get_ref(), key.span(), known)));
        let lack = unknown().map(Spanned::span).max_by_key(|span| span.start);
        let lack = lack.unwrap_or_else(|| span.clone());
        Self { name, span, lack, table }
    }

    /// The value of `key`, whatever it is.
    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.get(key)
    }

    /// The value of `key`; `None` if it is absent, or wrong (then `problems` says so).
    pub(super) fn one<T>(
        &self,
        key: &str,
        kind: &Kind<T>,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let value = self.get(key)?;
        let read = (kind.read)(value.get_ref());
        if read.is_none() {
            problems.push(mismatch(key, value, kind.expected));
        }
        read
    }

    /// The values of `key`, a value or a list; `None` if it is absent or the list is empty.
    pub(super) fn many<T>(
        &self,
        key: &str,
        kind: &Kind<T>,
        problems: &mut Vec<Problem>,
    ) -> Option<Vec<Spanned<T>>> {
        let value = self.get(key)?;
        let expected = format!("{}, or a list of such", kind.expected);
        let items = value.get_ref().as_array().map_or(std::slice::from_ref(value), |list| list);
        if items.is_empty() {
            problems.push(Problem {
                span: value.span(),
                message: format!("`{key}` is an empty list"),
                help: format!("`{key}` takes {expected}"),
            });
            return None;
        }
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match (kind.read)(item.get_ref()) {
                Some(read) => values.push(Spanned::new(item.span(), read)),
                None if item.get_ref().is_array() => problems.push(nested(key, item.span())),
                None => problems.push(mismatch(key, item, &expected)),
            }
        }
        Some(values)
    }
}

/// A value of an axis that [`Parameter::set`] reads, as text. Booleans and numbers are written plainly.
const PLAIN: Kind<String> = Kind {
    expected: "a value",
    read: |value| match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Integer(_) => Some(whole(value, 0..=u64::MAX)?.to_string()),
        DeValue::Float(_) => Some(number(value, 0.0..=f64::MAX)?.to_string()),
        _ => None,
    },
};

/// The axes that the list of parameters describes, each with the values that the section lists, or the
/// default.
pub(super) fn listed(
    section: &Section<'_, '_>,
    problems: &mut Vec<Problem>,
) -> Vec<(&'static Parameter, Vec<String>)> {
    let mut axes = Vec::new();
    for parameter in PARAMETERS {
        let Some(expected) = parameter.axis else { continue };
        let kind = Kind { expected, ..PLAIN };
        let default = || (parameter.get)(&Case::new("", "")).to_string();
        let Some(values) = section.many(parameter.name, &kind, problems) else {
            axes.push((parameter, vec![default()]));
            continue;
        };
        let mut plain = Case::new("", "");
        for value in &values {
            if (parameter.set)(&mut plain, value.get_ref()).is_none() {
                problems.push(Problem {
                    span: value.span(),
                    message: format!("`{}` is {}", parameter.name, value.get_ref()),
                    help: format!("`{}` takes {expected}, or a list of such", parameter.name),
                });
            }
        }
        axes.push((parameter, values.into_iter().map(Spanned::into_inner).collect()));
    }
    axes
}

/// The values of an axis, or its default.
pub(super) fn axis<T: Clone>(
    section: &Section<'_, '_>,
    key: &str,
    kind: &Kind<T>,
    default: T,
    problems: &mut Vec<Problem>,
) -> Vec<T> {
    match section.many(key, kind, problems) {
        Some(values) => values.into_iter().map(Spanned::into_inner).collect(),
        None => vec![default],
    }
}

/// `fraction` of `keys`, to the nearest whole number.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "keys are at most 2^40 and the fraction is from 0 to 1"
)]
pub(super) fn share(keys: u64, fraction: f64) -> u64 {
    (keys as f64 * fraction).round() as u64
}

/// `key` has a value that it does not take.
pub(super) fn mismatch(key: &str, value: &Spanned<DeValue<'_>>, expected: &str) -> Problem {
    let found = match value.get_ref() {
        DeValue::String(_) => "a string".to_owned(),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    let hint = number_as(value.get_ref()).map_or_else(String::new, |hint| format!(": {hint}"));
    Problem {
        span: value.span(),
        message: format!("`{key}` is {found}"),
        help: format!("`{key}` takes {expected}{hint}"),
    }
}

/// How a number is written that is written otherwise.
fn number_as(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => {
            let number: f64 = text.trim().parse().ok()?;
            number.is_finite().then(|| format!("{number}, without quotes"))
        }
        DeValue::Float(float) => {
            let number: f64 = float.as_str().parse().ok()?;
            let is_whole = number.fract() == 0.0 && (0.0..1e15).contains(&number);
            is_whole.then(|| format!("{number}, without a point or an exponent"))
        }
        _ => None,
    }
}

fn nested(key: &str, span: Range<usize>) -> Problem {
    Problem {
        span,
        message: format!("`{key}` has a list inside its list"),
        help: format!("write the values of `{key}` as one flat list"),
    }
}
