//! `[mix]`: the operation mixes of an experiment.

use super::error::Problem;
use super::value::{MIX, PERCENT, Section};
use crate::case::Mix;

/// How mixes follow from the `reads` axis.
#[derive(Clone, Copy)]
pub(super) enum MixRule {
    /// One mix; there is no `reads` axis.
    Fixed(Mix),
    /// Fractions of what the reads leave.
    Rest { inserts: f64, removes: f64, updates: f64, upserts: f64 },
}

impl MixRule {
    /// Without a `[mix]`: half of the rest inserts, half removes.
    pub(super) const HALVES: Self =
        Self::Rest { inserts: 0.5, removes: 0.5, updates: 0.0, upserts: 0.0 };

    /// `None` if a percentage is wrong, or they do not sum to 100.
    pub(super) fn read(section: &Section<'_, '_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let before = problems.len();
        let [reads, inserts, removes, updates, upserts] =
            [0, 1, 2, 3, 4].map(|i| section.one(MIX[i], &PERCENT, problems).unwrap_or_default());
        if problems.len() > before {
            return None;
        }
        let fixed = section.get("reads").is_some();
        let sum = reads + inserts + removes + updates + upserts;
        if (sum - 100.0).abs() > 1e-9 {
            problems.push(wrong_sum(section, sum, fixed));
            return None;
        }
        Some(if fixed {
            Self::Fixed(Mix { reads, inserts, removes, updates, upserts })
        } else {
            Self::Rest {
                inserts: inserts / 100.0,
                removes: removes / 100.0,
                updates: updates / 100.0,
                upserts: upserts / 100.0,
            }
        })
    }

    /// The mix with `reads` percent reads.
    pub(super) fn mix(self, reads: f64) -> Mix {
        match self {
            Self::Fixed(mix) => mix,
            Self::Rest { inserts, removes, updates, upserts } => {
                let rest = 100.0 - reads;
                Mix {
                    reads,
                    inserts: rest * inserts,
                    removes: rest * removes,
                    updates: rest * updates,
                    upserts: rest * upserts,
                }
            }
        }
    }
}

fn wrong_sum(section: &Section<'_, '_>, sum: f64, fixed: bool) -> Problem {
    let help = if fixed {
        "with `reads` given, `reads`, `inserts`, `removes`, `updates` and `upserts` are percentages \
         of all operations and sum to 100"
    } else {
        "without `reads`, `inserts`, `removes`, `updates` and `upserts` are percentages of what \
         the reads leave and sum to 100"
    };
    let shares = if (sum - 1.0).abs() < 1e-9 { ": 90 rather than 0.9" } else { "" };
    Problem {
        span: section.span.clone(),
        message: format!("the percentages of `[mix]` sum to {sum}, not 100"),
        help: format!("{help}{shares}"),
    }
}
