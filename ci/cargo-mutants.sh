#!/usr/bin/env bash
# The mutants that cargo-mutants makes of the statistics, each against their own tests; and of the schedule and the
# experiment files, each against the library's tests and those of experiment files. One of the latter takes a build
# of the harness, and there are hundreds: hours in all. Arguments go to `cargo mutants`: `--list` shows them,
# `--shard 0/8` takes an eighth, `--re holm` those whose names match. What was found is in
# target/mutants-of-stats/mutants.out and target/mutants.out; docs/CORRECTNESS.md says what the survivors are that
# are known.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cargo mutants --version >/dev/null 2>&1; then
    echo "cargo-mutants: not run: it is absent (\`cargo install cargo-mutants --locked\` adds it)" >&2
    exit 1
fi
mkdir -p target/mutants-of-stats
status=0
cargo mutants --package stats --output target/mutants-of-stats "$@" -- --lib || status=$?
cargo mutants --package harness --output target --file harness/src/sweep/schedule.rs \
    --file 'harness/src/experiment/*.rs' "$@" -- --lib --test experiment || status=$?
exit "$status"
