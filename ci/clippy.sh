#!/usr/bin/env bash
# Lints, as errors: every target, with the default features and the tables' statistics; and libraries and programs
# without features, where the code asks for one.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo clippy --workspace --all-targets --features structures/stats -- -D warnings
# Of the crates whose code asks for a feature: all others are the same without. Nearly all of `harness` is its command line.
cargo clippy -p fuzz -p harness -p structures -p trials --no-default-features --features harness/command-line \
    -- -D warnings
echo "clippy: clean"
