#!/usr/bin/env bash
# Lints, as errors: every target, with the default features; with none; the library with all.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo clippy --workspace --all-targets -- -D warnings
cargo clippy --workspace --no-default-features -- -D warnings
cargo clippy -p structures --all-targets --all-features -- -D warnings
echo "clippy: clean"
