#!/usr/bin/env bash
# The conformance suite and the reclaimers' tests under Miri, which sees undefined behaviour that runs
# by chance: aliasing, uninitialised memory, misuse of provenance. It needs a nightly toolchain with
# the component `miri`; where that is absent this says so and fails. With `--cfg miri` the suite's
# numbers are small. Arguments go to the conformance suite, e.g. `ci/miri.sh chaining_lock_free_leak`.
set -euo pipefail
cd "$(dirname "$0")/.."
toolchain=${MIRI_TOOLCHAIN:-nightly}
if ! cargo "+$toolchain" miri --version >/dev/null 2>&1; then
    echo "miri: not run: the toolchain \`$toolchain\` has no Miri (\`rustup component add miri\` adds it)" >&2
    exit 1
fi
# The system's clock is what decides how long some tests wait; leaks are checked by ci/asan.sh.
export MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-strict-provenance -Zmiri-ignore-leaks"
export CARGO_TARGET_DIR=target/miri
cargo "+$toolchain" miri test -p structures --lib
cargo "+$toolchain" miri test -p structures --test conformance -- "$@"
echo "miri: no undefined behaviour found"
