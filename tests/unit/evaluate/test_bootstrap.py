from __future__ import annotations

import numpy as np
import pytest

from funnelcast.evaluate.bootstrap import paired_bootstrap


def test_a_constant_difference_leaves_no_doubt() -> None:
    found = paired_bootstrap(np.full(50, 1.0), np.full(50, 1.25), seed=1)
    assert (found.mean, found.low, found.high) == (-0.25, -0.25, -0.25)
    assert found.p == 1 / 1001


def test_the_interval_is_the_normal_one_on_many_rows() -> None:
    rng = np.random.default_rng(3)
    differences = rng.normal(0.1, 2.0, 4000)
    found = paired_bootstrap(differences, np.zeros(4000), seed=5, replicates=4000)
    spread = 1.6449 * differences.std() / np.sqrt(4000)
    assert found.low == pytest.approx(differences.mean() - spread, abs=0.004)
    assert found.high == pytest.approx(differences.mean() + spread, abs=0.004)


def test_very_many_rows_vary_as_much_dealt_out_to_groups() -> None:
    rng = np.random.default_rng(3)
    differences = rng.normal(0.1, 2.0, 90_001)
    found = paired_bootstrap(differences, np.zeros(90_001), seed=5, replicates=4000)
    spread = 1.6449 * differences.std() / np.sqrt(90_001)
    assert found.mean == pytest.approx(differences.mean(), rel=1e-12)
    assert found.high - found.low == pytest.approx(2 * spread, rel=0.05)


def test_rows_of_one_cluster_count_once() -> None:
    rng = np.random.default_rng(4)
    cluster = np.repeat(np.arange(40), 25)
    differences = rng.normal(0, 1, 40)[cluster]
    wide = paired_bootstrap(differences, np.zeros(1000), seed=5, clusters=cluster)
    narrow = paired_bootstrap(differences, np.zeros(1000), seed=5)
    assert wide.high - wide.low == pytest.approx((narrow.high - narrow.low) * 5, rel=0.1)
    assert wide.mean == pytest.approx(narrow.mean)


def test_the_chunks_of_a_long_run_are_one_sequence() -> None:
    differences = np.random.default_rng(6).normal(size=5000)
    again = [paired_bootstrap(differences, np.zeros(5000), seed=9, replicates=900) for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize(("loss_a", "loss_b"), [(np.zeros(0), np.zeros(0)), (np.zeros(2), np.zeros(3)), (np.array([np.nan]), np.zeros(1))])
def test_losses_that_cannot_be_paired_are_refused(loss_a: np.ndarray, loss_b: np.ndarray) -> None:
    with pytest.raises(ValueError, match="paired losses"):
        paired_bootstrap(loss_a, loss_b, seed=0)
