//! The requests of a trace, in its order.
//!
//! Thread i of n replays the requests i, i + n, i + 2n and so on. So all threads are at about the same
//! place of the trace, where the same keys are hot: requests that are close in the trace are close in the table. If
//! each thread had a piece of the trace, threads would be at different hours; if each thread had some of the keys, each
//! key's own order would be kept, but no two threads would ever contend for a key. Requests on a key that different
//! threads replay may be executed in another order.
//!
//! After the last request comes the first, on the table as it is then. The warm-up replays the start.

use std::sync::Arc;

use super::{Op, OpMix, Permutation, Purpose, Source, derive};
use crate::case::Mix;
use crate::trace::Trace;

/// Where the operation is in a packed request; below it is the key.
const OP_SHIFT: u32 = 40;

/// The requests of a trace, packed: what threads share.
#[derive(Clone, Debug)]
pub(super) struct Requests(Arc<[u64]>);

impl Requests {
    /// Those of `trace`, whose keys the trial's seed scatters, so that keys that are first asked for
    /// together are no neighbours.
    pub(super) fn new(trace: &Trace, seed: u64) -> Self {
        let scatter = Permutation::new(trace.keys(), derive(seed, Purpose::Scatter, 0));
        let pack = |op: Op, key: u32| (op as u64) << OP_SHIFT | scatter.apply(u64::from(key));
        Self(trace.requests().iter().map(|request| pack(request.op, request.key)).collect())
    }

    /// The operations that occur, in equal shares: however rare one is, it is there.
    pub(super) fn mix(&self) -> OpMix {
        let mut occurs = [false; Op::ALL.len()];
        self.0.iter().for_each(|packed| occurs[(packed >> OP_SHIFT) as usize] = true);
        let all = occurs.iter().filter(|occurs| **occurs).count() as f64;
        let [reads, inserts, removes, updates, upserts] =
            occurs.map(|occurs| if occurs { 100.0 / all } else { 0.0 });
        OpMix::new(&Mix { reads, inserts, removes, updates, upserts }).expect("shares of a whole")
    }

    /// Every `threads`th of them, from that of `thread` on.
    pub(super) fn of_thread(&self, thread: usize, threads: usize) -> Replay {
        let all = self.0.len();
        Replay { requests: self.clone(), next: thread % all, step: threads % all }
    }
}

/// The operations of a thread.
#[derive(Debug)]
pub(super) struct Replay {
    requests: Requests,
    next: usize,
    /// Below the number of requests.
    step: usize,
}

impl Source for Replay {
    fn fill(&mut self, block: &mut [(Op, u64)]) {
        let requests = &self.requests.0[..];
        for slot in block {
            let packed = requests[self.next];
            *slot = (Op::ALL[(packed >> OP_SHIFT) as usize], packed & ((1 << OP_SHIFT) - 1));
            self.next += self.step;
            if self.next >= requests.len() {
                self.next -= requests.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::BLOCK;
    use super::*;

    /// A trace of eight different operations and keys, and two more.
    fn requests(count: usize) -> (Trace, Requests) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let ops = ["get", "set", "add", "cas", "delete"];
        let lines = (0..count).map(|i| format!("0,k{i},9,0,0,{},0\n", ops[i % 5]));
        std::fs::write(&path, lines.collect::<String>()).unwrap();
        let trace = Trace::read(&path).unwrap();
        let requests = Requests::new(&trace, 7);
        (trace, requests)
    }

    fn unpacked(requests: &Requests) -> Vec<(Op, u64)> {
        let mut all = vec![(Op::Get, 0); requests.0.len()];
        requests.of_thread(0, 1).fill(&mut all);
        all
    }

    #[test]
    fn one_thread_replays_all_in_order_with_scattered_keys() {
        let (trace, requests) = requests(1000);
        let all = unpacked(&requests);
        let ops = trace.requests().iter().map(|request| request.op);
        assert!(ops.eq(all.iter().map(|(op, _)| *op)));
        let keys: HashSet<u64> = all.iter().map(|(_, key)| *key).collect();
        assert!(keys.len() == 1000 && keys.iter().all(|key| *key < 1000), "a bijection");
        assert!(all.windows(2).filter(|pair| pair[1].1 == pair[0].1 + 1).count() < 20);
    }

    /// However many threads there are, together they replay the trace over and over.
    #[test]
    fn threads_interleave_and_the_end_is_followed_by_the_start() {
        for (count, threads) in [(10, 1), (10, 3), (7, 7), (5, 8), (1, 3), (1000, 6)] {
            let (_, requests) = requests(count);
            let all = unpacked(&requests);
            let mut blocks: Vec<Vec<(Op, u64)>> = Vec::new();
            for thread in 0..threads {
                let mut replay = requests.of_thread(thread, threads);
                let mut block = vec![(Op::Get, 0); 3 * BLOCK];
                // In pieces: a place in the trace outlives a block.
                block.chunks_mut(50).for_each(|piece| replay.fill(piece));
                blocks.push(block);
            }
            for index in 0..3 * BLOCK * threads {
                let replayed = blocks[index % threads][index / threads];
                assert_eq!(replayed, all[index % count], "{count} by {threads}: {index}");
            }
        }
    }

    #[test]
    fn what_occurs_once_is_in_the_mix() {
        let (_, all) = requests(5);
        assert!(Op::ALL.iter().all(|op| all.mix().has(*op)));
        let (_, two) = requests(2);
        assert_eq!(Op::ALL.map(|op| two.mix().has(op)), [true, false, false, false, true]);
    }
}
