"""The closed forms of BG/NBD against 50-digit arithmetic (mpmath), and against lifetimes where it is right."""

from __future__ import annotations

import warnings
from typing import Any

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from funnelcast.families.clv.process.future import discounted_while_alive, expected_while_alive, survival_of_counts
from funnelcast.families.clv.process.parameters import BgNbd, Floats
from funnelcast.families.clv.process.predictions import discounted_by_month, discounted_purchases, expected_purchases, p_alive, p_purchase


def exact_while_alive(s: float, u: float, a: float, B: float) -> Any:
    """Equation 10's hypergeometric form, beside its removable poles at a = 1 and a + B = 1."""
    with mp.workdps(90):
        s, u, a, B = mp.mpf(s), mp.mpf(u), mp.mpf(a), mp.mpf(B)
        beside = mp.mpf(10) ** -30
        a = a + beside if abs(a - 1) < beside else a
        c = a + B - 1
        c = c + beside if abs(c) < beside else c
        return c / (a - 1) * (1 - (1 + u) ** (1 - a) * mp.hyp2f1(c - s, a - 1, c, u / (1 + u)))


def powers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda exponent: float(10**exponent))


shapes = st.one_of(powers(-2, 2.5), st.just(1.0), powers(-14, -1).map(lambda gap: 1 + gap), powers(-14, -1).map(lambda gap: 1 - gap))


@settings(max_examples=250, derandomize=True)
@given(r=powers(-2, 1.5), a=shapes, b=powers(-2, 3), x=st.one_of(st.integers(0, 5), st.integers(6, 10_000)), u=powers(-4, 4))
@example(r=0.243, a=1.0, b=2.4, x=0, u=1.0)
@example(r=0.243, a=1.0 + 1e-7, b=2.4, x=3, u=0.9)
@example(r=0.2, a=0.3, b=0.7, x=0, u=2.0)
@example(r=0.2, a=0.25, b=0.5, x=0, u=2.0)
@example(r=0.2, a=0.01, b=0.02, x=0, u=10_000.0)
@example(r=0.2, a=0.8, b=700.0, x=10_000, u=10_000.0)
@example(r=30.0, a=2.0, b=1.0, x=0, u=3.0)
def test_expected_purchases_to_nine_digits_anywhere(r: float, a: float, b: float, x: int, u: float) -> None:
    exact = exact_while_alive(r + x, u, a, b + x)
    found = expected_while_alive(np.array([r + x]), np.array([u]), a, np.array([b + x]))[0]
    assert abs(found / exact - 1) < 1e-9


@settings(max_examples=100, derandomize=True)
@given(
    model=st.builds(BgNbd, r=powers(-2, 1.5), alpha=powers(-2, 3), a=shapes, b=powers(-2, 3)),
    x=st.one_of(st.integers(0, 5), st.integers(6, 10_000)),
    T=powers(-2, 3),
    share=st.floats(0, 1),
    t=powers(-2, 4),
)
def test_p_alive_and_p_purchase_to_nine_digits_anywhere(model: BgNbd, x: int, T: float, share: float, t: float) -> None:
    t_x = share * T if x else 0.0
    rows = np.array([float(x)]), np.array([t_x]), np.array([T])
    with mp.workdps(60):
        r, alpha, a, b = (mp.mpf(value) for value in (model.r, model.alpha, model.a, model.b))
        odds = a / (b + x - 1) * ((alpha + T) / (alpha + mp.mpf(t_x))) ** (r + x) if x else mp.mpf(0)
        alive = 1 / (1 + odds)
        buys = alive * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x))
    smallest = 1e-300  # below it, doubles lose digits; nobody is that surely gone
    assert abs(p_alive(model, *rows)[0] - alive) <= 1e-9 * alive + smallest
    assert abs(p_purchase(model, *rows, t)[0] - buys) <= 1e-9 * buys + smallest


