#!/usr/bin/env bash
# `bench serve` in place of memcached in memcached's own tests: those files of Debian's source package that are about
# protocols, connections and memory. SERVER names the program. Nothing of the package is kept. A test that is listed below
# may fail, and must: who mends one takes it out of the list. Where the package cannot be had, or is of another version
# than the list, or there is no prove (perl) or dpkg-source (dpkg-dev), a line says so; ci/server.sh installs these two.
set -euo pipefail
: "${SERVER:?the program bench-server}"
SERVER=$(realpath "$SERVER")
export SERVER
skip() {
    echo "server: skipped: memcached's own tests: $1"
    exit 0
}
command -v prove >/dev/null || skip "there is no prove"
command -v dpkg-source >/dev/null || skip "there is no dpkg-source"

passing="binary binary-get bogus-commands dash-M evictions expirations flags getandtouch getset incrdecr issue_104
    issue_108 issue_14 issue_152 issue_192 issue_3 issue_41 issue_50 issue_68 issue_70 line-lengths malicious-commands
    maxconns multiversioning noreply quit touch unixsocket shutdown idle-timeout"
# A file, the numbers of its tests that fail (after a `?`, that may), and why that is right.
exceptions=$(
    cat <<'END'
cas|?25 31|each shard counts its CAS numbers, so two keys may have the same
flush-all|27|without CAS numbers memcached may lose what is stored in the second of a flush; ours does not
issue_163|4|`stats items` is empty: size classes come and go
issue_183|5|`reclaimed` is not counted: what has expired goes in a sweep, too
issue_29|2 4|`stats slabs` is empty: size classes come and go
issue_42|11|`stats slabs` is empty: size classes come and go
issue_61|7|`-R` is no flag: a connection has 64 KiB of replies at a time, and there are no yields to count
metaget|100 101 102 103 105 106 107 108 110|`h` and `l` are refused: a lookup writes nothing, so who was there last is not known
strtol-testing|2|`slabs automove` is not there: pages change their class by themselves
END
)
# Left out: lru.t, which looks at the segments of memcached's own LRU by `stats items`; binary-sasl.t, since nobody is asked
# who they are; binary-extstore.t, since items are in memory alone.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The system's own sources, as sources of source packages, and lists of our own.
mkdir -p "$work/parts" "$work/lists/partial" "$work/cache/archives/partial"
for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" >"$work/parts/${file##*/}"
done
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] && sed -n 's/^deb /deb-src /p' "$file" >"$work/parts/${file##*/}"
done
own=(-qq -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/parts" -o "Dir::State::Lists=$work/lists"
    -o "Dir::Cache=$work/cache")
cd "$work"
# One source of several may have no source packages, or be out of reach.
{ apt-get "${own[@]}" update || true; apt-get "${own[@]}" source memcached; } >"$work/apt" 2>&1 ||
    skip "Debian's source package memcached cannot be had here: $(grep '^E:' "$work/apt" | head -n 1)"
cd memcached-[0-9]*/
[ "${PWD##*/}" = memcached-1.6.18 ] || skip "${PWD##*/} is here, and the list is that of 1.6.18"
echo "server: ${PWD##*/}: its own tests"

# The server as the tests start it: without memcached's flags that mean nothing here.
cat >memcached-debug <<'END'
#!/usr/bin/env bash
[ "${1:-}" = -h ] && exec echo "-s, --unix-socket=<file>"
flags=()
while [ $# -gt 0 ]; do
    case $1 in
    -o)
        kept=$(tr , '\n' <<<"$2" | grep -vxE 'relaxed_privileges|(no_)?modern|slab_chunk_max=.*' | paste -sd, || true)
        [ -z "$kept" ] || flags+=(-o "$kept")
        shift
        ;;
    -U | -u | -R) shift ;;
    *) flags+=("$1") ;;
    esac
    shift
done
exec "$SERVER" serve --debug-time "${flags[@]}" 2>/dev/null
END
printf '#!/usr/bin/env bash\nshift\nexec "$@"\n' >timedrun
chmod +x memcached-debug timedrun

failed=0
# shellcheck disable=SC2086 # Names without blanks.
prove -Q -j 6 $(printf 't/%s.t ' $passing) || failed=1
while IFS='|' read -r name expected reason; do
    prove -v "t/$name.t" >"$name.out" 2>&1 </dev/null || true
    found=$(sed -n 's/^not ok \([0-9]*\).*/\1/p' "$name.out" | paste -sd' ')
    passed=$(grep -c '^ok ' "$name.out") || true
    ran=$(grep -cE '^(not )?ok ' "$name.out") || true
    planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$name.out" | tail -1)
    must=${expected#\?}
    { [ -z "$found" ] && [ "$must" != "$expected" ]; } && must=
    if [ "$ran" != "$planned" ]; then
        # It has died, maybe after the last test that may fail.
        echo "server: $name: has run $ran tests, and planned '$planned'" >&2
        failed=1
    elif [ "$found" = "$must" ] && [ "$passed" -gt 0 ]; then
        echo "server: $name: $passed passed, but for ${found:-none}: $reason"
    else
        echo "server: $name: of its tests fail '$found', not '$expected'" >&2
        failed=1
    fi
done <<<"$exceptions"
exit "$failed"
