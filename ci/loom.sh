#!/usr/bin/env bash
# Model checking: the protocol of the control word under every interleaving that loom knows.
# Arguments go to the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg loom"
# Other flags than the other builds', so another folder.
export CARGO_TARGET_DIR=target/loom
cargo test -p structures --release --test loom -- --nocapture --test-threads 1 "$@"
