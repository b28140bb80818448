"""A recorded result folder, as `docs/FORMAT.md` describes it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).resolve().parents[2] / "results"
CONTROLS = ("no-op", "sequential")
ENOUGH_WINDOWS = 20


class MissingFolder(Exception):
    """A result folder is not there; the message says how to record it."""


@dataclass(frozen=True)
class Folder:
    """`trials` holds valid trials only; `invalid` counts the others."""

    path: Path
    trials: pd.DataFrame
    invalid: int
    cpus: int


def load(name, spec, results=RESULTS):
    """The folder `results/NAME`, which `bench sweep SPEC` records."""
    path = Path(results) / name
    if not (path / "trials.csv").is_file():
        raise MissingFolder(
            f"{path} holds no trials.csv. Record it on a quiet machine with\n"
            f"    cargo run --release -- sweep {spec} --out results/{name}"
        )
    rows = pd.read_csv(path / "trials.csv", dtype={"valid": str, "error": str})
    trials, invalid = split_valid(rows)
    machine = tomllib.loads((path / "machine.toml").read_text())
    twins = trials.twin if "twin" in trials else [False] * len(trials)
    cells = zip(trials.structure, trials.reclaimer, twins)
    trials["subject"] = [subject(*cell) for cell in cells]
    return Folder(path, trials, invalid, cpus_of(machine))


def split_valid(rows):
    """Valid trials, and how many rows are not valid. A torn last row is not valid either."""
    valid = rows.valid.astype(str).str.lower() == "true"
    return rows[valid].copy(), int((~valid).sum())


def subject(structure, reclaimer, twin=False):
    """A table's name as `bench` prints it; its twin, measured as well for the noise floor, has another."""
    name = structure if reclaimer == "none" else f"{structure}/{reclaimer}"
    return f"{name} (A/A)" if twin else name


def cpus_of(machine):
    """The CPUs that the run could use."""
    return int(machine["cpus"])


def rate_column(trials, cpus):
    """The rate that all cells have, by the rule of `bench plot`, and its name.

    Clean windows, if every cell with no more threads than CPUs has at least 20 in its median
    trial; wall time otherwise. Cells with more threads than CPUs have no clean windows, ever.
    """
    fitting = trials[trials.threads <= cpus]
    windows = fitting.groupby("case").clean_windows.median()
    if len(windows) and (windows >= ENOUGH_WINDOWS).all():
        return "clean_ops_per_sec", "clean windows"
    return "ops_per_sec", "wall time"


def with_rate(trials, cpus):
    """`trials` with a column `rate`, in operations per second, and the name of what it is."""
    column, name = rate_column(trials, cpus)
    rate = trials[column].where(trials.threads <= cpus, trials.ops_per_sec)
    return trials.assign(rate=rate), name
