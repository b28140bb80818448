#!/usr/bin/env bash
# Lints, as errors: every target, with the default features and with none.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo clippy --workspace --all-targets -- -D warnings
cargo clippy --workspace --no-default-features -- -D warnings
echo "clippy: clean"
