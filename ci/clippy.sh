#!/usr/bin/env bash
# Lints, as errors: every target, with the default features and the tables' statistics; and with no
# features.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo clippy --workspace --all-targets --features structures/stats -- -D warnings
cargo clippy --workspace --no-default-features -- -D warnings
echo "clippy: clean"
