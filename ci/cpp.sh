#!/usr/bin/env bash
# The tables in C++: installs Debian's packages where it may, builds the program with what is there, runs its
# conformance tests, records and checks histories, and runs one trial of each. What cannot be had is named and left out;
# without a C++ compiler nothing is checked.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get update >/dev/null 2>&1 || true
    # folly is not in Debian 12, and has no adapter.
    for package in g++ libtbb-dev libcuckoo-dev liburcu-dev; do
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package" >"$out/apt" 2>&1 ||
            echo "cpp: apt-get has no $package: $(grep '^E:' "$out/apt" | head -n 1)"
    done
fi
if ! c++ --version >/dev/null 2>&1; then
    echo "cpp: skipped: there is no C++ compiler"
    exit 0
fi

cargo test -p subjects-peers-cpp --features cpp
bench=$(bash ci/bench.sh)
# By the profile of the programs beside which it is looked for.
profile=dev
[[ $bench != */release/* ]] || profile=measured
cargo build --profile "$profile" -p subjects-peers-cpp --features cpp

"$bench" list structures --json >"$out/list.json"
names=()
for name in tbb-hash-map libcuckoo rculfhash; do
    if grep -q "\"name\": \"$name\"" "$out/list.json"; then
        names+=("$name")
    else
        echo "cpp: without $name: its library is not here"
    fi
done
for name in "${names[@]}"; do
    "$bench" verify --structure "$name" --seconds "${1:-3}" --out "$out"
    "$bench" run --structure "$name" --threads 2 --reads 50 --keys 4096 --seconds 0.1 >"$out/trial"
done
"$bench" run --structure cpp-no-op --seconds 0.1 >"$out/trial"
if [ "${#names[@]}" -eq 3 ]; then
    for experiment in cpp-peers cpp-rculfhash; do
        "$bench" sweep "experiments/$experiment.toml" --dry-run | tail -n 1
    done
fi
echo "cpp: ${#names[@]} of 3 tables in C++ conform"
