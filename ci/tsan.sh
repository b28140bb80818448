#!/usr/bin/env bash
# Tables under ThreadSanitizer, with random yields between loading a pointer and using it. It sees
# the tables whose order comes from acquire and release alone; docs/CORRECTNESS.md says which, and why
# not the others. Then the control: a counter without order must be reported.
set -euo pipefail
cd "$(dirname "$0")/.."
# An unstable option of the compiler that the project is built with; the standard library is as it is.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer --cfg perturb"
export CARGO_TARGET_DIR=target/tsan
export TSAN_OPTIONS=halt_on_error=1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() { cargo test -p structures --test tsan --target x86_64-unknown-linux-gnu -- "$@" 2>&1; }
run | tee "$log"
tables=$(grep -c ' operations, ' "$log" || true)
[ "$tables" -gt 0 ] || { echo "tsan: no table was tried" >&2; exit 1; }
if run control >"$log"; then
    echo "tsan: two threads wrote a word without order, and nobody said so" >&2
    exit 1
fi
grep -q 'WARNING: ThreadSanitizer: data race' "$log" || { cat "$log"; exit 1; }
echo "tsan: $tables tables, no data race; the control's was reported"
