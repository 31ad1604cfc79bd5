"""One customer's interval: what customers share is found once, and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from funnelcast.families.clv import quantiles as module
from funnelcast.families.clv.draws import CUSTOMER, PURCHASE, VALUE, Customers, Worlds
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.process.parameters import BgNbd, GammaGamma, MbgNbd, ParetoNbd, Process, TrendBgNbd
from funnelcast.families.clv.process.predictions import p_alive
from funnelcast.families.clv.quantiles import Variates, quantiles

INVERTED: list[BgNbd | TrendBgNbd] = [
    BgNbd(0.8, 6.0, 0.9, 2.8),
    MbgNbd(0.8, 6.0, 0.9, 2.8),
    TrendBgNbd(0.8, 6.0, 0.9, 2.8, 0.97),
]
PROCESSES: list[Process] = [*INVERTED, ParetoNbd(0.8, 6.0, 0.7, 30.0)]
SPEND = SpendModel(40.0, GammaGamma(6.0, 4.0, 20.0), np.eye(3) * 0.01, uses_first=True)
MEAN = SpendModel(40.0)
HORIZON, DELTA, LEVELS = 20.0, 0.01, (0.1, 0.5, 0.9)


def worlds(process: Process, spend: SpendModel) -> Worlds:
    return Worlds.draw(process, np.diag([0.04] * 4 + [0.0] * (len(process.logarithms()) - 4)), spend, 50, seed=3)


def drawn_customers(number: int = 80) -> Customers:
    """Many share x and T, some t_x, few m and z."""
    random = np.random.default_rng(4)
    x = random.integers(0, 4, number).astype(float)
    t_x = np.where(x > 0, random.integers(1, 4, number) * 5.0, 0.0)
    m = np.where(x > 0, random.integers(0, 3, number) * 21.0, 0.0)
    T, z = 15.0 + 7.0 * random.integers(0, 3, number), 13.0 * random.integers(0, 3, number)
    return Customers(*(np.asarray(values, dtype=np.float64) for values in (x, t_x, T, m, z)))


def followed(worlds: Worlds, x: float, t_x: float, T: float, m: float, z: float) -> list[float]:
    """Give one customer's discounted value in each world, purchase by purchase."""
    process, size = worlds.process, worlds.count
    lives, leaves = worlds.random(CUSTOMER).random((2, size))
    random = worlds.random(CUSTOMER, int(x))
    shape, first, second = (
        random.standard_gamma(of, size) for of in (process.rate_shape(np.array(x)), *process.leaving_shapes(np.array(x)))
    )
    alive = lives < p_alive(process, np.array(x), np.array(t_x), np.array(T))
    last, life = process.leaving(first, second, leaves)
    until = np.minimum(process.ahead(HORIZON), life * process.life_unit(np.array(T)))
    number, _ = worlds.mean.seen(np.array(x), np.array(m), np.array(z))
    divisor = np.ones(size) if worlds.spend is None else worlds.random(VALUE, int(number)).standard_gamma(worlds.value_shape(number))
    scale = worlds.values(Customers(*(np.array([value]) for value in (x, t_x, T, m, z))))[1][0]
    found = []
    for world in range(size):
        clock = total = 0.0
        for purchase in count():
            draw = worlds.random(PURCHASE, purchase)
            waits = draw.standard_exponential(size)
            values = np.ones(size) if worlds.spend is None else draw.standard_gamma(worlds.spend.p)
            clock += waits[world] * float((process.age(np.array(T)) / shape)[world])
            if not alive[world] or clock > until[world] or purchase >= last[world]:
                break
            time = process.when(np.full(size, clock), np.arange(size))[world]
            total += values[world] * np.exp(-DELTA * time)
        found.append(total * scale[world] / divisor[world])
    return found


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: type(process).__name__)
@pytest.mark.parametrize("spend", [SPEND, MEAN], ids=["gamma_gamma", "mean"])
def test_against_one_customer_followed_from_purchase_to_purchase(process: Process, spend: SpendModel) -> None:
    drawn, customers = worlds(process, spend), drawn_customers(12)
    found = quantiles(Variates(drawn), customers, HORIZON, DELTA, LEVELS)
    rows = zip(customers.x, customers.t_x, customers.T, customers.m, customers.z, strict=True)
    values = [followed(drawn, *(float(value) for value in row)) for row in rows]
    assert np.mean(values) > 0
    np.testing.assert_allclose(found, np.quantile(values, LEVELS, axis=1).T, rtol=1e-12)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: type(process).__name__)
def test_a_customer_gets_the_same_alone_and_in_any_company(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, everyone = worlds(process, replace(SPEND, uses_first=False)), drawn_customers()
    together = quantiles(Variates(drawn), everyone, HORIZON, DELTA, LEVELS)
    alone = [quantiles(Variates(drawn), everyone.part(slice(row, row + 1)), HORIZON, DELTA, LEVELS)[0] for row in range(len(everyone.x))]
    np.testing.assert_array_equal(together, alone)
    monkeypatch.setattr(module, "_CELLS_AT_ONCE", 7 * drawn.count)
    np.testing.assert_array_equal(quantiles(Variates(drawn), everyone, HORIZON, DELTA, LEVELS), together)


def test_what_is_kept_keeps_nothing_else_in_memory() -> None:
    variates = Variates(worlds(PROCESSES[0], SPEND))
    quantiles(variates, drawn_customers(), HORIZON, DELTA, LEVELS)
    (one,) = variates.futures.of([(0.0, 15.0, HORIZON, DELTA)], lambda _: pytest.fail("it was found before"))
    assert (one.base, one.nbytes) == (None, 2 * variates.worlds.count * 8)


def test_nobody_has_no_interval() -> None:
    assert quantiles(Variates(worlds(PROCESSES[0], SPEND)), drawn_customers(0), HORIZON, DELTA, LEVELS).shape == (0, 3)


@pytest.mark.parametrize("process", INVERTED, ids=lambda process: type(process).__name__)
@given(x=st.integers(0, 60), T=st.floats(0.1, 400.0), share=st.floats(0.0, 1.0), log_odds=st.floats(-30.0, 30.0))
def test_the_odds_of_death_are_inverted(process: BgNbd | TrendBgNbd, x: int, T: float, share: float, log_odds: float) -> None:
    repeats, age, last = np.array(float(x)), np.array(T), np.array(T * share)
    found = float(process.log_odds_of_death(repeats, last, age))
    assume(abs(found - log_odds) > 1e-9)
    assert (process.seen(last, age) > process.alive_since(np.array(log_odds), repeats, age)) == (found < log_odds)


def test_odds_beyond_all_bounds_end_or_spare_everyone() -> None:
    for process in INVERTED:
        sure, never = (process.alive_since(np.array(odds), np.array(1.0), np.array(9.0)) for odds in (2_000.0, -2_000.0))
        assert [float(sure) < 0, float(never)] == [True, np.inf]
