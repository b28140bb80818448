#!/usr/bin/env bash
# Records histories of every subject, variants among them, with the release binary, or with the one that
# BENCH names, and checks them: about a minute in all, or as many seconds as the first argument says.
# Fails unless every subject was checked, or skipped for a reason, and passed.
set -euo pipefail
cd "$(dirname "$0")/.."
total=${1:-50}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
bench=$(bash ci/bench.sh)

count() { # pattern, in the report
    { grep -oE "$1" "$out/report.json" || true; } | wc -l
}

subjects=$("$bench" list structures --json | grep -c '"reclaimer":' || true)
[ "$subjects" -gt 0 ] || { echo "verify: no subject found" >&2; exit 1; }
each=$(awk -v total="$total" -v n="$subjects" 'BEGIN { print total / n }')

echo "+ bench verify --seconds $each"
status=0
"$bench" verify --structure '{*,*:*}' --seconds "$each" --json --out "$out" >"$out/report.json" || status=$?
judged=$(count '"verdict":"')
passed=$(count '"verdict":"linearizable"')
skipped=$(count '"verdict":"skipped"')
operations=$({ grep -oE '"operations":[0-9]+' "$out/report.json" || true; } |
    awk -F: '{ n += $2 } END { print n + 0 }')
echo "$passed of $subjects subjects passed, $skipped skipped; $operations operations in their histories"
if [ "$status" -ne 0 ] || [ "$judged" -ne "$subjects" ] || [ $((passed + skipped)) -ne "$subjects" ]; then
    cat "$out/report.json" >&2
    exit 1
fi
[ "$operations" -gt 0 ] || { echo "verify: no history was checked" >&2; exit 1; }
echo "verify: every history is linearizable"
