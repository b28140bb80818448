//! The options of `bench run` that choose the keys of operations.

use super::values::{fraction, none_of, skew};
use crate::failure::{Failure, usage};
use crate::workload::{DISTRIBUTIONS, Distribution, HotSet, MAX_KEYS};

#[derive(Debug, clap::Args)]
pub(super) struct DrawnArgs {
    /// The distribution of keys: a name from `bench list workloads`; by default `uniform`, or `zipf`
    /// if --zipf is above 0
    #[arg(long, value_name = "NAME", value_parser = distribution)]
    distribution: Option<Named>,
    /// Skew of the distribution of keys; 0 is uniform
    #[arg(long, value_name = "THETA", default_value_t = 0.0, value_parser = skew, allow_negative_numbers = true)]
    pub(super) zipf: f64,
    /// Share of the keys that are hot; with --distribution hot-set [default: 0.2]
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    hot_keys: Option<f64>,
    /// Share of the operations that use hot keys [default: 0.8]
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    hot_operations: Option<f64>,
    /// Operations of a thread after which other keys become hot; 0 means never [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=MAX_KEYS))]
    hot_shift: Option<u64>,
}

impl DrawnArgs {
    /// The distribution, if what is said of it goes together.
    pub(super) fn distribution(&self) -> Result<Distribution, Failure> {
        let hot = (self.hot_keys, self.hot_operations, self.hot_shift);
        let Some(Named { name, distribution }) = self.distribution else {
            return match hot {
                (None, None, None) => Ok(Distribution::Ranked),
                _ => Err(usage("a hot set needs --distribution hot-set".to_owned())),
            };
        };
        let has_skew = Distribution::has_skew(name);
        if name == "zipf" && self.zipf == 0.0 {
            return Err(usage(
                "--distribution zipf needs a --zipf above 0, such as 0.99".to_owned(),
            ));
        }
        if !has_skew && self.zipf != 0.0 {
            return Err(usage(format!(
                "--distribution {name} has no skew, and --zipf is {}",
                self.zipf
            )));
        }
        match (distribution, hot) {
            (Distribution::HotSet(common), (keys, operations, shift)) => {
                Ok(Distribution::HotSet(HotSet {
                    keys: keys.unwrap_or(common.keys),
                    operations: operations.unwrap_or(common.operations),
                    shift: shift.unwrap_or(common.shift),
                }))
            }
            (_, (None, None, None)) => Ok(distribution),
            _ => Err(usage(format!("--distribution {name} has no hot set"))),
        }
    }
}

/// A distribution and the name that it was called by.
#[derive(Clone, Copy, Debug)]
struct Named {
    name: &'static str,
    distribution: Distribution,
}

fn distribution(text: &str) -> Result<Named, String> {
    let names = DISTRIBUTIONS.map(|(name, _)| name);
    let name = names.into_iter().find(|name| *name == text);
    name.and_then(|name| Some(Named { name, distribution: Distribution::named(name)? }))
        .ok_or_else(|| none_of("distributions", text, &names))
}
