//! The end of the prefill: the nodes that it has retired are freed before anything is measured.
//!
//! A construction that copies a path for each update retires some six nodes per prefilled key, and
//! readers free nodes as well. Without this step the lookups of a whole trial would be dominated by the freeing of
//! three million nodes.

use std::thread;

use table::Table;
use table::meter::Meter;

use super::join;

/// Keys that are looked up at a time.
const LOOKUPS: u64 = 1024;
/// After so many times in vain the rest stays: it is less than a batch, or the scheme frees nothing.
const VAIN: u32 = 16;

/// Looks keys up, in a thread that exits, as long as that frees nodes. Of a table whose nodes the meter counts.
pub(super) fn drain(map: &dyn Table, meter: Meter) {
    let left = || (meter.read)().map_or(0, |reading| reading.unreclaimed.nodes);
    let keys: Vec<u64> = (0..LOOKUPS).collect();
    let look_up = || {
        let mut handle = map.handle();
        while_it_falls(left, || {
            handle.find(&keys);
        });
    };
    join(thread::scope(|scope| scope.spawn(look_up).join()));
}

/// Works until nothing is left, or what is left has not become less for so many times.
fn while_it_falls(left: impl Fn() -> u64, mut work: impl FnMut()) {
    let (mut least, mut vain) = (left(), 0);
    while least > 0 && vain < VAIN {
        work();
        let now = left();
        vain = if now < least { 0 } else { vain + 1 };
        least = least.min(now);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    /// Frees so many a time, often none for a while; some are never freed.
    #[test]
    fn what_can_be_freed_is() {
        for seed in 0..200 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let kept = if seed % 2 == 0 { 0 } else { rng.random_range(0..100) };
            let (left, calls) = (Cell::new(kept + rng.random_range(0..5_000)), Cell::new(0));
            let mut pause = 0;
            while_it_falls(
                || left.get(),
                || {
                    calls.set(calls.get() + 1);
                    if pause == 0 {
                        left.set(left.get().saturating_sub(rng.random_range(1..200)).max(kept));
                        pause = rng.random_range(0..VAIN);
                    } else {
                        pause -= 1;
                    }
                },
            );
            assert_eq!(left.get(), kept, "seed {seed}");
            assert!(calls.get() <= 5_000 * VAIN + VAIN, "it ends: {}", calls.get());
        }
    }
}
