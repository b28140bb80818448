#!/usr/bin/env python3
"""What trials gain by taking turns, on this machine: the quickstart's grid by turns and one trial after another.

    ci/turns_evidence.py OUT [--sets N] [--burn] [--bench PROGRAM]

The two are run block by block in turn, with equal total time: trials that take no turns measure as much longer as
turns spend on settling. A set is ten blocks. Prints, as Markdown:

* the median half-width of the 95 % interval of ratios to the first subject, and by turns over one after another;
* how many ratios of the A/A pairs are within 0.98 and 1.02;
* how many A/A pairs of ten blocks a test at 5 % calls (exact, by flipping signs of the blocks' log ratios): with
  `--sets 17` there are 204 of each.

`--burn` keeps one CPU busy beside it, at random times. It needs hours on a quiet machine for numbers to quote; nothing
in CI runs it.
"""

import argparse
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

QUICKSTART = pathlib.Path(__file__).resolve().parent.parent / "experiments" / "quickstart.toml"
BLOCKS = 10
# Of a slice of 20 ms, 15 ms are counted.
SETTLING = 20 / 15
# Student's t at 97.5 %, by degrees of freedom.
STUDENT = {5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
CONTROLS = ("no-op", "sequential")


def experiments(out):
    """The file of each way, by name."""
    text = QUICKSTART.read_text()
    seconds = next(line for line in text.splitlines() if line.startswith("seconds"))
    longer = float(seconds.split("=")[1]) * SETTLING
    alone = text.replace(seconds, f"seconds = {longer:.4f}\nturns = false", 1)
    files = {}
    for name, content in [("turns", text), ("alone", alone)]:
        files[name] = out / f"{name}.toml"
        files[name].write_text(content)
    return files


def burn():
    """Keeps a CPU busy, and rests, for up to a second each."""
    while True:
        end = time.monotonic() + random.random()
        while time.monotonic() < end:
            pass
        time.sleep(random.random())


def measure(bench, out, files, blocks):
    for block in range(1, blocks + 1):
        # In another order each time.
        for name in sorted(files, reverse=block % 2 == 0):
            arguments = ["sweep", str(files[name]), "--out", str(out / name), "--blocks", str(block)]
            subprocess.run(bench + arguments, check=True, stdout=subprocess.DEVNULL)


def pairs(folder):
    """The log ratios of each subject to the first of its workload, by block; A/A pairs apart."""
    trials = {}
    with open(folder / "trials.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["valid"] == "true" and row["structure"] not in CONTROLS:
                workload = tuple(row[key] for key in ("threads", "reads", "zipf", "keys"))
                subject = (row["structure"], row["reclaimer"], row["twin"] == "true")
                cell = trials.setdefault(workload, {}).setdefault(subject, {})
                cell[int(row["block"])] = math.log(float(row["ops_per_sec"]))
    ratios, same = [], []
    for subjects in trials.values():
        twin = next(subject for subject in subjects if subject[2])
        base = subjects[(*twin[:2], False)]
        for subject, cell in subjects.items():
            if cell is not base:
                of_blocks = {block: rate - base[block] for block, rate in cell.items() if block in base}
                (same if subject[2] else ratios).append(of_blocks)
    return ratios, same


def sets(of_blocks):
    """The log ratios of every ten blocks."""
    for first in range(0, max(of_blocks) + 1, BLOCKS):
        part = [ratio for block, ratio in of_blocks.items() if first <= block < first + BLOCKS]
        if len(part) >= 6:
            yield part


def half_width(part):
    return STUDENT[len(part) - 1] * statistics.stdev(part) / math.sqrt(len(part))


def is_called(part):
    """Whether the mean differs from 0 at 5 %, by all flips of signs."""
    observed = abs(sum(part)) - 1e-12
    flips = itertools.product((1, -1), repeat=len(part))
    extreme = sum(abs(sum(s * x for s, x in zip(signs, part))) >= observed for signs in flips)
    return extreme / 2 ** len(part) <= 0.05


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--sets", type=int, default=1)
    parser.add_argument("--burn", action="store_true")
    parser.add_argument("--bench", default="cargo run --release --")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    burner = multiprocessing.Process(target=burn, daemon=True)
    if arguments.burn:
        burner.start()
    files = experiments(arguments.out)
    measure(shlex.split(arguments.bench), arguments.out, files, BLOCKS * arguments.sets)
    widths = {}
    print("| | median half-width | A/A within 0.98–1.02 | A/A called at 5 % |\n| --- | --- | --- | --- |")
    for name in files:
        ratios, same = pairs(arguments.out / name)
        widths[name] = statistics.median(half_width(part) for ratio in ratios for part in sets(ratio))
        aa = [part for ratio in same for part in sets(ratio)]
        near = sum(0.98 <= math.exp(statistics.mean(part)) <= 1.02 for part in aa)
        called = sum(map(is_called, aa))
        print(f"| {name} | {widths[name]:.4f} | {near} of {len(aa)} | {called} of {len(aa)} |")
    print(f"\nby turns ÷ one after another: {widths['turns'] / widths['alone']:.3f}")


if __name__ == "__main__":
    main()
