#!/usr/bin/env bash
# Formatting.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --all --check
echo "fmt: clean"