@pytest.mark.parametrize(
    ("s", "A", "a", "B", "t"),
    [
        (0.243, 43.3, 0.793, 2.426, 52.18),
        (2.243, 43.3, 0.793, 4.426, 521.8),
        (0.243, 4.4, 0.793, 2.426, 521.8),
        (8.243, 20.0, 1.0, 10.426, 104.0),
        (0.9, 1.0, 3.0, 0.5, 1000.0),
    ],
)
def test_discounting_at_each_purchases_own_time(s: float, A: float, a: float, B: float, t: float) -> None:
    delta = 0.00183  # a tenth a year, per week
    with mp.workdps(18):
        # The rate of purchases at tau is s / A times E[(1 + p tau / A)^-(s+1)] = 2F1(s + 1, a; a + B; -tau / A).
        cuts = [A * (mp.exp(k * mp.log(1 + t / A) / 4) - 1) for k in range(5)]
        exact = mp.quad(lambda tau: mp.exp(-delta * tau) * s / A * mp.hyp2f1(s + 1, a, a + B, -tau / A), cuts)
    found = discounted_while_alive(np.array([s]), np.array([A]), a, np.array([B]), t, delta=delta)[0]
    assert abs(found / exact - 1) < 1e-9
    undiscounted = discounted_while_alive(np.array([s]), np.array([A]), a, np.array([B]), t, delta=0.0)[0]
    assert undiscounted == expected_while_alive(np.array([s]), np.array([t / A]), a, np.array([B]))[0]


@pytest.fixture(scope="module")
def lifetimes_fitter() -> Any:
    """A fitter of lifetimes with the paper's parameters; its import is kept from changing filters and options."""
    option = pd.get_option("mode.chained_assignment")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter  # noqa: PLC0415

        fitter = BetaGeoFitter()
    pd.set_option("mode.chained_assignment", option)
    fitter.params_ = pd.Series({"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259})
    return fitter


PAPER = BgNbd(0.2426, 4.4136, 0.7929, 2.4259)


def ordinary() -> tuple[Floats, Floats, Floats]:
    random = np.random.default_rng(1)
    x = np.floor(random.exponential(4, 500))
    T = random.uniform(1, 77, 500)
    return x, np.where(x > 0, T * random.random(500), 0.0), T


def test_as_lifetimes_on_ordinary_customers(lifetimes_fitter: Any) -> None:
    x, t_x, T = ordinary()
    np.testing.assert_allclose(p_alive(PAPER, x, t_x, T), lifetimes_fitter.conditional_probability_alive(x, t_x, T), rtol=1e-10)
    theirs = lifetimes_fitter.conditional_expected_number_of_purchases_up_to_time(39.0, x, t_x, T)
    np.testing.assert_allclose(expected_purchases(PAPER, x, t_x, T, 39.0), theirs, rtol=1e-9)


@pytest.mark.parametrize(("unit", "month"), [("W", 4.345), ("D", 30.0)])
def test_lifetime_value_by_month_as_lifetimes(lifetimes_fitter: Any, unit: str, month: float) -> None:
    from lifetimes.utils import _customer_lifetime_value  # noqa: PLC0415

    x, t_x, T = ordinary()
    spend = pd.Series(np.random.default_rng(2).gamma(4.0, 9.0, len(x)))
    lifetimes_fitter.predict = lifetimes_fitter.conditional_expected_number_of_purchases_up_to_time
    theirs = _customer_lifetime_value(lifetimes_fitter, pd.Series(x), pd.Series(t_x), pd.Series(T), spend, freq=unit)
    found = discounted_by_month(PAPER, x, t_x, T, 12, month=month, rate=0.01) * spend
    np.testing.assert_allclose(found, theirs, rtol=1e-9)


def test_a_purchase_of_a_month_is_worth_between_its_start_and_its_end() -> None:
    by_month = discounted_by_month(PAPER, *ordinary(), 12, month=4.345, rate=0.01)
    by_day = discounted_purchases(PAPER, *ordinary(), 12 * 4.345, delta=np.log(1.01) / 4.345)
    assert (by_month < by_day).all()
    assert (by_day < 1.01 * by_month).all()


def test_counts_of_a_newcomer_as_lifetimes_equation_8(lifetimes_fitter: Any) -> None:
    s, B = np.array([0.2426]), np.array([2.4259])
    survivals = survival_of_counts(s, np.array([30 / 4.4136]), 0.7929, B)
    more = [1.0, *(float(next(survivals)[0]) for _ in range(12))]
    theirs = [lifetimes_fitter.probability_of_n_purchases_up_to_time(30.0, n) for n in range(12)]
    np.testing.assert_allclose(-np.diff(more), theirs, rtol=1e-9)
