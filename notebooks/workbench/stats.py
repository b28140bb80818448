"""Intervals and ratios, by the definitions of the harness (the crate `harness/stats`).

The random numbers differ from the harness', so that ends of intervals agree to within the
bootstrap's own error, and centres exactly.
"""

from statistics import NormalDist

import numpy as np
import pandas as pd

LEVEL = 0.95
RESAMPLES = 5000
NORMAL = NormalDist()


def bca(samples, statistic=np.median, resamples=RESAMPLES, seed=42):
    """The BCa bootstrap interval; `None` of fewer than two samples."""
    x = np.asarray(samples, dtype=float)
    if len(x) < 2 or not np.isfinite(x).all():
        return None
    estimate = float(statistic(x))
    if (x == x[0]).all():
        return estimate, estimate
    draws = np.random.default_rng(seed).integers(0, len(x), (resamples, len(x)))
    resampled = statistic(x[draws], axis=1)
    left_out = np.array([statistic(np.delete(x, i)) for i in range(len(x))])
    bias, acceleration = bias_of(resampled, estimate), acceleration_of(left_out)
    ends = [adjusted(q, bias, acceleration) for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)]
    return tuple(float(end) for end in np.quantile(resampled, ends))


def bias_of(resampled, estimate):
    """The normal quantile of the share of resamples below the estimate; ties count half."""
    n = len(resampled)
    below = (resampled < estimate).sum() + (resampled == estimate).sum() / 2
    return NORMAL.inv_cdf(min(max(below, 0.5), n - 0.5) / n)


def acceleration_of(left_out):
    """Efron's acceleration, from the statistic without each of the samples."""
    d = left_out.mean() - left_out
    spread = (d**2).sum()
    return 0.0 if spread == 0 else (d**3).sum() / (6 * spread**1.5)


def adjusted(q, bias, acceleration):
    """The quantile to take of the resamples where a plain percentile interval takes `q`."""
    z = bias + NORMAL.inv_cdf(q)
    stretch = 1 - acceleration * z
    if stretch <= 0:  # past the formula's pole the tail has reached its limit
        return 1.0 if z > 0 else 0.0
    return NORMAL.cdf(bias + z / stretch)


def medians(trials, by, value="rate"):
    """A row for each group: `median`, `low`, `high` (NaN without an interval), `trials`."""
    rows = [(*key, *summary(group[value])) for key, group in trials.groupby(by)]
    return pd.DataFrame(rows, columns=[*by, "median", "low", "high", "trials"])


def summary(values):
    """The median of `values` and its interval."""
    low, high = bca(values) or (np.nan, np.nan)
    return float(np.median(values)), low, high, len(values)


def ratio(trials, ours, theirs, value="rate"):
    """Ours to theirs within blocks: geometric mean, low, high, and the number of pairs.

    `ours` and `theirs` are subjects; `trials` must hold one cell of each.
    """
    for name in (ours, theirs):
        if trials[trials.subject == name].case.nunique() != 1:
            raise ValueError(f"{name} must have exactly one cell here")
    pairs = trials.pivot(index="block", columns="subject", values=value)[[ours, theirs]].dropna()
    logs = np.log(pairs[ours] / pairs[theirs]).to_numpy()
    interval = bca(logs, np.mean) or (np.nan, np.nan)
    return (float(np.exp(logs.mean())), *(float(np.exp(end)) for end in interval), len(logs))
