#!/usr/bin/env bash
# Virtual cores: their own tests, and `cargo predict`, built as its alias builds it but for its optimisation, which
# takes a third of the compiler's time and saves the tests seconds. Arguments go to the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg simulate"
# Other flags than the other builds', so another folder.
export CARGO_TARGET_DIR=target/simulate
cargo test -p virtual-cores --bin predict --test predict -- "$@"
