//! What the next operation and key cost, without a map. With the trial's loop and the call of
//! a no-op map it may be 5 ns.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::SeedableRng;
use trials::case::Mix;
use trials::workload::{
    Drawn, HotSet, HotSetKeys, Keys, OpMix, Rng, SequentialKeys, Source, Stream, UniformKeys,
    ZipfKeys,
};

/// Draws in one iteration.
const BATCH: u64 = 1 << 14;

/// 2^10, 2^20 and 2^24 keys.
const RANGES: [u32; 3] = [10, 20, 24];

fn bench_keys<D: Keys>(keys: &mut D, rng: &mut Rng) {
    // The generator lives in registers, as in the loop that draws a block.
    let mut local = rng.clone();
    for _ in 0..BATCH {
        black_box(keys.next_key(&mut local));
    }
    *rng = local;
}

fn bench_stream(stream: &mut Stream) {
    stream.for_each(BATCH as usize, |op, key| {
        black_box((op, key));
    });
}

fn keys(c: &mut Criterion) {
    let mut group = c.benchmark_group("key");
    group.throughput(Throughput::Elements(BATCH));
    let mut rng = Rng::seed_from_u64(1);
    for bits in RANGES {
        let mut uniform = UniformKeys::new(1 << bits);
        group.bench_function(BenchmarkId::new("uniform", bits), |b| {
            b.iter(|| bench_keys(&mut uniform, &mut rng));
        });
        let mut zipf = ZipfKeys::new(1 << bits, 0.99, 1);
        group.bench_function(BenchmarkId::new("zipf-0.99", bits), |b| {
            b.iter(|| bench_keys(&mut zipf, &mut rng));
        });
    }
    group.finish();
}

fn operations(c: &mut Criterion) {
    let mut group = c.benchmark_group("operation");
    group.throughput(Throughput::Elements(BATCH));
    let mix = OpMix::new(&Mix::balanced(50.0)).expect("a balanced mix sums to 100");
    for bits in RANGES {
        let hot_set = HotSet { keys: 0.01, operations: 0.9, shift: 100_000 };
        let sources: [(&str, Box<dyn Source>); 4] = [
            ("uniform", Box::new(Drawn::new(UniformKeys::new(1 << bits), mix, 1))),
            ("zipf-0.99", Box::new(Drawn::new(ZipfKeys::new(1 << bits, 0.99, 1), mix, 1))),
            ("hot-set", Box::new(Drawn::new(HotSetKeys::new(1 << bits, hot_set, 1), mix, 1))),
            ("sequential", Box::new(Drawn::new(SequentialKeys::new(1 << bits, 0, 1), mix, 1))),
        ];
        for (name, source) in sources {
            let mut stream = Stream::new(source);
            group.bench_function(BenchmarkId::new(name, bits), |b| {
                b.iter(|| bench_stream(&mut stream));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, keys, operations);
criterion_main!(benches);
