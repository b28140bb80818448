#!/usr/bin/env python3
"""What trials gain by taking turns, on this machine, and whether what they call is so.

    ci/turns_evidence.py OUT [--bench PROGRAM] [--handicap PROGRAM] [--part NAME]... [--sets N] [--seconds FACTOR]

Each part prints a table in Markdown. Numbers to quote need a machine that does nothing else.

* gain: the quickstart by turns and one trial after another, block by block in turn, with equal total time: trials
  that take no turns measure as much longer as turns spend on settling. Half-widths of the ratios to the first
  subject, ratios of A/A pairs, and ratio by ratio whether the two ways agree.
* pairs: tables that are alike (`harness/examples/handicap.rs`), six pairs in a group, in sets of ten blocks: how many
  pairs a test at 5 % calls different, which should be 2 to 9 %.
* handicap: tables that do some 3 % more work than others that are alike: how many are called slower.
* burn: the pairs again, while a process keeps one CPU busy at random times.
* settle (only if it is named): the rate in 2.5 ms of a slice that begin so many milliseconds after its start, over
  the rate after 40 ms, by the size of the table: how long a slice is slower because others had their turns.

`--sets` is how many sets of ten blocks the pairs have (34: 204 comparisons); a third of them the handicap has. `--seconds`
multiplies the length of trials. Nothing in CI runs it.
"""

