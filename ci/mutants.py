"""Seeded bugs, each with the check that must fail because of it; see `ci/mutants.sh`."""

import argparse
import fnmatch
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What is planted where.
CATALOGUES = [
    "structures/tests/mutants.toml",
    "structures/eviction/tests/mutants.toml",
    "structures/cache/tests/mutants.toml",
    "harness/tests/mutants.toml",
]
# A tree of its own, in which the bugs are planted: the user's stays as it is.
TREE = ROOT / "target" / "mutants" / "tree"
# Seconds for a build and a check; what hangs is noticed.
TIMEOUT = 900


def run(command, **options):
    # Into a file, not a pipe: a process that a killer leaves behind would hold the pipe open for ever.
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        result = subprocess.run(command, cwd=TREE, stdout=said, stderr=subprocess.STDOUT, **options)
        said.seek(0)
        return result.returncode, said.read()


def prepare():
    """A copy of the files as they are, committed or not, as git knows them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, text=True, capture_output=True,
    ).stdout
    TREE.mkdir(parents=True, exist_ok=True)
    names = set(filter(None, listed.split("\0")))
    for path in TREE.rglob("*"):
        name = path.relative_to(TREE).as_posix()
        is_ours = path.is_file() and not name.startswith("target/")
        if is_ours and not (name in names and (ROOT / name).is_file()):
            path.unlink()
    for name in names:
        source, target = ROOT / name, TREE / name
        if source.is_file():
            content = source.read_bytes()
            target.parent.mkdir(parents=True, exist_ok=True)
            # Files that are the same keep their time, so that they are not built again.
            if not target.is_file() or target.read_bytes() != content:
                target.write_bytes(content)
                target.chmod(source.stat().st_mode)


def changed(mutant, text):
    """The mutant's file with the bug."""
    for edit in [mutant, *mutant.get("also", [])]:
        if (count := text.count(edit["old"])) != 1:
            sys.exit(f"mutants: `{mutant['name']}`: {count} places in {mutant['file']}, not one")
        text = text.replace(edit["old"], edit["new"])
    return text


def plant(mutant):
    """Changes the places that the mutant names; returns how to change them back."""
    path = TREE / mutant["file"]
    text = path.read_text()
    path.write_text(changed(mutant, text))
    return lambda: path.write_text(text)


def check(mutant):
    """What the killer says of the planted bug, and who noticed it or why it cannot be judged."""
    status, said = kill(mutant)
    if status == 0:
        return "SURVIVED", ""
    if status == 124:
        # What was never built has not been tried.
        if not re.search("^ +Finished ", said, re.MULTILINE):
            return "NOT JUDGED", f"nothing was built in {TIMEOUT} s:\n{said[-2000:]}"
        return "killed", "it hangs"
    # A bug that does not compile, or a script that fails, is a mistake of the catalogue.
    if not re.search("^error: (doc)?test failed", said, re.MULTILINE):
        return "NOT JUDGED", f"no test failed:\n{said[-2000:]}"
    return "killed", noticed_by(said)


def noticed_by(said):
    """The tests that failed, or how their process ended."""
    lists = re.findall(r"^failures:\n((?:    \S.*\n)+)", said, re.MULTILINE)
    if names := [name.strip() for names in lists for name in names.splitlines()]:
        rest = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return names[0] + rest
    end = re.search(r"process didn't exit successfully: .*\((.*)\)$", said, re.MULTILINE)
    return end[1] if end else "a test"


def kill(mutant, timeout=TIMEOUT):
    # The killer's target folder is inside the tree, for all mutants.
    environment = {k: v for k, v in os.environ.items() if k != "CARGO_TARGET_DIR"}
    return run(["timeout", str(timeout), "bash", "-c", mutant["killer"]], env=environment)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="globs; all mutants if none is given")
    parser.add_argument("--list", action="store_true", help="show them, and run nothing")
    parser.add_argument("--check", action="store_true", help="see that each has its place, only")
    arguments = parser.parse_args()
    mutants = [
        m for name in CATALOGUES for m in tomllib.loads((ROOT / name).read_text())["mutant"]
    ]
    wanted = [
        m for m in mutants
        if not arguments.names or any(fnmatch.fnmatch(m["name"], g) for g in arguments.names)
    ]
    if not wanted:
        sys.exit("mutants: no mutant has such a name")
    if arguments.list:
        for mutant in wanted:
            print(f"{mutant['name']}\n    {mutant['file']}: {mutant['killer']}")
        return
    if arguments.check:
        for mutant in wanted:
            changed(mutant, (ROOT / mutant["file"]).read_text())
        print(f"{len(wanted)} mutants have their place")
        return
    prepare()
    # A check that fails without a bug would kill anything.
    for mutant in {m["killer"]: m for m in wanted}.values():
        # As long as it takes: it builds everything first.
        status, said = kill(mutant, timeout=0)
        if status != 0:
            print(said[-4000:], file=sys.stderr)
            sys.exit(f"mutants: fails without any bug: {mutant['killer']}")
        results = re.findall(r"^test result: ok\. (\d+)", said, re.MULTILINE)
        if results and not any(map(int, results)):
            sys.exit(f"mutants: runs no test: {mutant['killer']}")
    failed = 0
    for mutant in wanted:
        restore = plant(mutant)
        began = time.monotonic()
        try:
            verdict, detail = check(mutant)
        finally:
            restore()
        failed += verdict != "killed"
        seconds = time.monotonic() - began
        print(f"{verdict:<10} {seconds:5.0f} s  {mutant['name']}: {detail}", flush=True)
    print(f"{len(wanted)} mutants, {len(wanted) - failed} killed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
