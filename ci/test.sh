#!/usr/bin/env bash
# The README's test command, and what only another feature shows.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test
# The README's `cargo run`: of the workspace's programs it is `bench`, which has cargo build the others. The
# tests have built `harness` with `tables`, which their own programs need: so it is not built again. How many crates are,
# is said: none, if tests ask for no feature of a library that other builds lack (see fuzz/Cargo.toml).
said=$(mktemp)
trap 'rm -f "$said"' EXIT
cargo run --features harness/tables -- list structures 2>"$said" | grep chaining-inline >/dev/null || {
    cat "$said" >&2
    echo "test.sh: cargo run does not list the tables" >&2
    exit 1
}
echo "cargo run: $(grep -c '^ *Compiling ' "$said" || true) crates were compiled anew"
# Seeded bugs whose code has changed would find nobody.
if python3 -c 'import tomllib' 2>/dev/null; then ci/mutants.sh --check; fi
# Of the whole workspace, so that libraries have the features with which they have been built.
cargo test --workspace --features structures/stats --test cuckoo_striped
