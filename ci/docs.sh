#!/usr/bin/env bash
# Documentation without warnings (broken links among them).
set -euo pipefail
cd "$(dirname "$0")/.."
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
echo "docs: clean"
