#!/usr/bin/env bash
# Model checking by loom: the control words' protocols, the optimistic and the striped cuckoo table, the
# chained table with inline entries, the lock-free list, growth, the universal constructions and the
# reclaimers, under every interleaving with at most three preemptions, or as many as LOOM_MAX_PREEMPTIONS
# says (the longest with one or two fewer), and then the cache's store `memc3`. Prints what it explored.
# Arguments go to the tests; TESTS names the test programs of `structures`, and `cache` is that crate's, else
# all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg loom"
export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-3}
# Other flags than the other builds', so another folder.
export CARGO_TARGET_DIR=target/loom
# Small crates, run once: the build is what takes time.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_DEBUG=0
# Tables are compiled for longer than they run here.
export quick=profile.release.package.structures.opt-level=1
tests=${TESTS:-loom loom_two_buckets loom_list loom_striped loom_growth loom_inline loom_reclaim loom_rcu loom_psim loom_bundles cache}
ours=$(printf -- '%s\n' $tests | sed -n '/^cache$/!s/^/--test /p')
# Without the meter, whose atomics loom does not see: so are the tables of the cache and of ci/scenarios.sh built.
# shellcheck disable=SC2086
[ -z "$ours" ] || cargo test -p structures --no-default-features --release --config "$quick" --no-run $ours
case " $tests " in *" cache "*) cargo test -p cache --release --config "$quick" --no-run --lib --test loom ;; esac

# As many beside each other as there are processors: what takes longest of a program is one model, in one thread.
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
run() { # folder, program, arguments
    local folder=$1 program=$2
    shift 2
    case $program in
        cache) set -- -p cache --release --config "$quick" --lib --test loom -- --nocapture "$@" ;;
        *) set -- -p structures --no-default-features --release --config "$quick" --test "$program" -- --nocapture "$@" ;;
    esac
    cargo test "$@" >"$folder/$program" 2>&1
}
export -f run
status=0
printf -- '%s\n' $tests | xargs -P "$(nproc)" -I PROGRAM bash -c 'run "$@"' bash "$out" PROGRAM "$@" || status=1
for program in $tests; do cat "$out/$program"; done
exit "$status"
