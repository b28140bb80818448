//! `[latency]`: at which rates latency is measured.

use std::fmt;

use toml::Spanned;
use toml::de::DeValue;

use super::error::Problem;
use super::value::{LATENCY, RATE, SECONDS, Section, mismatch};
use crate::case::Case;

/// More rates than anyone can run.
const MAX_RATES: usize = 1000;

/// The latency trials of each cell.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyPlan {
    /// Operations per second, of all workers together; each once.
    pub rates: Vec<f64>,
    /// Measured time of a trial.
    pub seconds: f64,
}

impl LatencyPlan {
    /// `seconds` is the time if the table sets none. `None` if something in it is wrong.
    pub(super) fn read(
        value: &Spanned<DeValue<'_>>,
        seconds: f64,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            problems.push(mismatch("latency", value, "a table: `[latency]` on a line by itself"));
            return None;
        };
        let before = problems.len();
        let section = Section::new("[latency]", value.span(), table, LATENCY, problems);
        let seconds = section.one("seconds", &SECONDS, problems).unwrap_or(seconds);
        if section.get("rates").is_none() {
            problems.push(Problem {
                span: section.lack.clone(),
                message: "`[latency]` has no `rates`".to_owned(),
                help: "add a line such as `rates = [100_000]`: operations per second".to_owned(),
            });
        }
        let listed = section.many("rates", &RATE, problems)?;
        if listed.len() > MAX_RATES {
            problems.push(Problem {
                span: section.get("rates").map_or_else(|| section.span.clone(), Spanned::span),
                message: format!("`rates` has {} rates", listed.len()),
                help: format!("each is a trial of every cell; list at most {MAX_RATES}"),
            });
            return None;
        }
        let mut rates = Vec::new();
        for rate in listed {
            if rate.get_ref() * seconds < 1.0 {
                problems.push(too_slow(&rate, seconds));
            }
            if !rates.contains(rate.get_ref()) {
                rates.push(*rate.get_ref());
            }
        }
        (problems.len() == before).then_some(Self { rates, seconds })
    }

    /// Whether `case` has latency trials.
    #[must_use]
    pub fn takes(&self, case: &Case) -> bool {
        case.has_single_operations() && !case.ends_by_itself()
    }

    /// Why some of `cases` have no latency trials, if some have none; it is a problem if none has.
    pub(super) fn left_out(&self, cases: &[Case]) -> Option<String> {
        let count = |of: fn(&Case) -> bool| cases.iter().filter(|case| of(case)).count();
        let reasons = [
            (
                count(|case| !case.has_single_operations() && case.server.is_none()),
                "an operation in a batch, or in a pin of several, has no latency of its own",
            ),
            (
                count(|case| !case.has_single_operations() && case.server.is_some()),
                "a request that others are sent with has no latency of its own",
            ),
            (count(Case::ends_by_itself), "what fills a range ends when it is full"),
        ];
        let of = cases.len();
        let told = reasons.into_iter().filter(|(refused, _)| *refused > 0);
        let told: Vec<String> = told
            .map(|(refused, why)| format!("latency of {refused} of {of} cells: {why}"))
            .collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

fn too_slow(rate: &Spanned<f64>, seconds: f64) -> Problem {
    Problem {
        span: rate.span(),
        message: format!(
            "`rates` has {} operations per second, which is less than one in a trial of {seconds} s",
            rate.get_ref()
        ),
        help: format!("at least {} goes with this time", (1.0 / seconds).ceil()),
    }
}

impl fmt::Display for LatencyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates: Vec<String> = self.rates.iter().map(ToString::to_string).collect();
        write!(f, "{} operations per second for {} s", rates.join(", "), self.seconds)
    }
}
