"""Makes stats.json: what SciPy says of samples that harness/stats is tested on.

    python3 stats.py > stats.json

It needs NumPy and SciPy; `made_with` in the file names the versions that made it.
"""

import itertools
import json

import numpy as np
import scipy
from scipy import optimize, stats

rng = np.random.default_rng(5)


def listed(values):
    return [round(float(value), 6) for value in values]


def bca_of_two(a, b):
    """The BCa interval of the difference of means of two independent samples."""
    result = stats.bootstrap(
        (a, b),
        lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis),
        method="BCa",
        n_resamples=200_000,
        batch=1_000,
        rng=np.random.default_rng(1),
    )
    low, high = result.confidence_interval
    return {"a": a, "b": b, "low": float(low), "high": float(high)}


def shuffle_test(a, b):
    """The exact test of the difference of means by exchanging values."""
    result = stats.permutation_test(
        (a, b),
        lambda a, b, axis: np.abs(np.mean(a, axis=axis) - np.mean(b, axis=axis)),
        permutation_type="independent",
        alternative="greater",
        n_resamples=np.inf,
        batch=1_000,
    )
    return {"a": a, "b": b, "p": float(result.pvalue)}


def t_squared(x):
    return float(stats.ttest_1samp(x, 0).statistic ** 2)


def flip_tests(logs):
    """Each comparison's exact sign-flip test, and the step-down by the largest t over all flips."""
    present = [[x for x in row if x is not None] for row in logs]
    alone = [
        stats.permutation_test(
            (row,),
            lambda x, axis: np.abs(np.mean(x, axis=axis)),
            permutation_type="samples",
            alternative="greater",
            n_resamples=np.inf,
        ).pvalue
        for row in present
    ]
    observed = [t_squared(row) for row in present]
    order = sorted(range(len(logs)), key=lambda i: -observed[i])
    flips = list(itertools.product([1, -1], repeat=len(logs[0])))
    flipped = [
        [t_squared([s * x for s, x in zip(signs, row) if x is not None]) for row in logs]
        for signs in flips
    ]
    adjusted, least = [0.0] * len(logs), 0.0
    for place, i in enumerate(order):
        enough = observed[i] * (1 - 1e-9)
        count = sum(max(t[j] for j in order[place:]) >= enough for t in flipped)
        least = max(least, count / len(flips))
        adjusted[i] = least
    return {"logs": logs, "alone": [float(p) for p in alone], "adjusted": adjusted}


def kendall(x, y):
    result = stats.kendalltau(x, y, method="asymptotic")
    return {"x": x, "y": y, "tau": float(result.statistic), "p": float(result.pvalue)}


def law(n, rate, sigma, kappa):
    return rate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


def usl(points):
    """The Universal Scalability Law with no negative coefficient, by least squares."""
    n, x = np.array(points, dtype=float).T
    (rate, sigma, kappa), _ = optimize.curve_fit(
        law,
        n,
        x,
        p0=(x[0] / n[0], 0.01, 0.001),
        bounds=(0, np.inf),
        x_scale=(x[0] / n[0], 0.1, 0.01),
        ftol=1e-15,
        xtol=1e-15,
        gtol=1e-15,
        max_nfev=100_000,
    )
    return {"points": points, "lambda": float(rate), "sigma": float(sigma), "kappa": float(kappa)}


def scaling(threads, rate, sigma, kappa, noise=0.0):
    """Points of the law, each off by a few percent."""
    threads = np.array(threads, dtype=float)
    rates = law(threads, rate, sigma, kappa) * (1 + rng.normal(0, noise, len(threads)))
    return [[float(n), x] for n, x in zip(threads, listed(rates))]


def comparisons(centres, blocks, missing=()):
    baseline = rng.normal(0, 0.1, blocks)
    logs = [listed(rng.normal(centre, 0.1, blocks) - baseline) for centre in centres]
    for row, block in missing:
        logs[row][block] = None
    return logs


answers = {
    "made_with": f"SciPy {scipy.__version__}, NumPy {np.__version__}",
    "bca_of_two": [
        bca_of_two(listed(rng.normal(0.4, 0.2, 10)), listed(rng.normal(0, 0.1, 8))),
        bca_of_two(listed(rng.exponential(1, 12)), listed(rng.exponential(0.5, 12))),
        # Of unequal sizes, where it matters how the two jackknives are weighed.
        bca_of_two(listed(np.geomspace(0.1, 10, 4)), listed(np.geomspace(0.01, 30, 40))),
    ],
    "shuffle_test": [
        shuffle_test(listed(rng.normal(0.1, 0.1, 10)), listed(rng.normal(0, 0.1, 10))),
        shuffle_test(listed(rng.normal(0, 1, 5)), listed(rng.normal(0, 1, 9))),
        shuffle_test([1.0, 2.0, 2.0, 3.0], [2.0, 2.0, 5.0]),
    ],
    "flip_tests": [
        flip_tests(comparisons([0.0, 0.05, 0.15, 0.5], 8)),
        flip_tests(comparisons([0.1, -0.2, 0.0], 9, [(0, 3), (1, 0), (1, 8)])),
    ],
    "kendall": [
        kendall(list(range(10)), listed(np.arange(10) * 0.1 + rng.normal(0, 0.3, 10))),
        kendall([1, 1, 2, 2, 2, 3, 4, 5, 5], [3, 2, 2, 5, 4, 4, 7, 6, 6]),
        kendall(listed(rng.normal(0, 1, 40)), listed(rng.normal(0, 1, 40))),
    ],
    "usl": [
        # SPEC SDM91 on a SPARCcenter 2000: N. J. Gunther, Guerrilla Capacity Planning, 2007. The R
        # package `usl` fits sigma 0.0277285, kappa 0.0001044 and lambda 89.9952330 to it.
        usl(
            [[1, 64.9], [18, 995.9], [36, 1652.4], [72, 1853.2], [108, 1828.9], [144, 1775.0]]
            + [[216, 1702.2]]
        ),
        usl(scaling([1, 2, 4, 8, 16, 32], 5e6, 0.08, 0.003, 0.03)),
        # Where a coefficient without the bound would be negative.
        usl(scaling([1, 2, 4, 8, 16], 2e7, 0.2, -0.004, 0.01)),
        usl(scaling([1, 2, 4, 8, 16], 2e7, -0.03, 0.01, 0.01)),
        usl(scaling([1, 2, 4, 8], 1e6, -0.02, -0.001, 0.0)),
    ],
}
print(json.dumps(answers))
