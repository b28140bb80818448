#!/usr/bin/env bash
# The README's test command, and what only another feature shows.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test
# Seeded bugs whose code has changed would find nobody.
if python3 -c 'import tomllib' 2>/dev/null; then ci/mutants.sh --check; fi
cargo test -p structures --features stats --test cuckoo_striped
