#!/usr/bin/env bash
# The README's test command, and what only another feature shows.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test
# The README's `cargo run` asks which program it is to run if there are two.
programs=$(cargo metadata --no-deps --format-version 1 | grep -o '"kind":\["bin"\]' | wc -l)
[ "$programs" -eq 1 ] || { echo "test.sh: the workspace has $programs programs, not one" >&2; exit 1; }
# Seeded bugs whose code has changed would find nobody.
if python3 -c 'import tomllib' 2>/dev/null; then ci/mutants.sh --check; fi
cargo test -p structures --features stats --test cuckoo_striped
