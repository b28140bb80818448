#!/usr/bin/env bash
# Virtual cores: their own tests, and `cargo predict`, built as its alias builds it. Arguments go to the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg simulate"
# Other flags than the other builds', so another folder.
export CARGO_TARGET_DIR=target/simulate
cargo test --release -p virtual-cores --bin predict --test predict -- "$@"
