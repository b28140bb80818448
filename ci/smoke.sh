#!/usr/bin/env bash
# Real sweeps of experiments/test/*.toml with the release binary, or with the one that BENCH names, and
# what must be in their folders.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
bench=$(bash ci/bench.sh)

check() { # spec
    local spec=$1 folder
    folder=$out/$(basename "$spec" .toml)
    echo "== $spec"
    "$bench" sweep "$spec" --out "$folder" >"$folder.txt"
    local planned recorded invalid
    planned=$("$bench" sweep "$spec" --dry-run | grep -oE '= [0-9]+ trials' | grep -oE '[0-9]+')
    recorded=$(($(wc -l <"$folder/trials.csv") - 1))
    invalid=$(count_invalid "$folder/trials.csv")
    echo "$planned trials planned, $recorded recorded, $invalid invalid"
    [ "$recorded" -ge "$planned" ] || { echo "smoke: trials are missing" >&2; return 1; }
    [ "$invalid" -eq 0 ] || { echo "smoke: invalid trials" >&2; return 1; }
    if grep -q '^\[latency\]' "$spec"; then
        planned=$("$bench" sweep "$spec" --dry-run | grep -oE '[0-9]+ latency trials' | grep -oE '[0-9]+')
        recorded=$(($(wc -l <"$folder/latency-trials.csv") - 1))
        echo "$planned latency trials planned, $recorded recorded"
        [ "$recorded" -ge "$planned" ] || { echo "smoke: latency trials are missing" >&2; return 1; }
        [ "$(wc -l <"$folder/latency.csv")" -gt "$recorded" ] || { echo "smoke: histograms are missing" >&2; return 1; }
    fi
    for file in experiment.toml machine.toml trials.csv report.html; do
        [ -s "$folder/$file" ] || { echo "smoke: no $file" >&2; return 1; }
    done
    for kind in svg png; do
        ls "$folder"/figures/*."$kind" >/dev/null || { echo "smoke: no $kind" >&2; return 1; }
    done
    # Again: nothing is left to run, and nothing changes.
    cp "$folder/trials.csv" "$folder.before"
    "$bench" sweep "$spec" --out "$folder" >/dev/null
    cmp "$folder.before" "$folder/trials.csv"
}

# The number of rows whose column `valid` is not true.
count_invalid() {
    # Quoted fields have commas: names of variants, errors.
    sed 's/"[^"]*"/quoted/g' "$1" | awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "valid") column = i; next }
             $column != "true" { n++ } END { print n + 0 }'
}

count=0
for spec in experiments/test/*.toml; do
    check "$spec"
    count=$((count + 1))
done
[ "$count" -gt 0 ] || { echo "smoke: no experiment found" >&2; exit 1; }
# The other experiments must at least be plans. Traces that are made are made as the head of their experiment says.
made='^# cargo run --release -- trace generate '
for spec in experiments/cache/*.toml; do
    sed -n "s/$made//p" "$spec" | while read -r -a words; do
        [ -e "${words[0]}" ] || "$bench" trace generate "${words[@]}" >/dev/null
    done
done
for spec in experiments/*.toml experiments/reclamation/*.toml experiments/versioned/*.toml experiments/papers/*.toml experiments/predict/*.toml experiments/cache/*.toml; do
    if "$bench" sweep "$spec" --dry-run >"$out/plan" 2>"$out/why"; then
        tail -n 1 "$out/plan"
    elif grep -q 'is built on demand alone' "$out/why"; then
        echo "$spec: its tables are built on demand, see ci/cpp.sh"
    else
        cat "$out/why" >&2
        exit 1
    fi
done
echo "smoke: $count sweeps passed"
