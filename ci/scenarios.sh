#!/usr/bin/env bash
# Generated programs on every table, each explored by loom or by shuttle and each outcome checked
# for a linearization: docs/CORRECTNESS.md. Prints programs and executions of each table; fails if
# something was wrong, or if a table had none. Without arguments each table has a budget of
# executions; `ci/scenarios.sh deep` runs all of the exhaustive families. Other arguments: names of
# tables, --seed N, --executions N, --each N, --preemptions N,
# --program 'LAYOUT [KEYS]: OPERATION, … | OPERATION, …'.
# CHECKERS=loom or CHECKERS=shuttle runs one of the two.
set -euo pipefail
cd "$(dirname "$0")/.."
# Small crates, run once: the build is what takes time. Libraries are there from ci/loom.sh and ci/shuttle.sh, if
# those have run, and are built with the same settings.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_DEBUG=0
# Assertions under shuttle: of our crates, as ci/shuttle.sh has them; those of libraries take time.
checked=()
for package in structures eviction cache linearizability scenarios; do
    for kind in debug-assertions overflow-checks; do
        checked+=(--config "profile.release.package.$package.$kind=true")
    done
done
for checker in ${CHECKERS:-loom shuttle}; do
    # As ci/loom.sh and ci/shuttle.sh build them.
    options=(--config profile.release.package.structures.opt-level=1)
    [ "$checker" != shuttle ] || options+=("${checked[@]}")
    # Other flags than the other builds', so another folder.
    RUSTFLAGS="--cfg $checker" CARGO_TARGET_DIR=target/$checker \
        cargo test -p scenarios --release "${options[@]}" --test scenarios -- "$@"
done
