#!/usr/bin/env bash
# Adversarial schedules by shuttle: each operation takes effect once wherever a thread is left
# standing, and each table's progress is what it says. `ci/shuttle.sh deep` stands at every pair of
# steps and tries 100 times as many random schedules; `ci/shuttle.sh asan` has AddressSanitizer look
# at what the schedules touch; other arguments go to the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg shuttle"
# Other flags than the other builds', so another folder: that of ci/scenarios.sh, built with the same settings and, as
# there, without the meter, so that libraries and `structures` are built once. As in other tests, assertions of ours are
# checked; those of libraries take time.
export CARGO_TARGET_DIR=target/shuttle
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_DEBUG=0
checked=profile.release.package.structures
# Tables are compiled for longer than they run here.
options=(--release --config "$checked.opt-level=1")
options+=(--config "$checked.debug-assertions=true" --config "$checked.overflow-checks=true")
started=()
while true; do
    case "${1:-}" in
        deep) export SHUTTLE_DEPTH=100 ;;
        asan)
            # An unstable option of the compiler that the project is built with.
            export RUSTC_BOOTSTRAP=1
            RUSTFLAGS+=" -Zsanitizer=address"
            CARGO_TARGET_DIR=target/shuttle-asan
            # What an optimiser leaves out, the sanitizer does not see: so it is the profile of tests.
            options=(--target x86_64-unknown-linux-gnu)
            # What a scheme leaks by design is no error; the stacks of shuttle's threads are its own.
            export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0
            ;;
        *) break ;;
    esac
    shift
done
programs=(explorer progress)
# shellcheck disable=SC2046
cargo test -p structures --no-default-features --no-run $(printf -- '--test %s ' "${programs[@]}") "${options[@]}"
# Both at a time: each runs one schedule after the other.
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for program in "${programs[@]}"; do
    cargo test -p structures --no-default-features --test "$program" "${options[@]}" \
        -- --nocapture --test-threads 1 "$@" >"$out/$program" 2>&1 &
    started+=($!)
done
status=0
for index in "${!programs[@]}"; do
    wait "${started[$index]}" || status=1
    cat "$out/${programs[$index]}"
done
exit "$status"
