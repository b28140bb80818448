#!/usr/bin/env bash
# What operations of each kind take on each table, in one thread, as callgrind counts it: instructions,
# branches, mispredicted branches (callgrind's predictor), loads and stores. Prints a table; arguments
# are tables, else all. `--record` writes it to docs/INSTRUCTIONS.md, `--check` fails if an operation takes
# over a tenth more instructions or stores than are recorded there (in tables in the cache, as those take least
# time, and in large ones where operations go another way there). Needs valgrind, which is installed where that
# can be done, and Python 3.11.
set -euo pipefail
exec python3 "$(dirname "$0")/instructions.py" "$@"
