import json
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from workbench import figure, folder

matplotlib.use("Agg")
NOTEBOOKS = sorted(Path(__file__).resolve().parents[1].glob("*.ipynb"))


def trials(threads=(1, 2), windows=(99, 99)):
    return pd.DataFrame({
        "case": ["x", "y"], "threads": threads, "clean_windows": windows,
        "ops_per_sec": [1.0, 2.0], "clean_ops_per_sec": [10.0, 20.0],
    })


def test_a_missing_folder_says_how_to_record_it(tmp_path):
    with pytest.raises(folder.MissingFolder) as error:
        folder.load("factors", "experiments/factors.toml", tmp_path)
    assert "sweep experiments/factors.toml --out results/factors" in str(error.value)


def test_invalid_and_torn_trials_are_counted_and_left_out(tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "machine.toml").write_text("cpus = 2\n")
    (tmp_path / "r" / "trials.csv").write_text(
        "structure,reclaimer,valid,error\na,none,true,\na,epoch,false,bad sum\na,ep"
    )
    run = folder.load("r", "x.toml", tmp_path)
    assert (list(run.trials.subject), run.invalid, run.cpus) == (["a"], 2, 2)


def test_rate_is_clean_only_where_every_fitting_cell_has_windows():
    assert folder.rate_column(trials(windows=(20, 20)), 2)[1] == "clean windows"
    assert folder.rate_column(trials(windows=(99, 19)), 2)[1] == "wall time"


def test_cells_with_more_threads_than_cpus_keep_wall_time():
    rated, name = folder.with_rate(trials(threads=(1, 4), windows=(99, 0)), 2)
    assert (list(rated.rate), name) == ([10, 2], "clean windows")


def test_a_saved_figure_has_no_type_3_font_and_repeats(tmp_path):
    figure.style()
    for name in "ab":
        fig, axes = plt.subplots()
        axes.plot([1, 2])
        figure.save(fig, name, tmp_path)
    a, b = ((tmp_path / f"{n}.pdf").read_bytes() for n in "ab")
    assert a == b and b"/Type3" not in a


def test_more_names_than_looks_are_refused():
    with pytest.raises(ValueError, match="told apart"):
        figure.looks(list("abcdefgh"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_short_and_stripped(path):
    cells = json.loads(path.read_text())["cells"]
    assert len(cells) <= 12
    code = [c for c in cells if c["cell_type"] == "code"]
    assert code and not any(c["outputs"] or c["execution_count"] for c in code)


def test_the_four_notebooks_are_there():
    assert [p.stem[:2] for p in NOTEBOOKS] == ["01", "02", "03", "04"]


def test_a_twin_is_another_subject():
    run = folder.load("factors", "experiments/factors.toml")
    twins = run.trials[run.trials.twin]
    assert len(twins) > 0 and twins.subject.str.endswith(" (A/A)").all()
    assert not run.trials[~run.trials.twin].subject.str.contains("A/A").any()
