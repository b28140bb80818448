#!/usr/bin/env bash
# Adversarial schedules by shuttle: each operation takes effect once wherever a thread is left
# standing, and each table's progress is what it says. `ci/shuttle.sh deep` stands at every pair of
# steps and tries 100 times as many random schedules; other arguments go to the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ "${1:-}" == deep ]]; then
    shift
    export SHUTTLE_DEPTH=100
fi
export RUSTFLAGS="--cfg shuttle"
# Other flags than the other builds', so another folder.
export CARGO_TARGET_DIR=target/shuttle
cargo test -p structures --test explorer --test progress -- --nocapture --test-threads 1 "$@"
