#!/usr/bin/env bash
# Prints the path of the program that other scripts run: what users build, built anew if it must be, or
# the one that BENCH names.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${BENCH:-}" ]; then
    cargo build --release --bin bench >&2
    BENCH=${CARGO_TARGET_DIR:-target}/release/bench
fi
[ -x "$BENCH" ] || { echo "bench.sh: BENCH is $BENCH, which is no program" >&2; exit 1; }
echo "$BENCH"
