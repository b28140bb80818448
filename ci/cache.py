"""Hit ratios of `bench hit` against libcachesim's on the same requests; see `ci/cache.sh`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import libcachesim
import numpy

REQUESTS = 1_000_000
KEYS = 100_000
SEED = 42
# Skews and capacities, in items.
CASES = [(0.6, 10_000), (0.99, 1000), (0.99, 10_000), (1.2, 1000)]
POLICIES = {
    "fifo": libcachesim.FIFO,
    "clock": libcachesim.Clock,
    "lru-list": libcachesim.LRU,
    "s3-fifo": libcachesim.S3FIFO,
    "sieve": libcachesim.Sieve,
}
TOLERANCE = 0.003


def draw(theta):
    """Independent draws from Zipf's law."""
    weights = numpy.arange(1, KEYS + 1) ** -theta
    sums = numpy.cumsum(weights / weights.sum())
    uniform = numpy.random.default_rng(SEED).random(REQUESTS)
    return numpy.minimum(numpy.searchsorted(sums, uniform, side="right"), KEYS - 1)


def theirs(policy, items, keys):
    """Their hit ratio over the second half of the requests."""
    cache = policy(cache_size=items)
    request = libcachesim.Request()
    request.obj_size = 1
    hits = 0
    for number, key in enumerate(keys.tolist()):
        request.obj_id = key + 1
        hit = cache.get(request)
        hits += hit and number >= REQUESTS // 2
    return hits / (REQUESTS - REQUESTS // 2)


def ours(bench, items, keys, folder):
    """The hit ratios of `bench hit`, by policy."""
    trace = Path(folder) / "requests.csv"
    trace.write_text("".join(f"0,{key},8,32,0,get,0\n" for key in keys.tolist()))
    command = [bench, "hit", "--eviction", ",".join(POLICIES), "--items", str(items)]
    command += ["--trace", str(trace), "--json"]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
    return {row["eviction"]: row["hit_ratio"] for row in json.loads(done.stdout)}


def main():
    failed = 0
    for theta, items in CASES:
        keys = draw(theta)
        with tempfile.TemporaryDirectory() as folder:
            found = ours(sys.argv[1], items, keys, folder)
        for name, policy in POLICIES.items():
            expected = theirs(policy, items, keys)
            off = abs(found[name] - expected)
            verdict = "ok" if off < TOLERANCE else "FAILED"
            failed += off >= TOLERANCE
            print(f"{verdict:<7}{theta:<5}{items:>6}  {name:<9}{found[name]:.4f}  libcachesim {expected:.4f}", flush=True)
    if failed:
        sys.exit(f"cache: {failed} hit ratios are off by {TOLERANCE} or more")
    print("cache: as libcachesim has it")


if __name__ == "__main__":
    main()
