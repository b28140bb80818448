"""A figure's looks: the width of an ACM column, Okabe and Ito's colours, no Type 3 font."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

COLUMN, TEXT = 241.15 / 72.27, 506.3 / 72.27
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)), (0, (8, 2))]
FIGURES = Path(__file__).resolve().parents[1] / "figures"


def style():
    """Text of 7 points at the size at which the figure is printed."""
    mpl.rcParams.update({
        "font.size": 7, "axes.titlesize": 7, "axes.labelsize": 7, "legend.fontsize": 7,
        "figure.labelsize": 7, "xtick.labelsize": 7, "ytick.labelsize": 7, "lines.linewidth": 1, "lines.markersize": 3.5,
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
        "pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "workbench",
    })


def looks(names):
    """A colour, marker and dash for each name, in the order given; more than there are is an error."""
    if len(names) > len(COLOURS):
        raise ValueError(f"{len(names)} names, but only {len(COLOURS)} can be told apart")
    keys = ("color", "marker", "linestyle")
    return {n: dict(zip(keys, k)) for n, *k in zip(names, COLOURS, MARKERS, DASHES)}


def bars(rows, scale=1.0):
    """Error bars of rows of `stats.medians`, in matplotlib's form: none where there is no interval."""
    return [
        ((rows["median"] - rows.low) * scale).fillna(0),
        ((rows.high - rows["median"]) * scale).fillna(0),
    ]


def legend_above(fig, axes, columns=2):
    """One legend above all panels, where it covers no data."""
    fig.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=columns)


def save(fig, name, folder=FIGURES):
    """PDF and SVG, the same bytes for the same data."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    fig.savefig(Path(folder) / f"{name}.pdf", metadata={"CreationDate": None})
    fig.savefig(Path(folder) / f"{name}.svg", metadata={"Date": None})
    plt.show()
