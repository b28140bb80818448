#!/usr/bin/env bash
# Instructions that an operation of the optimistic cuckoo tables takes, in one thread, as callgrind
# counts them: a lookup of an entry in its home, of one in its other bucket, of an absent key whose
# home counts no entries elsewhere, and of one whose home does; an update in the home and in the other
# bucket; an insertion and the removal of the same key, in the home and in the other bucket. The loop
# around the operation is in the figures. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --profile measured -q -p structures --example lookup_cost
program=${CARGO_TARGET_DIR:-target}/measured/examples/lookup_cost

instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

printf '%-10s' table
kinds=(home other miss overflowing-miss update-home update-other insert-remove-home insert-remove-other)
printf '%21s' "${kinds[@]}"
echo
for table in small large untagged items; do
    printf '%-10s' "$table"
    for kind in "${kinds[@]}"; do
        # Twice as many operations, so that all else cancels out.
        few=$(instructions "$table" "$kind" 10000)
        many=$(instructions "$table" "$kind" 20000)
        printf '%21s' "$(((many - few + 5000) / 10000))"
    done
    echo
done
