#!/usr/bin/env bash
# Draws the pictures of docs/GALLERY.md anew, by the commands that stand there.
set -euo pipefail
cd "$(dirname "$0")/.."
bench=$(realpath "$(bash ci/bench.sh)")
mkdir -p docs/gallery
find docs/gallery -type f -delete
ran=0
while IFS= read -r line; do
    # As a shell splits it, but for globs.
    mapfile -t words < <(xargs printf '%s\n' <<<"${line#cargo run --release -- }")
    "$bench" "${words[@]}" >/dev/null
    ran=$((ran + 1))
done < <(grep '^cargo run --release -- plot ' docs/GALLERY.md)
[ "$ran" -gt 0 ] || { echo "gallery: docs/GALLERY.md has no command" >&2; exit 1; }
pictures=$(grep -o '(gallery/[^)]*)' docs/GALLERY.md | tr -d '()')
for picture in $pictures; do
    [ -s "docs/$picture" ] || { echo "gallery: no command draws docs/$picture" >&2; exit 1; }
done
for file in docs/gallery/*; do
    grep -qF "(gallery/$(basename "${file%.caption}" .svg).svg)" docs/GALLERY.md ||
        { echo "gallery: docs/GALLERY.md does not show $file" >&2; exit 1; }
done
echo "gallery: $ran commands, $(wc -w <<<"$pictures") pictures"
