#!/usr/bin/env bash
# `bench submit` before a real Slurm, on this machine alone: a sweep in two parts and its merge; one part is
# killed and submitted again; the merged folder has the trials of a sweep in one piece. Installs Debian's
# slurm-wlm and munge, and wants to be root. The daemons that it starts it ends.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "slurm: $*" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || fail "must be run as root: it installs packages and starts Slurm's daemons"
if ! command -v slurmctld slurmd munged >/dev/null; then
    command -v apt-get >/dev/null || fail "needs Slurm and munge, and knows only Debian's packages"
    apt-get update >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends slurm-wlm munge >/dev/null
fi
bench=$(realpath "$(bash ci/bench.sh)")
out=$(mktemp -d)
chmod 755 "$out"
daemons=()
end() {
    for pid in "${daemons[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$out"
}
trap end EXIT

# Everything of Slurm is in one folder, on ports that nobody else has.
mkdir "$out/munge" "$out/state" "$out/spool"
chmod 700 "$out/munge"
dd if=/dev/urandom of="$out/munge/key" bs=1024 count=1 status=none
chmod 400 "$out/munge/key"
munged --foreground --force --key-file="$out/munge/key" --socket="$out/munge/socket" \
    --pid-file="$out/munge/pid" --log-file="$out/munge/log" --seed-file="$out/munge/seed" 2>/dev/null &
daemons+=($!)
host=$(hostname -s)
cat >"$out/slurm.conf" <<EOF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
AuthInfo=socket=$out/munge/socket
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
SlurmctldPidFile=$out/slurmctld.pid
SlurmdPidFile=$out/slurmd.pid
SlurmctldLogFile=$out/slurmctld.log
SlurmdLogFile=$out/slurmd.log
StateSaveLocation=$out/state
SlurmdSpoolDir=$out/spool
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
ReturnToService=2
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=512 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
EOF
export SLURM_CONF=$out/slurm.conf
slurmctld -D -f "$SLURM_CONF" >/dev/null 2>&1 &
daemons+=($!)
slurmd -D -f "$SLURM_CONF" >/dev/null 2>&1 &
daemons+=($!)
for _ in $(seq 120); do
    [[ $(sinfo --noheader --format=%t 2>/dev/null) == idle ]] && break
    sleep 0.5
done
[[ $(sinfo --noheader --format=%t) == idle ]] || { tail -n 5 "$out"/slurm*.log >&2; fail "no node is idle"; }

cd "$out"
cat >small.toml <<'EOF'
title = "Small"
seed = 7
seconds = 0.2
warmup = 0.01
blocks = 6

[axes]
structure = ["chaining-bucket-lock", "cuckoo-striped"]
threads = [1, 2]
keys = 4096
EOF

# The queue of jobs runs empty.
ended() {
    for _ in $(seq 600); do
        [ -z "$(squeue --noheader)" ] && return
        sleep 0.5
    done
    squeue >&2
    fail "jobs do not end"
}

"$bench" submit small.toml --slurm --shards 2
for _ in $(seq 240); do
    [ -s results/small.parts/2-of-2/trials.csv ] && break
    sleep 0.5
done
# There is one node: the parts come one after the other. The second is killed in its middle.
array=$(cut -d' ' -f1 results/small.parts/jobs)
scancel "${array}_2"
ended
[ ! -e results/small ] || fail "parts were merged although one was killed"
"$bench" submit small.toml --slurm --shards 2 | tee again
grep -q '^submitted: 2 of 2 parts are missing' again || fail "not only what was missing was submitted"
ended
[ -s results/small/report.html ] || { tail -n 5 results/small.parts/*.log >&2; fail "no merged folder"; }
"$bench" submit small.toml --slurm --shards 2 | grep -q 'nothing is missing' || fail "submitted once more"

"$bench" sweep small.toml --out whole >/dev/null
columns='case,block,position,seed'
python3 - whole results/small $columns <<'EOF'
"""Row by row, what does not depend on the clock."""
import csv
import sys

whole, merged, columns = sys.argv[1:]


def rows(folder):
    with open(f"{folder}/trials.csv", newline="") as file:
        return sorted(tuple(row[name] for name in columns.split(",")) for row in csv.DictReader(file))


assert rows(whole), "no rows"
assert rows(whole) == rows(merged), "the merged folder has other trials than a sweep in one piece"
print(f"slurm: {len(rows(whole))} trials in two parts, merged, are those of a sweep in one piece")
EOF
