#!/usr/bin/env bash
# Prints the path of the program that other scripts run: what users build, with the programs of tables that
# it starts, built anew if they must be; or the one that BENCH names, which has its own beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${BENCH:-}" ]; then
    cargo build --release --bin bench >&2
    families=()
    for package in harness/subjects/*/Cargo.toml; do
        # Those that are built on demand: ci/cpp.sh.
        if grep -q '^feature = ' "$package"; then continue; fi
        families+=(--bin "subjects-$(basename "$(dirname "$package")")")
    done
    cargo build --profile measured "${families[@]}" --bin bench-server >&2
    BENCH=${CARGO_TARGET_DIR:-target}/release/bench
fi
[ -x "$BENCH" ] || { echo "bench.sh: BENCH is $BENCH, which is no program" >&2; exit 1; }
echo "$BENCH"
