//! Values of parameters, and reading them from text.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A parameter's value, as a column has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The case has none.
    Absent,
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Whole(u64),
    /// A number.
    Real(f64),
    /// One of a few names, and its place among them.
    Name(u64, &'static str),
    /// A text.
    Text(String),
}

impl Value {
    /// What values of one parameter are sorted by: numbers by size, names in the order of their list.
    #[must_use]
    pub fn order(&self) -> (u64, &str) {
        match self {
            Self::Absent => (0, ""),
            Self::Flag(flag) => (u64::from(*flag), ""),
            // What is absent comes first, and is not 0.
            Self::Whole(number) => (number.saturating_add(1), ""),
            // Numbers from 0 up are in the order of their bits.
            Self::Real(number) => (number.to_bits().saturating_add(1), ""),
            Self::Name(place, _) => (*place, ""),
            Self::Text(text) => (0, text),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent => serializer.serialize_none(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Whole(number) => serializer.serialize_u64(*number),
            Self::Real(number) => serializer.serialize_f64(*number),
            Self::Name(_, name) => serializer.serialize_str(name),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => Ok(()),
            Self::Flag(flag) => flag.fmt(f),
            Self::Whole(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
            Self::Name(_, name) => name.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

pub(super) fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

pub(super) fn whole(number: usize) -> Value {
    Value::Whole(number as u64)
}

pub(super) fn keep(place: &mut String, value: &str) -> Option<()> {
    value.clone_into(place);
    Some(())
}

pub(super) fn parse<T: FromStr>(place: &mut T, value: &str) -> Option<()> {
    *place = value.parse().ok()?;
    Some(())
}

pub(super) fn optional<T: FromStr>(place: &mut Option<T>, value: &str) -> Option<()> {
    *place = if value.is_empty() { None } else { Some(value.parse().ok()?) };
    Some(())
}

/// Bytes in the largest unit of which they are a whole number.
#[must_use]
pub fn in_units(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = units.into_iter().find(|(bits, _)| bytes > 0 && bytes.is_multiple_of(1 << bits));
    whole.map_or_else(|| format!("{bytes} B"), |(bits, unit)| format!("{} {unit}", bytes >> bits))
}
