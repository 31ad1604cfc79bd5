"""Partial pooling finds what the groups' customers tell: their differences, and that a few customers tell little."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
from scipy.optimize import minimize

from funnelcast.families.clv.choice.pooling import Pooled, pool
from funnelcast.families.clv.process.fitting import fit_bg_nbd
from funnelcast.families.clv.process.likelihood import Objective, Purchases, bg_nbd
from funnelcast.families.clv.process.parameters import Floats

CENTRE = np.log([0.8, 6.0, 0.9, 2.8])
SIZES = (3000, 2000, 1500, 1000, 800, 400, 100, 12)


def followed(random: np.random.Generator, count: int, logarithms: Floats) -> Purchases:
    """Customers of BG/NBD, followed purchase by purchase for 20 to 100 weeks."""
    r, alpha, a, b = np.exp(logarithms)
    T, rate, leaves = random.uniform(20, 100, count), random.gamma(r, size=count) / alpha, random.beta(a, b, count)
    x, t_x, clock, alive = np.zeros(count), np.zeros(count), np.zeros(count), np.ones(count, dtype=bool)
    while alive.any():
        clock = np.where(alive, clock + random.exponential(size=count) / rate, clock)
        buys = alive & (clock <= T)
        x, t_x = x + buys, np.where(buys, clock, t_x)
        alive = buys & (random.random(count) >= leaves)
    return Purchases(x, t_x, T, np.ones(count))


@cache
def company(spread: float, seed: int) -> tuple[dict[str, Floats], dict[str, Objective], Floats, float, Pooled]:
    random = np.random.default_rng(seed)
    truth = {str(size): CENTRE + spread * random.standard_normal(4) for size in SIZES}
    rows = {name: followed(random, int(name), logarithms) for name, logarithms in truth.items()}
    every = [np.concatenate([getattr(part, name) for part in rows.values()]) for name in ("x", "t_x", "T", "weight")]
    together = fit_bg_nbd(Purchases(*every))[1]
    objectives: dict[str, Objective] = {name: partial(bg_nbd, data=part) for name, part in rows.items()}
    return truth, objectives, together.logarithms, together.log_likelihood, pool(objectives, together.logarithms)


def errors(truth: dict[str, Floats], found: Pooled) -> Floats:
    return np.array(
        [(found.logarithms[name] - truth[name]) / np.sqrt(np.diag(found.covariances[name])) for name in truth], dtype=np.float64
    )


def test_differences_between_groups_are_found_within_their_errors() -> None:
    z = np.concatenate([errors(company(0.3, seed)[0], company(0.3, seed)[4]) for seed in (3, 4, 6)])
    assert 0.6 < np.sqrt((z**2).mean()) < 1.5
    assert np.abs(z).max() < 5
    _, objectives, _, together, found = company(0.3, 3)
    assert found.log_marginal > together + 100
    assert np.all((found.spread > 0.1) & (found.spread < 0.8))
    assert sum(objective(found.logarithms[name])[0] for name, objective in objectives.items()) > together + 100


def test_a_tiny_group_is_drawn_to_the_centre_and_a_large_one_is_not() -> None:
    _, objectives, _, _, found = company(0.3, 3)
    own = dict(zip(("3000", "12"), (pool_alone(objectives[name], found.centre) for name in ("3000", "12")), strict=True))
    moved = {name: found.logarithms[name] - found.centre for name in own}
    assert np.abs(moved["3000"] - (own["3000"] - found.centre)).max() < 0.1
    assert np.linalg.norm(moved["12"]) < np.linalg.norm(own["12"] - found.centre) / 2
    deviations = {name: np.sqrt(np.diag(found.covariances[name])) for name in own}
    assert np.all(deviations["12"] > 2 * deviations["3000"])
    assert np.all(deviations["12"] < 1.3 * np.hypot(found.spread, deviations["3000"]) + 0.1)


def pool_alone(objective: Objective, start: Floats) -> Floats:
    """Climb one group's own likelihood, by an optimiser of another kind."""

    def loss(at: Floats) -> float:
        return -objective(at)[0]

    found: Any = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-6, "fatol": 1e-9})
    return np.asarray(found.x, dtype=np.float64)


def test_where_groups_do_not_differ_they_stay_together() -> None:
    for seed in (1, 2):
        _, _, alike, together, found = company(0.0, seed)
        assert np.all(found.spread < 0.12)
        assert found.log_marginal < together + 1
        for logarithms in found.logarithms.values():
            assert np.abs(logarithms - alike).max() < 0.2


def test_the_same_rows_give_the_same_parameters() -> None:
    _, objectives, start, _, found = company(0.3, 3)
    again = pool(objectives, start)
    assert again.spread.tobytes() == found.spread.tobytes()
    assert all(again.covariances[name].tobytes() == found.covariances[name].tobytes() for name in objectives)
