#!/usr/bin/env bash
# Model checking by loom: the control word's protocol, the optimistic and the striped cuckoo table, the
# lock-free list, growth, the universal constructions and the reclaimers, under every interleaving with
# at most three preemptions, or as many as LOOM_MAX_PREEMPTIONS says. Prints what it explored. Arguments
# go to the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg loom"
export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-3}
# Other flags than the other builds', so another folder.
export CARGO_TARGET_DIR=target/loom
# Small crates, run once: the build is what takes time.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0
cargo test -p structures --release --test loom --test loom_two_buckets --test loom_list --test loom_striped --test loom_growth \
    --test loom_reclaim --test loom_rcu --test loom_psim -- --nocapture "$@"
