#!/usr/bin/env bash
# Plants each bug of the catalogues (mutants.toml in structures/tests, structures/eviction/tests, structures/cache/tests
# and harness/tests) in a copy of the tree under target/, runs the check that must notice it, and prints a table with the tests that did;
# fails if a bug survives, or if no test failed because it does not compile. `ci/mutants.sh --list`
# shows them, arguments are globs of their names. Needs Python 3.11; all of them take over an hour.
set -euo pipefail
exec python3 "$(dirname "$0")/mutants.py" "$@"
