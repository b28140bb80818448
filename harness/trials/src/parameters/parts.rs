//! Parts of a case, as entries of the list say and set them.

use std::str::FromStr;

use table::{Length, Lengths};

use super::value::{Value, parse};
use crate::case::{CacheLoad, Case};
use crate::trace::TraceId;
use crate::workload::{Distribution, HotSet};

pub(super) fn several(number: usize) -> Option<usize> {
    (number > 1).then_some(number)
}

pub(super) fn special(name: &str) -> Option<&str> {
    (!name.is_empty()).then_some(name)
}

pub(super) fn hashed(case: &Case) -> Option<&'static str> {
    (!case.hashing.is_default()).then(|| case.hashing.name())
}

pub(super) fn hot(case: &Case, of: fn(HotSet) -> Value) -> Value {
    case.distribution.hot_set().map_or(Value::Absent, of)
}

pub(super) fn length_of(case: &Case, of: fn(Lengths) -> Length) -> String {
    if case.cache.is_some() && case.trace.is_some() {
        return OF_TRACE.to_owned();
    }
    case.lengths().map_or_else(|| "8".to_owned(), |both| of(both).to_string())
}

/// Of numbers the length is that of a word, and is none of the case's.
pub(super) fn parse_length(place: &mut Option<Length>, value: &str) -> Option<()> {
    if value == OF_TRACE {
        return Some(());
    }
    let length = Length::parsed(value)?;
    *place = place.map(|_| length);
    Some(())
}

pub(super) fn parse_hot<T: FromStr>(
    case: &mut Case,
    value: &str,
    part: fn(&mut HotSet) -> &mut T,
) -> Option<()> {
    match &mut case.distribution {
        Distribution::HotSet(hot) if !value.is_empty() => parse(part(hot), value),
        _ => Some(()),
    }
}

pub(super) fn trace(
    case: &mut Case,
    value: &str,
    set: fn(&mut TraceId, &str) -> Option<()>,
) -> Option<()> {
    if value.is_empty() {
        return Some(());
    }
    set(case.trace.get_or_insert_default(), value)
}

/// Neither is ever 0; that stands for what is left out of a setting.
pub(super) fn of_cache(case: &Case, part: fn(CacheLoad) -> u64) -> Option<u64> {
    case.cache.map(part).filter(|number| *number > 0)
}

pub(super) fn cache(
    case: &mut Case,
    value: &str,
    part: fn(&mut CacheLoad) -> &mut u64,
) -> Option<()> {
    let number = if value.is_empty() { 0 } else { value.parse().ok()? };
    *part(case.cache.get_or_insert_default()) = number;
    case.cache = case.cache.filter(|load| *load != CacheLoad::default());
    if case.cache.is_some() && case.trace.is_some() {
        // Which the columns of lengths cannot say.
        (case.key_bytes, case.value_bytes) = (None, None);
    }
    Some(())
}

/// What columns of lengths say where each request has its own.
const OF_TRACE: &str = "trace";
