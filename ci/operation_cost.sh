#!/usr/bin/env bash
# What an operation of a table of words takes in one thread, as callgrind counts it: instructions,
# branches, mispredicted branches (callgrind's predictor), loads, and stores. Kinds: `get` (half of the
# keys are there), `hit`, `miss`, `update` (an insertion and a removal in turn, half of them in vain),
# `pair` (an insertion and the removal of the same key), `insert-present`, `remove-absent`. The loop
# around the operation is in the figures; `none` is that loop alone. Needs valgrind. Arguments: tables,
# else all. KEYS: ranges of keys, half of which the table has.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --profile measured -q -p structures --example operation_cost
program=${CARGO_TARGET_DIR:-target}/measured/examples/operation_cost
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT

# Instructions, branches, mispredictions, loads, stores of a run.
count() {
    valgrind --tool=callgrind --branch-sim=yes --cache-sim=yes --callgrind-out-file="$counts" \
        "$program" "$@" >/dev/null 2>&1
    awk '/^events:/ { for (i = 2; i <= NF; i++) at[$i] = i }
         /^summary:/ || /^totals:/ { print $at["Ir"], $at["Bc"] + $at["Bi"], $at["Bcm"] + $at["Bim"], $at["Dr"], $at["Dw"] }' \
        "$counts" | head -1
}

few=20000 many=60000
printf '%-16s %-15s %9s %13s %9s %14s %7s %7s\n' \
    table kind keys instructions branches mispredictions loads stores
for table in "${@:-chaining-inline}"; do
    for keys in ${KEYS:-1024 131072}; do
        for kind in get hit miss update pair insert-present remove-absent; do
            # Twice, so that all but the operations between cancels out.
            read -r -a less <<<"$(count "$table" "$kind" "$keys" "$few")"
            read -r -a more <<<"$(count "$table" "$kind" "$keys" "$many")"
            awk -v less="${less[*]}" -v more="${more[*]}" -v n=$((many - few)) \
                -v name="$table" -v kind="$kind" -v keys="$keys" 'BEGIN {
                    split(less, a); split(more, b)
                    for (i = 1; i <= 5; i++) each[i] = (b[i] - a[i]) / n
                    printf "%-16s %-15s %9d %13.1f %9.1f %14.2f %7.1f %7.1f\n",
                        name, kind, keys, each[1], each[2], each[3], each[4], each[5]
                }'
        done
    done
done
