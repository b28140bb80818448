//! Values of command-line options: reads one, or says what it should be.

use crate::experiment::{did_you_mean, find_preset};
use crate::fault::Fault;
use crate::hashers::Hashing;
use crate::programs::on_demand;
use crate::rows::latency::RATES;
use crate::workload::{Length, Preset, SHORTEST_KEY};

pub(super) fn hashing(text: &str) -> Result<Hashing, String> {
    Hashing::named(text).ok_or_else(|| none_of("hashers", text, &Hashing::ALL.map(Hashing::name)))
}

pub(super) fn key_bytes(text: &str) -> Result<Length, String> {
    length(text, SHORTEST_KEY)
}

pub(super) fn value_bytes(text: &str) -> Result<Length, String> {
    length(text, 0)
}

fn length(text: &str, least: u32) -> Result<Length, String> {
    let fits =
        |length: &Length| !matches!(length, Length::Bytes(n) if !(least..=1 << 16).contains(n));
    let expected = || format!("a whole number from {least} to 65536, or `etc`");
    Length::parsed(text).filter(fits).ok_or_else(expected)
}

/// A length on paper, in points of SVG and PDF: 72 an inch.
pub(super) fn width(text: &str) -> Result<f64, String> {
    const UNITS: [(&str, f64); 5] =
        [("mm", 72.0 / 25.4), ("cm", 72.0 / 2.54), ("in", 72.0), ("pt", 72.0 / 72.27), ("bp", 1.0)];
    let expected = || "a length from 20mm to 2000mm, in mm, cm, in, pt or bp".to_owned();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
        .ok_or_else(expected)?;
    let points = number.trim().parse::<f64>().map_err(|_| expected())? * unit;
    let millimetres = points * 25.4 / 72.0;
    if (20.0..=2000.0).contains(&millimetres) { Ok(points) } else { Err(expected()) }
}

pub(super) fn unknown(what: &str, name: &str, names: &[&str]) -> String {
    if let ("structure", Some(how)) = (what, on_demand(name)) {
        return format!("there is no {what} `{name}`; {how}");
    }
    let hint = did_you_mean(name, names);
    format!("there is no {what} `{name}`; {hint}`bench list` shows all")
}

/// The same of a value whose names are few.
pub(super) fn none_of(what: &str, name: &str, names: &[&str]) -> String {
    format!("{}the {what} are {}", did_you_mean(name, names), names.join(", "))
}

fn number(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() { Ok(number) } else { Err("must be finite".to_owned()) }
}

pub(super) fn in_range(text: &str, low: f64, high: f64, what: &str) -> Result<f64, String> {
    let number = number(text)?;
    if (low..=high).contains(&number) { Ok(number) } else { Err(format!("must be {what}")) }
}

pub(super) fn preset(text: &str) -> Result<&'static Preset, String> {
    find_preset(text).map_err(|(message, help)| format!("{message}; {help}"))
}

pub(super) fn fault(text: &str) -> Result<Fault, String> {
    Fault::named(text).ok_or_else(|| none_of("faults", text, &Fault::ALL.map(Fault::name)))
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    in_range(text, 0.0, 100.0, "a percentage, 0 to 100")
}

pub(super) fn fraction(text: &str) -> Result<f64, String> {
    in_range(text, 0.0, 1.0, "a share, 0 to 1")
}

pub(super) fn rate(text: &str) -> Result<f64, String> {
    let what = "a number of operations per second, 0.001 to 1000000000";
    in_range(text, *RATES.start(), *RATES.end(), what)
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    in_range(text, 0.0, 86_400.0, "a number of seconds, 0 to 86400")
}

pub(super) fn positive_seconds(text: &str) -> Result<f64, String> {
    in_range(text, 0.001, 86_400.0, "a number of seconds, 0.001 to 86400")
}

pub(super) fn skew(text: &str) -> Result<f64, String> {
    in_range(text, 0.0, f64::MAX, "0 or more")
}
