import numpy as np
import pandas as pd
import pytest

from workbench import folder, stats

A = [12.1, 13.4, 11.8, 15.9, 12.7, 14.2, 12.9, 22.5, 13.1, 12.4]
SCIPY_MEAN = (12.87, 17.34)


def blocks(ours, theirs):
    rows = [("a", "1", b, r) for b, r in enumerate(ours)]
    rows += [("b", "2", b, r) for b, r in enumerate(theirs)]
    return pd.DataFrame(rows, columns=["subject", "case", "block", "rate"])


def test_ratio_by_hand():
    # 2, 8 and 1: the cube root of 16, whatever the blocks' levels.
    centre, low, high, pairs = stats.ratio(blocks([2, 8, 40], [1, 1, 40]), "a", "b")
    assert centre == pytest.approx(16 ** (1 / 3), rel=1e-12) and pairs == 3
    assert 1 <= low < centre < high <= 8 + 1e-9


def test_ratio_is_paired_by_block_not_by_row():
    trials = blocks([2, 20, 200], [1, 10, 100]).sample(frac=1, random_state=3)
    assert stats.ratio(trials, "a", "b")[:3] == pytest.approx((2, 2, 2))


def test_a_block_without_a_partner_is_left_out():
    assert stats.ratio(blocks([2, 8, 5], [1, 2]), "a", "b")[3] == 2


def test_two_cells_of_one_subject_are_refused():
    trials = blocks([1, 2], [1, 2])
    trials.loc[0, "case"] = "3"
    with pytest.raises(ValueError, match="exactly one cell"):
        stats.ratio(trials, "a", "b")


def test_adjusted_by_hand():
    assert stats.adjusted(0.025, 0, 0) == pytest.approx(0.025)
    # z = 0.1 + 1.95996 = 2.05996; 0.1 + z / (1 - 0.05 z) = 2.39651; its normal probability.
    assert stats.adjusted(0.975, 0.1, 0.05) == pytest.approx(0.991724, abs=2e-6)
    assert stats.adjusted(0.975, 0, 0.6) == 1.0


def test_acceleration_by_hand():
    # Left out: 1, 2, 6; mean 3; deviations 2, 1, -3; cubes -18, squares 14.
    assert stats.acceleration_of(np.array([1.0, 2, 6])) == pytest.approx(-18 / (6 * 14**1.5))
    assert stats.acceleration_of(np.array([4.0, 4])) == 0


def test_ties_count_half_in_the_bias():
    assert stats.bias_of(np.array([1.0, 2, 2, 3]), 2.0) == pytest.approx(0)
    assert stats.bias_of(np.array([1.0, 1, 1, 3]), 2.0) == pytest.approx(0.674490, abs=1e-6)


def test_bca_agrees_with_scipy():
    # scipy.stats.bootstrap((A,), np.mean, method="BCa", n_resamples=200000,
    #     rng=np.random.default_rng(1)), SciPy 1.17.1; another seed moves an end by up to 0.05
    low, high = stats.bca(A, np.mean, resamples=100_000)
    assert (low, high) == pytest.approx(SCIPY_MEAN, abs=0.12)


def test_medians_by_hand():
    rows = stats.medians(blocks([1, 3, 9], [7]), ["subject"]).set_index("subject")
    assert rows["median"].tolist() == [3, 7] and rows.trials.tolist() == [3, 1]
    assert np.isnan(rows.low["b"]) and 1 <= rows.low["a"] <= 3 <= rows.high["a"] <= 9


def test_degenerate_samples():
    assert stats.bca([1.0]) is None
    assert stats.bca([1.0, np.nan]) is None
    assert stats.bca([3.0, 3, 3]) == (3, 3)


def test_ratio_agrees_with_bench_cmp():
    # bench cmp results/factors --baseline cuckoo-optimistic --metric wall
    #     --filter '*threads=2 reads=100 *' --json, subject chaining-inline: ratio, low, high, pairs
    run = folder.load("factors", "experiments/factors.toml")
    cell = run.trials.query("threads == 2 and reads == 100")
    ours = stats.ratio(cell, "chaining-inline", "cuckoo-optimistic", "ops_per_sec")
    assert ours[0] == pytest.approx(0.8206594047867538, rel=1e-12) and ours[3] == 8
    assert ours[1:3] == pytest.approx((0.7855491891765239, 0.855301171410559), abs=0.02)
