#!/usr/bin/env bash
# Virtual cores: their own tests, and `cargo predict`, built as its alias builds it but for its optimisation, which
# takes a third of the compiler's time and saves the tests seconds. Arguments go to the tests; without any, what is
# compiled for virtual cores is linted, too.
set -euo pipefail
cd "$(dirname "$0")/.."
# For our crates alone: libraries do not ask for it, and are there from other tests. Cargo keeps what a wrapper has
# built apart from all else. `fuzz` is not built, but asks for the features with which the others have libraries.
export RUSTC_WORKSPACE_WRAPPER=$PWD/ci/simulate_rustc.sh
cargo test -p virtual-cores -p fuzz --bin predict --test predict -- "$@"
if [ $# -eq 0 ]; then
    # Libraries are as `ci/clippy.sh` has left them.
    RUSTC_WORKSPACE_WRAPPER=$PWD/ci/simulate_clippy.sh \
        cargo check -p virtual-cores -p fuzz --bin predict --test predict
    echo "predict: clippy is clean under \`--cfg simulate\`"
fi
