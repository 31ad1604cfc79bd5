"""MBG/NBD and Pareto/NBD against 30-digit arithmetic (mpmath), their definitions, and lifetimes where it is right."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from funnelcast.families.clv.process.parameters import Floats, MbgNbd, ParetoNbd
from funnelcast.families.clv.process.predictions import discounted_purchases, expected_purchases, p_alive, p_purchase

MODIFIED, PARETO = MbgNbd(0.525, 6.183, 0.891, 1.614), ParetoNbd(0.553, 10.578, 0.606, 11.669)
DELTA = 0.00183  # a tenth a year, per week


def powers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda exponent: float(10**exponent))


def integral(of: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """Integrate something that may fall off fast beyond the lower end."""
    return mp.quad(of, [low, *(low + (high - low) * mp.mpf(10) ** power for power in range(-11, 1))])


def exact_pareto(model: ParetoNbd, x: int, t_x: float, T: float, t: float) -> tuple[Any, Any, Any, Any]:
    """P(alive), and of a live customer P(buys), E and discounted E, from the definitions: gamma mixtures of exponential waits."""
    r, alpha, s, beta, x, t_x, T, t = (mp.mpf(value) for value in (model.r, model.alpha, model.s, model.beta, x, t_x, T, t))
    # tau = (m + t_x) e^u - m, so that neither early nor late ends are missed; everything relative to the instant t_x.
    m = min(alpha, beta)

    def left(u: Any) -> Any:
        tau = (m + t_x) * mp.exp(u) - m
        return s * (m + tau) / (beta + t_x) * ((alpha + tau) / (alpha + t_x)) ** -(r + x) * ((beta + tau) / (beta + t_x)) ** -(s + 1)

    dead = integral(left, mp.mpf(0), mp.log((m + T) / (m + t_x)))
    stayed = ((alpha + T) / (alpha + t_x)) ** -(r + x) * ((beta + T) / (beta + t_x)) ** -s
    A, B = alpha + T, beta + T
    near = min(A, B)

    def buys(u: Any) -> Any:
        tau = near * mp.expm1(u)
        return (r + x) / A * (1 + tau / A) ** -(r + x + 1) * (1 + tau / B) ** -s * (near + tau)

    def later(u: Any) -> Any:
        return B * mp.exp(-DELTA * B * mp.expm1(u) + (1 - s) * u)

    longest = mp.log(1 + t / B)
    time = B * (longest if s == 1 else (1 - mp.exp((1 - s) * longest)) / (s - 1))
    rate = (r + x) / A
    first = integral(buys, mp.mpf(0), mp.log(1 + t / near))
    return stayed / (stayed + dead), first, rate * time, rate * integral(later, mp.mpf(0), longest)


shapes = st.one_of(powers(-2, 1.5), st.just(1.0), powers(-14, -1).map(lambda gap: 1 + gap), powers(-14, -1).map(lambda gap: 1 - gap))


@settings(max_examples=15, derandomize=True)
@given(
    model=st.builds(ParetoNbd, r=powers(-2, 1.5), alpha=powers(-2, 3), s=shapes, beta=powers(-2, 3)),
    x=st.one_of(st.integers(0, 5), st.integers(6, 10_000)),
    T=powers(-2, 3),
    share=st.floats(0, 1),
    t=powers(-2, 4),
)
@example(model=PARETO, x=2, T=38.86, share=0.783, t=39.0)
@example(model=ParetoNbd(0.01, 1000.0, 0.01, 0.01), x=10_000, T=1000.0, share=0.0, t=10_000.0)
@example(model=ParetoNbd(0.3, 0.01, 30.0, 1000.0), x=0, T=1000.0, share=0.0, t=10_000.0)
def test_pareto_nbd_to_nine_digits_anywhere(model: ParetoNbd, x: int, T: float, share: float, t: float) -> None:
    t_x = share * T if x else 0.0
    with mp.workdps(30):
        alive, *of_living = exact_pareto(model, x, t_x, T, t)
    rows = np.array([float(x)]), np.array([t_x]), np.array([T])
    found = p_alive(model, *rows)[0]
    smallest = 1e-290  # below it, doubles lose digits; nobody is that surely gone
    assert abs(found - alive) <= 1e-9 * alive + smallest
    mine = p_purchase(model, *rows, t), expected_purchases(model, *rows, t), discounted_purchases(model, *rows, t, delta=DELTA)
    for own, exact in zip(mine, of_living, strict=True):
        assert abs(own[0] - alive * exact) <= 1e-9 * alive * exact + smallest


@settings(max_examples=60, derandomize=True)
@given(
    model=st.builds(MbgNbd, r=powers(-2, 1.5), alpha=powers(-2, 3), a=shapes, b=powers(-2, 3)),
    x=st.one_of(st.integers(0, 5), st.integers(6, 10_000)),
    T=powers(-2, 3),
    share=st.floats(0, 1),
)
def test_p_alive_of_mbg_nbd_to_nine_digits_anywhere(model: MbgNbd, x: int, T: float, share: float) -> None:
    t_x = share * T if x else 0.0
    with mp.workdps(60):
        r, alpha, a, b = (mp.mpf(value) for value in (model.r, model.alpha, model.a, model.b))
        alive = 1 / (1 + a / (b + x) * ((alpha + T) / (alpha + mp.mpf(t_x))) ** (r + x))
    found = p_alive(model, np.array([float(x)]), np.array([t_x]), np.array([T]))[0]
    assert abs(found - alive) <= 1e-9 * alive + 1e-300


def fitter(name: str, parameters: dict[str, float]) -> Any:
    """A fitter of lifetimes with given parameters; its import is kept from changing filters and options."""
    option = pd.get_option("mode.chained_assignment")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lifetimes  # noqa: PLC0415

        found = getattr(lifetimes, name)()
    pd.set_option("mode.chained_assignment", option)
    found.params_ = pd.Series(parameters)
    return found


def customers() -> tuple[Floats, Floats, Floats]:
    random = np.random.default_rng(1)
    x = np.floor(random.exponential(3, 300))
    T = random.uniform(1, 77, 300)
    return x, np.where(x > 0, T * random.random(300), 0.0), T


def test_mbg_nbd_as_lifetimes_on_ordinary_customers() -> None:
    theirs, rows = fitter("ModifiedBetaGeoFitter", MODIFIED.document()), customers()
    np.testing.assert_allclose(p_alive(MODIFIED, *rows), theirs.conditional_probability_alive(*rows), rtol=1e-10)
    expected = theirs.conditional_expected_number_of_purchases_up_to_time(39.0, *rows)
    np.testing.assert_allclose(expected_purchases(MODIFIED, *rows, 39.0), expected, rtol=1e-9)


def test_pareto_nbd_as_lifetimes_on_ordinary_customers() -> None:
    theirs, rows = fitter("ParetoNBDFitter", PARETO.document()), customers()
    np.testing.assert_allclose(p_alive(PARETO, *rows), theirs.conditional_probability_alive(*rows), rtol=1e-7)
    expected = theirs.conditional_expected_number_of_purchases_up_to_time(39.0, *rows)
    np.testing.assert_allclose(expected_purchases(PARETO, *rows, 39.0), expected, rtol=1e-7)
    # They give P(N = n) of everyone, the dead included.
    x, t_x, T = (values[:20] for values in rows)
    survivals = PARETO.survival_of_counts(x, T, 39.0)
    more = np.array([np.ones(20), *(p_alive(PARETO, x, t_x, T) * next(survivals) for _ in range(6))])
    their_masses = [theirs.conditional_probability_of_n_purchases_up_to_time(n, 39.0, x, t_x, T) for n in range(6)]
    np.testing.assert_allclose(-np.diff(more, axis=0), their_masses, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("x", "T", "t"), [(0.0, 0.0, 30.0), (3.0, 40.0, 52.0), (40.0, 20.0, 30.0), (900.0, 50.0, 70.0), (2.0, 0.1, 500.0)])
@pytest.mark.parametrize("process", [MODIFIED, PARETO, ParetoNbd(2.0, 5.0, 6.0, 0.4)])
def test_the_counts_sum_to_their_expectation(process: MbgNbd | ParetoNbd, x: float, T: float, t: float) -> None:
    seen, age = np.array([x]), np.array([T])
    survivals = process.survival_of_counts(seen, age, t)
    total = sum(float(next(survivals)[0]) for _ in range(6000))
    assert total == pytest.approx(float(process.expected_while_alive(seen, age, t)[0]), rel=1e-6)
