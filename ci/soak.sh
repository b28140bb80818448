#!/usr/bin/env bash
# Endurance: `ci/soak.sh MINUTES` (10 unless told). A third of the time our tables live through waves of
# threads that come and go, growth, removal of everything and stalled readers, with their contents and
# the memory in use checked after each; a sixth of it the caches, under every policy, with each value checked;
# a quarter goes to histories of every subject, peers among them; and a quarter to sweeps with faults, whose
# trials check themselves. Before that, tables grow from sixteen buckets to ten million entries, half a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-10}
case $minutes in ''|*[!0-9]*|0) echo "usage: ci/soak.sh MINUTES, a whole number from 1" >&2; exit 2 ;; esac
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
BENCH=$(bash ci/bench.sh)
export BENCH

echo "+ growth to ten million entries"
GROWTH_ENTRIES=10000000 cargo test --release -p structures --test growth -- --nocapture millions_of_entries
echo "+ waves, $((minutes * 20)) s"
SOAK_SECONDS=$((minutes * 20)) cargo test --release -p structures --test soak -- --nocapture
echo "+ caches, $((minutes * 10)) s"
SOAK_SECONDS=$((minutes * 10)) cargo test --release -p cache --test threads -- --nocapture every_value
echo "+ histories, $((minutes * 15)) s"
bash ci/verify.sh $((minutes * 15))
echo "+ faults, $((minutes * 15)) s"
ends=$((SECONDS + minutes * 15))
round=0
while [ "$round" -eq 0 ] || [ "$SECONDS" -lt "$ends" ]; do
    "$BENCH" sweep experiments/test/reclamation.toml --seed "$round" \
        --out "$out/$round" >"$out/log" 2>&1 || { cat "$out/log"; exit 1; }
    round=$((round + 1))
done
echo "soak: $minutes minutes, $round sweeps with faults"