import argparse
import collections
import csv
import itertools
import math
import multiprocessing
import pathlib
import random
import shlex
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUICKSTART = ROOT / "experiments" / "quickstart.toml"
BLOCKS = 10
# Of a slice of 20 ms, 15 ms are counted.
SETTLING = 20 / 15
# Student's t at 97.5 %, by degrees of freedom.
STUDENT = {5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
CONTROLS = ("no-op", "sequential")
PAIRS = [(f"plain-{n}", f"plain-{n + 1}") for n in range(1, 12, 2)]
HANDICAPS = [("handicapped-1", "plain-1"), ("handicapped-2", "plain-2")]
ALIKE = [("plain-1", "plain-2"), ("handicapped-1", "handicapped-2")]

Comparison = collections.namedtuple("Comparison", "name logs")


# What is run.


def gain_files(out, factor):
    """The experiment of each way, by name."""
    text = QUICKSTART.read_text()
    line = next(line for line in text.splitlines() if line.startswith("seconds"))
    seconds = float(line.split("=")[1]) * factor
    by_turns = text.replace(line, f"seconds = {seconds:.4f}", 1)
    alone = text.replace(line, f"seconds = {seconds * SETTLING:.4f}\nturns = false", 1)
    return {"turns": written(out / "turns.toml", by_turns), "alone": written(out / "alone.toml", alone)}


def pair_file(path, structures, seconds):
    names = ", ".join(f'"{name}"' for name in structures)
    text = f"""title = "Pairs"
question = "Are tables that are alike called alike?"
seed = 7
seconds = {seconds:.4f}
warmup = 0.01
controls = false

[axes]
structure = [{names}]
threads = 2
reads = 95
keys = 65536
"""
    return written(path, text)


def written(path, text):
    path.write_text(text)
    return path


def sweep(program, file, folder, blocks):
    arguments = ["sweep", str(file), "--out", str(folder), "--blocks", str(blocks)]
    subprocess.run(program + arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def burn():
    """Keeps a CPU busy, and rests, for up to a second each."""
    while True:
        end = time.monotonic() + random.random()
        while time.monotonic() < end:
            pass
        time.sleep(random.random())


# What is computed of it.


def rates(folder):
    """The logarithm of each valid trial's rate: by workload, then by subject (and whether it is a twin), then by block."""
    cells = collections.defaultdict(lambda: collections.defaultdict(dict))
    with open(folder / "trials.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["valid"] == "true" and row["structure"] not in CONTROLS:
                workload = tuple(row[key] for key in ("threads", "reads", "zipf", "keys"))
                subject = (row["structure"], row["twin"] == "true")
                cells[workload][subject][int(row["block"])] = math.log(float(row["ops_per_sec"]))
    return cells


def log_ratios(ours, theirs):
    """By block."""
    return {block: rate - theirs[block] for block, rate in ours.items() if block in theirs}


def to_first(cells):
    """The ratios to the subject that has a twin, and that of the twin, for each workload."""
    ratios, same = [], []
    for workload, subjects in sorted(cells.items()):
        base = next(name for name, is_twin in subjects if is_twin)
        for (name, is_twin), cell in sorted(subjects.items()):
            if is_twin or name != base:
                logs = log_ratios(cell, subjects[(base, False)])
                (same if is_twin else ratios).append(Comparison((name, *workload), logs))
    return ratios, same


def of_pairs(cells, pairs):
    """The ratios of the first to the second of each pair."""
    for subjects in cells.values():
        for ours, theirs in pairs:
            yield Comparison((ours, theirs), log_ratios(subjects[(ours, False)], subjects[(theirs, False)]))


def sets(comparisons):
    """The log ratios of every ten blocks, of all comparisons."""
    parts = []
    for comparison in comparisons:
        by_set = collections.defaultdict(list)
        for block, ratio in comparison.logs.items():
            by_set[block // BLOCKS].append(ratio)
        parts += [part for part in by_set.values() if len(part) >= 6]
    return parts


def half_width(part):
    return STUDENT[len(part) - 1] * statistics.stdev(part) / math.sqrt(len(part))


def p_value(part):
    """That the mean is 0, by all flips of signs."""
    observed = abs(sum(part)) - 1e-12
    flips = itertools.product((1, -1), repeat=len(part))
    extreme = sum(abs(sum(s * x for s, x in zip(signs, part))) >= observed for signs in flips)
    return extreme / 2 ** len(part)


def agreement(ones, others):
    """Of ratios that were measured in two ways: how many intervals overlap, and how many differences have an interval with 0."""
    by_name = {comparison.name: comparison for comparison in others}
    overlap = zero = count = 0
    for one in ones:
        a, b = list(one.logs.values()), list(by_name[one.name].logs.values())
        apart = abs(statistics.mean(a) - statistics.mean(b))
        overlap += apart <= half_width(a) + half_width(b)
        zero += apart <= math.hypot(half_width(a), half_width(b))
        count += 1
    return overlap, zero, count


def rate_after(folder):
    """The mean logarithm of operations by CPU time, for each number of keys."""
    logs = collections.defaultdict(list)
    with open(folder / "trials.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["valid"] == "true":
                logs[int(row["keys"])].append(math.log(float(row["ops_per_cpu_sec"])))
    return {keys: statistics.mean(of_keys) for keys, of_keys in logs.items()}


def share(count, all_):
    return f"{count} of {all_} ({100 * count / max(all_, 1):.1f} %)"


# The parts.


def gain(arguments):
    files = gain_files(arguments.out, arguments.seconds)
    for block in range(1, BLOCKS + 1):
        # In another order each time.
        for name in sorted(files, reverse=block % 2 == 0):
            sweep(arguments.bench, files[name], arguments.out / name, block)
    print("| | median half-width of a log ratio | A/A ratios within 0.98–1.02 |\n| --- | --- | --- |")
    widths, ratios = {}, {}
    for name in files:
        ratios[name], same = to_first(rates(arguments.out / name))
        widths[name] = statistics.median(map(half_width, sets(ratios[name])))
        near = sum(0.98 <= math.exp(statistics.mean(part)) <= 1.02 for part in sets(same))
        print(f"| {name} | {widths[name]:.4f} | {share(near, len(sets(same)))} |")
    overlap, zero, count = agreement(ratios["turns"], ratios["alone"])
    print(f"\nHalf-width by turns ÷ one after another: {widths['turns'] / widths['alone']:.3f}.")
    print(f"Ratios whose intervals of both ways overlap: {share(overlap, count)};")
    print(f"whose difference has an interval with 1 in it: {share(zero, count)}.")


def pairs(arguments, name="pairs"):
    structures = itertools.chain.from_iterable(PAIRS)
    file = pair_file(arguments.out / f"{name}.toml", structures, 0.03 * arguments.seconds)
    sweep(arguments.handicap, file, arguments.out / name, BLOCKS * arguments.sets)
    parts = sets(of_pairs(rates(arguments.out / name), PAIRS))
    called = sum(p_value(part) <= 0.05 for part in parts)
    print(f"A/A pairs of ten blocks that are called different at 5 %: {share(called, len(parts))}.")


def handicap(arguments):
    structures = ["plain-1", "plain-2", "handicapped-1", "handicapped-2"]
    file = pair_file(arguments.out / "handicap.toml", structures, 0.2 * arguments.seconds)
    count = -(-arguments.sets // 3)
    sweep(arguments.handicap, file, arguments.out / "handicap", BLOCKS * count)
    cells = rates(arguments.out / "handicap")
    print("| | mean ratio | called slower | called faster |\n| --- | --- | --- | --- |")
    for name, pairs in [("handicapped ÷ plain", HANDICAPS), ("alike", ALIKE)]:
        parts = sets(of_pairs(cells, pairs))
        called = [statistics.mean(part) for part in parts if p_value(part) <= 0.05]
        slower, faster = sum(mean < 0 for mean in called), sum(mean > 0 for mean in called)
        mean = math.exp(statistics.mean(map(statistics.mean, parts)))
        print(f"| {name} | {mean:.4f} | {share(slower, len(parts))} | {share(faster, len(parts))} |")


def burnt(arguments):
    burner = multiprocessing.Process(target=burn, daemon=True)
    burner.start()
    pairs(arguments, "burn")
    burner.terminate()


def settle(arguments):
    after = [0, 2.5, 5, 10, 15, 20, 30, 40]
    keys = [1 << power for power in (10, 14, 16, 18, 20, 22)]
    files = {}
    for begin in after:
        text = f"""title = "After {begin} ms"
question = "How fast is a table so long after its turn began?"
seed = 7
seconds = {0.025 * arguments.seconds}
warmup = 0.02
controls = false
turns.slice = {(begin + 2.5) / 1000}
turns.settle = {begin / 1000}

[axes]
structure = ["chaining-lock-free", "cuckoo-optimistic", "papaya"]
threads = 2
reads = 90
keys = {keys}
"""
        files[begin] = written(arguments.out / f"after-{begin}.toml", text)
    for block in range(1, 4):
        for begin in random.sample(after, len(after)):
            sweep(arguments.bench, files[begin], arguments.out / f"after-{begin}", block)
    rates_after = {begin: rate_after(arguments.out / f"after-{begin}") for begin in after}
    print("| keys | " + " | ".join(f"{begin} ms" for begin in after) + " |")
    print("| --- " * (len(after) + 1) + "|")
    for count in keys:
        ratios = [math.exp(rates_after[begin][count] - rates_after[after[-1]][count]) for begin in after]
        print(f"| {count} | " + " | ".join(f"{ratio:.3f}" for ratio in ratios) + " |")


ALL = ("gain", "pairs", "handicap", "burn")
PARTS = {"gain": gain, "pairs": pairs, "handicap": handicap, "burn": burnt, "settle": settle}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--bench", type=shlex.split, default="cargo run --release --")
    parser.add_argument("--handicap", type=shlex.split, default="cargo run --release --example handicap --")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--sets", type=int, default=34)
    parser.add_argument("--seconds", type=float, default=1.0, metavar="FACTOR")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.part or ALL:
        begun = time.monotonic()
        print(f"\n**{name}**\n", flush=True)
        PARTS[name](arguments)
        print(f"\n({name} took {time.monotonic() - begun:.0f} s.)", flush=True)


if __name__ == "__main__":
    main()
