"""How long it takes from an idea to a number; see `ci/turnaround.sh`."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "target" / "turnaround"
# The tree that is built and changed: the user's stays as it is.
TREE = HERE / "tree"
OWN = HERE / "own"
BUILD = HERE / "build"

TABLE = "chaining-inline"
# One line of code each, and what it becomes.
TABLE_CHANGE = (
    "structures/src/chaining/inline/table.rs",
    "{ (2, 3) } else { (17, 28) }",
    "{ (2, 3) } else { (16, 28) }",
)
FIGURE_CHANGE = (
    "harness/src/show/plot/layout.rs",
    "const PAD: f64 = 0.12;",
    "const PAD: f64 = 0.13;",
)
OWN_CHANGE = ("src/main.rs", "map.insert(key, new)", "map.insert(key, new + 0)")

OWN_MANIFEST = """[package]
name = "own"
version = "0.1.0"
edition = "2024"

[dependencies]
harness = {{ path = "{tree}/harness", default-features = false, features = ["tables"] }}
structures = {{ path = "{tree}/structures" }}

[profile.release]
lto = "thin"

[workspace]
"""


def fail(message, status=1):
    print(f"turnaround: {message}", file=sys.stderr)
    sys.exit(status)


def timed(what, limit, command, folder=TREE, target=BUILD):
    """Runs the command, and prints what it took beside the seconds that it may take."""
    environment = os.environ | {"CARGO_TARGET_DIR": str(target)}
    started = time.monotonic()
    child = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.stderr.buffer.write(said)
        fail(f"failed: {' '.join(command)}")
    cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6
    print(f"{what:<44}{seconds:>7.1f} s {cpu:>8.1f} CPU s {memory:>6.2f} GB   at most {limit} s", flush=True)


def copy():
    """The files as they are, committed or not, as git knows them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    shutil.rmtree(TREE, ignore_errors=True)
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)
    # What an earlier run has changed must not look as if it were built.
    for name, _, _ in (TABLE_CHANGE, FIGURE_CHANGE):
        os.utime(TREE / name)
    subprocess.run(["cargo", "fetch", "--quiet"], cwd=TREE, check=True)


def change(folder, change):
    """Makes the change; once more, and it is taken back."""
    name, old, new = change
    path = folder / name
    text = path.read_text()
    if text.count(old) != 1:
        old, new = new, old
    if text.count(old) != 1:
        fail(f"{name} has no line with {old!r}: choose another in ci/turnaround.py")
    path.write_text(text.replace(old, new))


def cargo(*arguments):
    return ["cargo", "run", "--release", "--quiet", "--", *arguments]


def fresh():
    shutil.rmtree(BUILD, ignore_errors=True)
    timed("fresh clone to `bench list`", 240, cargo("list"))


def built():
    """What a change is made to."""
    if not (BUILD / "measured").exists():
        fresh()


def table():
    built()
    run = cargo("run", "--structure", TABLE, "--threads", "1", "--seconds", "1")
    subprocess.run(
        run, cwd=TREE, check=True, env=os.environ | {"CARGO_TARGET_DIR": str(BUILD)}, capture_output=True
    )
    change(TREE, TABLE_CHANGE)
    timed(f"a line of {TABLE} to its number", 30, run)


def figure():
    built()
    plot = cargo(
        "plot",
        "results/quickstart-recorded",
        "--figure",
        "throughput-threads",
        "--format",
        "svg",
        "--out",
        str(HERE / "figures"),
    )
    subprocess.run(
        plot, cwd=TREE, check=True, env=os.environ | {"CARGO_TARGET_DIR": str(BUILD)}, capture_output=True
    )
    change(TREE, FIGURE_CHANGE)
    timed("a line of a figure to the figure", 20, plot)


def own():
    shutil.rmtree(OWN, ignore_errors=True)
    (OWN / "src").mkdir(parents=True)
    (OWN / "Cargo.toml").write_text(OWN_MANIFEST.format(tree=TREE))
    shutil.copy(TREE / "harness/examples/bring_your_own_table.rs", OWN / "src/main.rs")
    shutil.copy(TREE / "Cargo.lock", OWN / "Cargo.lock")
    target = HERE / "own-build"
    shutil.rmtree(target, ignore_errors=True)
    build = ["cargo", "build", "--release", "--quiet"]
    timed("own table out of tree, cold", 60, build, OWN, target)
    change(OWN, OWN_CHANGE)
    timed("own table out of tree, after a change", 10, build, OWN, target)


def size():
    built()
    programs = [BUILD / "release" / "bench", *sorted((BUILD / "measured").glob("subjects-*"))]
    total = 0
    for program in programs:
        if program.suffix:
            continue
        sections = subprocess.run(["size", "-A", program], check=True, capture_output=True, text=True)
        rows = (line.split() for line in sections.stdout.splitlines())
        code = next(int(row[1]) for row in rows if row and row[0] == ".text")
        print(f"  {program.name:<42}{code / 1e6:>7.2f} MB")
        total += code
    print(f"{'machine code of all programs':<44}{total / 1e6:>7.2f} MB   at most 18 MB", flush=True)


def test():
    target = HERE / "test-build"
    shutil.rmtree(target, ignore_errors=True)
    timed("cargo test, cold", 480, ["cargo", "test", "--quiet"], TREE, target)
    timed("cargo test, warm", 240, ["cargo", "test", "--quiet"], TREE, target)


def ci():
    target = HERE / "ci-build"
    shutil.rmtree(target, ignore_errors=True)
    shutil.rmtree(TREE / "target", ignore_errors=True)
    timed(".ci/run in a fresh clone", 1080, ["bash", ".ci/run"], TREE, target)


STEPS = {"fresh": fresh, "table": table, "figure": figure, "own": own, "size": size}
LONGER = {"test": test, "ci": ci}


def main():
    steps = STEPS | LONGER
    names = sys.argv[1:] or list(STEPS)
    for name in names:
        if name not in steps:
            fail(f"no step {name}; there are {', '.join(steps)}", 2)
    copy()
    for name in names:
        steps[name]()


main()
