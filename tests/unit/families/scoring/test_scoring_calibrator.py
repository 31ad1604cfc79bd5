from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

from funnelcast.evaluate.calibration import intercept_of, slope_of
from funnelcast.evaluate.metrics import log_losses
from funnelcast.families.scoring.calibrator import Calibrator, learn_calibrator


def drawn(rows: int, seed: int, stretch: float = 2.0, shift: float = 0.8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Raw scores that are too extreme and shifted, outcomes, and the true probability."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1, 1, rows)
    return stretch * truth + shift, (rng.random(rows) < expit(truth)).astype(float), expit(truth)


@pytest.mark.parametrize(("rows", "method"), [(1_500, "platt"), (30_000, "beta")])
def test_the_map_undoes_a_known_distortion_and_suits_the_count_of_positives(rows: int, method: str) -> None:
    raw, outcome, truth = drawn(rows, seed=1)
    found = learn_calibrator(raw, outcome)
    assert found.method == method
    assert np.abs(found.probability(raw) - truth).max() < 0.06
    fresh_raw, fresh_outcome, _ = drawn(60_000, seed=2)
    assert slope_of(fresh_outcome, found.probability(fresh_raw)) == pytest.approx(1.0, abs=0.12)
    assert intercept_of(fresh_outcome, found.probability(fresh_raw)) == pytest.approx(0.0, abs=0.12)


def stairs(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two plateaus with a cliff between them: no curve of three parameters has that shape."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 2, rows)
    truth = np.where(raw < 0.5, 0.08, 0.6) + 0.02 * expit(raw)
    return raw, (rng.random(rows) < truth).astype(float), truth


def test_many_outcomes_on_a_staircase_get_steps() -> None:
    raw, outcome, _ = stairs(20_000, seed=7)
    fresh, came, truth = stairs(20_000, seed=8)
    stepped, smooth = learn_calibrator(raw, outcome), learn_calibrator(raw[:1_500], outcome[:1_500])
    assert (stepped.method, smooth.method) == ("isotonic", "platt")
    best = log_losses(came, truth).mean()
    assert log_losses(came, stepped.probability(fresh)).mean() - best < 0.003
    assert log_losses(came, smooth.probability(fresh)).mean() - best > 0.03
    assert Calibrator.of(stepped.document()) == stepped


@pytest.mark.parametrize("world", [drawn, stairs])
def test_the_order_of_the_scores_is_kept(world: Callable[..., tuple[np.ndarray, ...]]) -> None:
    raw, outcome, _ = world(30_000, seed=3)
    probability = learn_calibrator(raw, outcome).probability(np.linspace(-30, 30, 5_000))
    assert (np.diff(probability) >= 0).all()
    assert probability[0] < 0.05
    assert probability[-1] > 0.6


def test_scores_that_rank_backwards_are_not_turned_around() -> None:
    raw, outcome, _ = drawn(1_000, seed=4)
    found = learn_calibrator(-raw, outcome)
    assert (found.a, found.b) == (0.0, 0.0)
    assert found.probability(raw) == pytest.approx(np.full(1_000, outcome.mean()), abs=0.02)


def test_the_interval_holds_the_true_rate_as_often_as_it_says() -> None:
    inside = []
    for seed in range(30):
        raw, outcome, _ = drawn(1_000, seed=100 + seed)
        found = learn_calibrator(raw, outcome)
        points = np.quantile(raw, [0.1, 0.3, 0.5, 0.7, 0.9])
        low, high = found.interval(points, found.probability(points))
        truth = expit((points - 0.8) / 2.0)
        inside.append((low <= truth) & (truth <= high))
    assert 0.80 <= np.mean(inside) <= 0.99  # 90 % is claimed


def test_few_rows_give_wide_intervals_and_many_narrow_ones() -> None:
    widths = []
    for rows in (60, 6_000, 60_000):
        raw, outcome, _ = drawn(rows, seed=5)
        found = learn_calibrator(raw, outcome)
        low, high = found.interval(np.array([-1.0]), found.probability(np.array([-1.0])))
        widths.append(float(high[0] - low[0]))
    assert widths[0] > 2 * widths[1] > 2 * widths[2] > 0


def test_a_calibrator_survives_its_document() -> None:
    raw, outcome, _ = drawn(500, seed=6)
    found = learn_calibrator(raw, outcome)
    assert Calibrator.of(found.document()) == found
