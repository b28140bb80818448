#!/usr/bin/env bash
# Hit ratios of `bench hit` against those of libcachesim (PyPI), an implementation by others, on the same
# requests. It is installed into a virtual environment under target/; where that cannot be, this says so and
# is skipped. BENCH names the program to ask.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/cache-oracle
if ! { [ -x "$venv/bin/python" ] || python3 -m venv "$venv"; } >/dev/null 2>&1 ||
    ! "$venv/bin/python" -m pip install --quiet libcachesim==0.3.5 >/dev/null 2>&1; then
    echo "cache: skipped: libcachesim 0.3.5 cannot be installed here"
    exit 0
fi
if [ -z "${BENCH:-}" ]; then
    cargo build --release -p bench
    BENCH=$target/release/bench
fi
exec "$venv/bin/python" ci/cache.py "$BENCH"
