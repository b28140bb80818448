"""What operations of each kind take on each table, as callgrind counts it; see `ci/instructions.sh`."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What was counted last, and may not grow.
RECORD = ROOT / "docs" / "INSTRUCTIONS.md"
# The table is between these lines of it.
BEGIN, END = "<!-- counts: begin -->", "<!-- counts: end -->"
COLUMNS = ["instructions", "branches", "mispredicted", "loads", "stores"]
# What one number is the sum of, by callgrind's names.
EVENTS = {
    "instructions": ["Ir"],
    "branches": ["Bc", "Bi"],
    "mispredicted": ["Bcm", "Bim"],
    "loads": ["Dr"],
    "stores": ["Dw"],
}
# What is recorded, and with how many digits.
RECORDED = ["instructions", "stores", "mispredicted"]
FORMATS = {"instructions": ".0f", "stores": ".1f", "mispredicted": ".2f"}
# These may not grow by more than a tenth; one instruction or store more, of few, is no growth either.
KEPT = ["instructions", "stores"]
TOLERANCE, SLACK = 1.1, 1.5


def built():
    """The program, built as what is measured is built."""
    build = ["cargo", "build", "--profile", "measured", "--quiet", "-p", "instructions"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or "target")
    return ROOT / target / "measured" / "instructions"


def install_valgrind():
    """Valgrind is no part of a toolchain; where it is absent and can be installed, it is."""
    if shutil.which("valgrind"):
        return
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for step in (["update"], ["install", "--yes", "--no-install-recommends", "valgrind"]):
        try:
            subprocess.run([*root, "apt-get", "-qq", *step], check=True, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            break
    if not shutil.which("valgrind"):
        sys.exit("instructions: needs valgrind, which is absent (`apt-get install valgrind` adds it)")


def events(dump):
    """What a part of callgrind's output sums up to."""
    names = re.search(r"^events: (.*)$", dump, re.MULTILINE)[1].split()
    sums = re.search(r"^(?:summary|totals): (.*)$", dump, re.MULTILINE)[1].split()
    # Zeros at the end are left out.
    sums += ["0"] * (len(names) - len(sums))
    return dict(zip(names, map(int, sums), strict=True))


def count(length, tables):
    """Counts an operation, by (table, kind, keys): one run of the program, one part of the output for
    each line that it prints."""
    program = built()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind", "--tool=callgrind", "--branch-sim=yes", "--cache-sim=yes",
            "--toggle-collect=instructions::counted", "--dump-after=instructions::counted",
            f"--callgrind-out-file={folder}/counts", program, length, *tables,
        ]
        run = subprocess.run(command, text=True, capture_output=True)
        if run.returncode != 0:
            sys.exit(run.stderr.replace("==", "").strip()[-2000:])
        counts = {}
        for part, line in enumerate(run.stdout.splitlines(), 1):
            table, kind, keys, operations = line.split()
            dump = Path(folder, f"counts.{part}").read_text()
            sums = events(dump)
            counts[table, kind, int(keys)] = {
                column: sum(sums[name] for name in EVENTS[column]) / int(operations)
                for column in COLUMNS
            }
    if not counts or not all(row["instructions"] for row in counts.values()):
        sys.exit("instructions: callgrind has counted nothing; does it find `instructions::counted`?")
    return counts


def shown(counts):
    """All that was counted, a line for each kind."""
    yield f"{'table':<30} {'kind':<15} {'keys':>7}" + "".join(f" {column:>12}" for column in COLUMNS)
    for (table, kind, keys), row in counts.items():
        yield f"{table:<30} {kind:<15} {keys:>7}" + "".join(f" {row[column]:>12.2f}" for column in COLUMNS)


def written(counts):
    """What is recorded of it, as a table of a Markdown file: a line for each table and range of keys, a
    column for each kind."""
    kinds = list(dict.fromkeys(kind for _, kind, _ in counts))
    lines = [f"| table | keys | {' | '.join(kinds)} |", "| --- | ---: |" + " --- |" * len(kinds)]
    for table, keys in dict.fromkeys((table, keys) for table, _, keys in counts):
        rows = [counts[table, kind, keys] for kind in kinds]
        cells = [" / ".join(f"{row[column]:{FORMATS[column]}}" for column in RECORDED) for row in rows]
        lines.append(f"| `{table}` | {keys} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def read(text):
    """What `written` has written."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines()]
    if not lines:
        return {}
    kinds = lines[0][2:]
    return {
        (table.strip("`"), kind, int(keys)): dict(zip(RECORDED, map(float, cell.split(" / ")), strict=True))
        for table, keys, *cells in lines[2:]
        for kind, cell in zip(kinds, cells, strict=True)
    }


def split(text):
    """A record, and what is before and after its table."""
    before, rest = text.split(BEGIN + "\n")
    table, after = rest.split(END)
    return before + BEGIN + "\n", table, END + after


def grown(counts, record):
    """What takes more than was recorded, and what was not recorded."""
    for (table, kind, keys), row in counts.items():
        of = f"{table}, {kind}, {keys} keys"
        if (table, kind, keys) not in record:
            yield f"{of}: not in {RECORD.relative_to(ROOT)}"
            continue
        for column in KEPT:
            is_now, was = row[column], record[table, kind, keys][column]
            if is_now > max(was * TOLERANCE, was + SLACK):
                yield f"{of}: {is_now:.1f} {column} an operation, {was:.1f} are recorded"


def main():
    parser = argparse.ArgumentParser(prog="ci/instructions.sh", description=__doc__)
    parser.add_argument("tables", nargs="*", help="all if none is given")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="fail if a hot path has grown; the short run")
    mode.add_argument("--record", action="store_true", help="write the table of docs/INSTRUCTIONS.md")
    arguments = parser.parse_args()
    install_valgrind()
    counts = count("short" if arguments.check else "long", arguments.tables)
    before, table, after = split(RECORD.read_text())
    if arguments.record:
        # Of the tables that were not counted, what was recorded stays.
        kept = read(table) if arguments.tables else {}
        RECORD.write_text(before + written(kept | counts) + after)
    elif arguments.check:
        if faults := list(grown(counts, read(table))):
            print(*faults, sep="\n")
            print("`ci/instructions.sh --record` writes what is so on purpose.")
            sys.exit("error: test failed: ci/instructions.sh --check")
        print(f"instructions: none of {len(counts)} paths has grown")
    else:
        print(*shown(counts), sep="\n")


if __name__ == "__main__":
    main()
