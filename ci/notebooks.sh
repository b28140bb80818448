#!/usr/bin/env bash
# The notebooks: tests of what they share, then every notebook, in a virtual environment under
# target/ with the versions that notebooks/requirements.txt pins. Without Python it fails and says
# so; SKIP_NOTEBOOKS=1 lets it pass.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "notebooks: needs Python 3.11 or later with its module venv; not checked" >&2
    if [ "${SKIP_NOTEBOOKS:-}" = 1 ]; then
        exit 0
    fi
    echo "notebooks: to pass without it, set SKIP_NOTEBOOKS=1" >&2
    exit 1
fi
venv=${CARGO_TARGET_DIR:-target}/notebooks
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r notebooks/requirements.txt
# Where Jupyter looks for a kernel first, so that the environment's own Python runs the notebooks.
JUPYTER_PATH=$(cd "$venv" && pwd)/share/jupyter
export JUPYTER_PATH MPLBACKEND=agg
export PYTHONDONTWRITEBYTECODE=1
run() {
    "$venv/bin/python" -m pytest -q -p no:cacheprovider "$@"
}
run notebooks/tests
run --nbmake notebooks/*.ipynb
echo "notebooks: clean"
