//! How often each operation occurs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How often each operation occurs, in percent; they sum to 100.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// `get`.
    pub reads: f64,
    /// `insert` of a random key of the range.
    pub inserts: f64,
    /// `remove` of a random key of the range.
    pub removes: f64,
    /// `update` of a random key of the range: atomically read, modify and write.
    pub updates: f64,
    /// `upsert` of a random key of the range, with a value that does not depend on the old one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub upserts: f64,
}

/// Without `upserts` where there are none: the seeds of trials are hashes of this text.
impl fmt::Debug for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, inserts, removes, updates, upserts } = self;
        let mut shares = f.debug_struct("Mix");
        shares.field("reads", reads).field("inserts", inserts);
        shares.field("removes", removes).field("updates", updates);
        if *upserts != 0.0 {
            shares.field("upserts", upserts);
        }
        shares.finish()
    }
}

impl Mix {
    /// `reads` percent reads, and half of the rest inserts, half removes.
    #[must_use]
    pub fn balanced(reads: f64) -> Self {
        let half = (100.0 - reads) / 2.0;
        Self { reads, inserts: half, removes: half, updates: 0.0, upserts: 0.0 }
    }
}

/// A percentage to a hundredth: the mixes of presets and traces have digits that nobody reads. O(1).
#[must_use]
pub fn percentage(value: f64) -> String {
    ((value * 100.0).round() / 100.0).to_string()
}

/// What is right as it is written, and may not be meant: a percentage under 1, of an option or a key of that name.
#[must_use]
pub fn doubtful_percentage(name: &str, value: f64) -> Option<String> {
    let is_share = value > 0.0 && value < 1.0;
    is_share.then(|| {
        // Of a mere product digits would be shown that nobody has written.
        let percentage = (1e8 * value).round() / 1e6;
        format!(
            "`{name}` is {value}, which is {value} % of the operations; if a share of them is \
             meant, write {percentage}"
        )
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_the_digits_that_are_read() {
        let shown = [100.0 * 30.0 / 31.0, 95.0, 0.5, 0.0].map(percentage);
        assert_eq!(shown, ["96.77", "95", "0.5", "0"]);
    }
}
