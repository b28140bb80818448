#!/bin/sh
# The conformance suite, safe code that misuses what is public, threads that exit, guards within guards, and eight
# threads on caches that are too small, under AddressSanitizer, with random yields between loading a pointer and
# using it (`--cfg perturb`); then the suite again under LeakSanitizer, without the scheme that leaks by design.
# Then the control: a scheme that frees at once must be reported, or the runs before prove nothing. Arguments
# choose tests, e.g. `ci/asan.sh epoch`.
set -eu
cd "$(dirname "$0")/.."
# The sanitizers are unstable options of the compiler that the project is built with.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=address --cfg perturb"
export CARGO_TARGET_DIR=target/asan
crate=structures
run() {
    name=$1
    shift
    echo "+ ASAN_OPTIONS=$ASAN_OPTIONS cargo test -p $crate --test $name -- $*"
    cargo test -p "$crate" --test "$name" --target x86_64-unknown-linux-gnu -- "$@"
}
must_be_caught() {
    log=$CARGO_TARGET_DIR/$1.log
    if run broken --ignored --exact "$1" >"$log" 2>&1; then
        echo "asan.sh: broken::$1 passed, but AddressSanitizer should have stopped it" >&2
        exit 1
    fi
    if ! grep 'ERROR: AddressSanitizer: heap-use-after-free' "$log"; then
        cat "$log"
        echo "asan.sh: broken::$1 failed, but not by a heap-use-after-free" >&2
        exit 1
    fi
}
ASAN_OPTIONS=detect_leaks=0 && export ASAN_OPTIONS
run conformance "$@"
run conformance_versioned "$@"
run misuse "$@"
run exits "$@"
run nested "$@"
crate=cache
run threads "$@"
run misuse "$@"
crate=structures
ASAN_OPTIONS=detect_leaks=1 && export ASAN_OPTIONS
# Behind a `Drop` that panics the compiler leaks the value that a function is about to return: those tests count
# by themselves what is alive, and allow that many and no more.
run conformance --skip _leak:: --skip ::panicking_drop "$@"
run conformance_versioned --skip _leak:: --skip ::panicking_drop "$@"
ASAN_OPTIONS=detect_leaks=0 && export ASAN_OPTIONS
must_be_caught is_caught_while_a_reader_reads
must_be_caught is_caught_by_the_suite
