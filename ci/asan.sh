#!/bin/sh
# The conformance suite under AddressSanitizer, with random yields between loading a pointer and
# using it (`--cfg perturb`); then again under LeakSanitizer, without the scheme that leaks by
# design. Arguments go to the tests, e.g. `ci/asan.sh epoch`.
set -eu
cd "$(dirname "$0")/.."
# The sanitizers are unstable options of the compiler that the project is built with.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=address --cfg perturb"
export CARGO_TARGET_DIR=target/asan
suite() {
    echo "+ ASAN_OPTIONS=$ASAN_OPTIONS cargo test --test conformance -- $*"
    cargo test -p structures --test conformance --target x86_64-unknown-linux-gnu -- "$@"
}
ASAN_OPTIONS=detect_leaks=0 && export ASAN_OPTIONS
suite "$@"
ASAN_OPTIONS=detect_leaks=1 && export ASAN_OPTIONS
suite --skip _leak:: "$@"
