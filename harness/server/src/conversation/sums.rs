//! Arithmetic: the same for lines, meta commands and packets. A number is kept as its digits.

use cache::store::{Found, Write};
use cache::time::Expiry;

use super::reply;
use crate::caches::Edit;
use crate::protocol::unsigned;
use crate::service::Desk;
use crate::tally::ServerCount;

/// What is asked of a number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Adding<'k> {
    pub(super) key: &'k [u8],
    /// Whether it is to become larger, and not smaller.
    pub(super) is_increment: bool,
    /// By how much.
    pub(super) delta: u64,
    /// The CAS number that it must have; 0 is none.
    pub(super) cas: Option<u64>,
    /// When it is to expire, if that changes.
    pub(super) expiry: Option<Expiry>,
    /// What a missing key is made with, and when it then expires; `None` if it is not made.
    pub(super) made: Option<(u64, Expiry)>,
}

/// How arithmetic has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sum {
    Is(u64),
    #[default]
    NotFound,
    NotNumeric,
    /// It has another CAS number.
    Changed,
    /// There is no memory for the sum.
    NoMemory,
}

/// What arithmetic has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Added {
    pub(super) sum: Sum,
    /// Whether the key was missing, and was to be made.
    pub(super) is_new: bool,
    /// The seconds that were left until it expired.
    pub(super) left: Option<u32>,
    /// What the sum is found with.
    pub(super) found: Found,
}

/// Does what is asked, and counts it.
pub(super) fn add(asked: &Adding<'_>, desk: &mut Desk<'_>) -> Added {
    let mut added = Added::default();
    let done = desk.handle.update(asked.key, &mut desk.buffer, &mut |current, value| {
        let Some(current) = current else {
            let Some((initial, expiry)) = asked.made else { return Edit::Nothing };
            (added.sum, added.is_new) = (Sum::Is(initial), true);
            reply::number(value, initial);
            return Edit::Write(Write { expiry: Some(expiry), ..Write::default() });
        };
        added.left = current.seconds_left();
        current.value_into(value);
        let before = value.len();
        let is_other = asked.cas.is_some_and(|cas| cas != 0 && current.found().cas != Some(cas));
        // As in memcached, what is empty is no number, whichever CAS number it has.
        added.sum = if is_other && !value.is_empty() {
            Sum::Changed
        } else {
            sum_in(value, asked.is_increment, asked.delta).map_or(Sum::NotNumeric, Sum::Is)
        };
        if !matches!(added.sum, Sum::Is(_)) {
            return Edit::Nothing;
        }
        // As in memcached, a sum that is longer is an item anew: it is not stale, and nobody has its token.
        let marks = (value.len() > before).then_some(0);
        Edit::Write(Write { expiry: asked.expiry, marks, ..Write::default() })
    });
    // As in memcached, a key that is made was not missed.
    if !added.is_new {
        count(asked.is_increment, added.sum, desk);
    }
    match done {
        Ok(found) => added.found = found.unwrap_or_default(),
        Err(_) => added.sum = Sum::NoMemory,
    }
    added
}

/// Adds to the number that `value` is, or takes from it: it wraps above, and stops at 0. Writes the sum in its
/// place, which as in memcached does not become shorter: blanks follow.
fn sum_in(value: &mut Vec<u8>, is_increment: bool, delta: u64) -> Option<u64> {
    // As in memcached, what is behind a byte of 0 is not looked at.
    let text = value.split(|&byte| byte == 0).next().unwrap_or_default();
    let number = unsigned(text, u64::MAX)?;
    let sum = if is_increment { number.wrapping_add(delta) } else { number.saturating_sub(delta) };
    let len = value.len();
    value.clear();
    reply::number(value, sum);
    if value.len() < len {
        value.resize(len, b' ');
    }
    Some(sum)
}

fn count(is_increment: bool, sum: Sum, desk: &Desk<'_>) {
    let (hits, misses) = if is_increment {
        (ServerCount::IncrHits, ServerCount::IncrMisses)
    } else {
        (ServerCount::DecrHits, ServerCount::DecrMisses)
    };
    match sum {
        Sum::Is(_) => desk.counts.add(hits, 1),
        Sum::NotFound => desk.counts.add(misses, 1),
        Sum::NotNumeric | Sum::Changed | Sum::NoMemory => {}
    }
}
