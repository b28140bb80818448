//! Decides when a trial's workers run: slices of time, what was done in each, and the [`Conductor`] that
//! assigns them.
//!
//! A trial that takes no turns is one slice of its `seconds`: [`Alone`]. A trial that takes turns with others gets its
//! slices from outside ([`turns`](crate::turns)).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::metric::Asleep;

/// How long those who cannot end a slice are waited for, in a trial whose stalled reader may be what they
/// wait for; then it is let go. Far longer than a scheduler keeps a thread from its CPU.
const PATIENCE: Duration = Duration::from_millis(100);

/// One trial's turn, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// All of it.
    pub seconds: f64,
    /// The first part, in which operations are done and not counted: caches are filled again.
    pub settle: f64,
}

impl Slice {
    /// Whether it is one, which has a counted part.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let is_time = |seconds| Duration::try_from_secs_f64(seconds).is_ok();
        is_time(self.settle) && is_time(self.seconds) && self.settle < self.seconds
    }

    pub(crate) fn settle(&self) -> Duration {
        Duration::from_secs_f64(self.settle)
    }

    pub(crate) fn counted(&self) -> Duration {
        Duration::from_secs_f64(self.seconds - self.settle)
    }
}

/// What was done in the counted part of a slice, and in the sleep before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// The counted part; less, if there was nothing left to do.
    pub seconds: f64,
    /// Operations in that time.
    pub ops: u64,
    /// CPU time of the process in that time.
    pub cpu_seconds: Option<f64>,
    /// CPU time that the process used in the sleep before.
    pub asleep_cpu_seconds: Option<f64>,
}

/// How a trial's turns went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// Slices.
    pub slices: u64,
    /// What its process did meanwhile.
    pub asleep: Asleep,
}

/// Who says when a trial's workers work.
pub trait Conductor {
    /// The next slice, or `None` if there is none; all workers sleep until it is known. `last` is what was
    /// done in the one before; nothing, when the trial is ready for the first.
    ///
    /// # Errors
    ///
    /// There is nobody who could tell.
    fn next(&mut self, last: Option<&Counted>) -> anyhow::Result<Option<Slice>>;

    /// How long workers who do not end a slice are waited for before a stalled reader is let go.
    fn patience(&self) -> Duration {
        PATIENCE
    }
}

/// A trial whose measured time is one slice.
#[derive(Debug)]
pub struct Alone(Option<Slice>);

impl Alone {
    /// Of so many seconds.
    #[must_use]
    pub fn of(seconds: f64) -> Self {
        Self(Some(Slice { seconds, settle: 0.0 }))
    }
}

impl Conductor for Alone {
    fn next(&mut self, _: Option<&Counted>) -> anyhow::Result<Option<Slice>> {
        Ok(self.0.take())
    }

    /// The fault ends with the measured time.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_it_is_one_slice() {
        let mut alone = Alone::of(0.5);
        assert_eq!(alone.next(None).unwrap(), Some(Slice { seconds: 0.5, settle: 0.0 }));
        assert_eq!(alone.next(Some(&Counted::default())).unwrap(), None);
        assert!(alone.patience().is_zero());
    }
}
