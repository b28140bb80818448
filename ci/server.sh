#!/usr/bin/env bash
# `bench serve` before clients and tests that others wrote: memccapable (Debian's libmemcached-tools), pymemcache's
# integration tests (PyPI), memcached's own tests (ci/server-suite.sh), and, at random, the replies of memcached itself
# (Debian). What is not installed is installed where that may be; what cannot be had is skipped, with a word, and so is
# a memcached that is not the one whose replies ours are. An argument says how many random conversations there are.
# SERVER names the program; without it the checks build it.
set -euo pipefail
[ -z "${SERVER:-}" ] || SERVER=$(realpath "$SERVER")
cd "$(dirname "$0")/.."
rounds=${1:-300}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
if [ -z "${SERVER:-}" ]; then
    cargo build -p server
    SERVER=$target/debug/bench-server
fi
# Installs a package of Debian, if that may be.
get() {
    if [ "$(id -u)" = 0 ] && command -v apt-get; then
        # One list of several may be out of reach. A service of this name would be started, and is not wanted.
        apt-get update || true
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1" || true
    fi >/dev/null 2>&1 </dev/null
}
# Whether there is a program, which a package of Debian has.
has() {
    command -v "$1" >/dev/null && return
    get "$2"
    command -v "$1" >/dev/null && return
    echo "server: skipped: what needs $1, since $2 cannot be installed here"
    return 1
}
log=$(mktemp)
"$SERVER" serve -p 0 -t 2 2>"$log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$log"' EXIT
port=
for _ in $(seq 100); do
    port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$log")
    [ -n "$port" ] && break
    sleep 0.1
done
[ -n "$port" ] || { cat "$log" >&2; exit 1; }

if has memccapable libmemcached-tools; then
    # The text protocol, and the binary one.
    for protocol in -a -b; do
        memccapable -h 127.0.0.1 -p "$port" "$protocol" | tee "$log"
        passed=$(grep -c '\[pass\]$' "$log") || true
        [ "$passed" = 27 ] || { echo "server: memccapable $protocol: $passed of 27" >&2; exit 1; }
    done
fi

# Their tests are in the source archive alone.
pymemcache() {
    local venv=$target/pymemcache version=4.0.0
    # Debian has this part of Python in a package of its own. Without it half an environment is made.
    python3 -c 'import ensurepip' || get python3-venv
    { "$venv/bin/python" -m pip --version || python3 -m venv --clear "$venv"; } &&
        "$venv/bin/python" -m pip install --quiet pytest "pymemcache==$version" &&
        { [ -e "$venv/pymemcache-$version/pymemcache/test/test_integration.py" ] ||
            { "$venv/bin/python" -m pip download --quiet --no-deps --no-binary pymemcache -d "$venv" \
                "pymemcache==$version" && tar -xf "$venv/pymemcache-$version.tar.gz" -C "$venv"; }; }
}
if has python3 python3; then
    if pymemcache >"$log" 2>&1; then
        # `test_misc` wants the memory of a server that runs changed.
        (cd "$target/pymemcache/pymemcache-4.0.0" && ../bin/python -m pytest -q -o addopts= -p no:cacheprovider \
            pymemcache/test/test_integration.py -k 'not test_misc' --server 127.0.0.1 --port "$port")
    else
        echo "server: skipped: pymemcache 4.0.0 cannot be installed here: $(tail -n 1 "$log")"
    fi
fi
kill "$server"
wait "$server" || { echo "server: it did not end well" >&2; exit 1; }

if has memcached memcached && has python3 python3; then
    version=$(memcached --version)
    if [ "$version" = "memcached 1.6.18" ]; then
        memcached=memcached
        [ "$(id -u)" = 0 ] && memcached="memcached -u root"
        for store in memc3 sharded over-map-qsbr; do
            python3 ci/server.py compare "$SERVER serve --store $store" "$memcached" "$rounds" "$RANDOM"
        done
    else
        echo "server: skipped: the replies of $version, since ours are those of 1.6.18"
    fi
fi
# What memcached's own tests are run by, and what unpacks them.
if has prove perl && has dpkg-source dpkg-dev; then
    SERVER=$SERVER bash ci/server-suite.sh
fi
echo "server: done"
