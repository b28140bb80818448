#!/usr/bin/env bash
# How long it takes from an idea to a number: a fresh clone's first build, a changed line of a table, of a
# figure and of a table of one's own, and the machine code of all programs; each as seconds, CPU seconds and
# the memory of the largest process, beside what it may be. Without arguments these five. Arguments name some
# of them (`fresh`, `table`, `figure`, `own`, `size`) or what takes longer (`test`, `ci`). All of it is done to
# a copy of the tree under target/turnaround. Seconds mean something only where nothing else runs. Needs
# Python 3.
set -euo pipefail
exec python3 "$(dirname "$0")/turnaround.py" "$@"
