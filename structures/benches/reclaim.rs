//! What each scheme's calls cost in one thread: entering and leaving, protecting, retiring.

use std::hint::black_box;
use std::sync::atomic::{AtomicPtr, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use structures::reclaim::{Guard, Node, Participant, Payload, Reclaimer, Visitor, for_each};

/// As large as an entry of a chained table with `u64` keys and values.
struct Entry(#[allow(dead_code, reason = "only its size counts")] [u64; 4]);

impl Payload for Entry {}

struct Schemes<'c>(&'c mut Criterion);

impl Visitor for Schemes<'_> {
    fn visit<R: Reclaimer + 'static>(&mut self) {
        let domain = R::new(None);
        let mut participant = domain.register();
        let mut group = self.0.benchmark_group(R::NAME);
        group.bench_function("enter-leave", |b| b.iter(|| drop(black_box(participant.enter()))));
        group.bench_function("protect", |b| {
            let node = Node::alloc(&domain, Entry([0; 4])).publish();
            let link = AtomicPtr::new(node);
            let mut guard = participant.enter();
            b.iter(|| black_box(guard.protect(0, black_box(&link))));
            drop(guard);
            // SAFETY: nobody else has ever seen it.
            let freed = unsafe { Node::drop_published(link.load(Ordering::Relaxed)) };
            freed.expect("an entry's drop does not panic");
        });
        group.bench_function("alloc-retire", |b| {
            b.iter(|| {
                let mut guard = participant.enter();
                let node = Node::alloc(&domain, Entry([0; 4])).publish();
                // SAFETY: published in no link, so unreachable; allocated for this domain; once.
                unsafe { guard.retire(node) };
            });
        });
        group.finish();
    }
}

fn reclaim(criterion: &mut Criterion) {
    for_each(&mut Schemes(criterion));
}

criterion_group!(benches, reclaim);
criterion_main!(benches);
