"""Properties that hold for every parameter and every customer."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.families.clv.process.parameters import BgNbd, Floats, MbgNbd, ParetoNbd, Process, TrendBgNbd
from funnelcast.families.clv.process.predictions import discounted_purchases, expected_purchases, p_alive, p_purchase

HORIZONS = (0.01, 1.0, 26.0, 520.0, 5200.0)
CUSTOMERS = 30


def powers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda exponent: float(10**exponent))


around_one = st.one_of(powers(-3, 3), st.just(1.0), powers(-14, -2).map(lambda gap: 1 + gap), powers(-14, -2).map(lambda gap: 1 - gap))
processes = st.one_of(
    st.builds(BgNbd, r=powers(-3, 2), alpha=powers(-2, 3), a=around_one, b=powers(-3, 3)),
    st.builds(MbgNbd, r=powers(-3, 2), alpha=powers(-2, 3), a=around_one, b=powers(-3, 3)),
    st.builds(ParetoNbd, r=powers(-3, 2), alpha=powers(-2, 3), s=around_one, beta=powers(-2, 3)),
    st.builds(TrendBgNbd, r=powers(-3, 2), alpha=powers(-2, 3), a=around_one, b=powers(-3, 3), pace=st.floats(0.9, 1.1)),
)


def customers(seed: int) -> tuple[Floats, Floats, Floats]:
    random = np.random.default_rng(seed)
    x = np.floor(10 ** random.uniform(-0.5, 4, CUSTOMERS))
    T = 10 ** random.uniform(-2, 3, CUSTOMERS)
    return x, np.where(x > 0, T * random.random(CUSTOMERS), 0.0), T


@settings(max_examples=24, derandomize=True)
@given(model=processes, seed=st.integers(0, 1000))
def test_finite_probable_and_never_falling_with_the_horizon(model: Process, seed: int) -> None:
    rows = customers(seed)
    alive = p_alive(model, *rows)
    assert ((alive >= 0) & (alive <= 1)).all()
    buys = np.array([p_purchase(model, *rows, t) for t in HORIZONS])
    expected = np.array([expected_purchases(model, *rows, t) for t in HORIZONS])
    discounted = np.array([discounted_purchases(model, *rows, t, delta=0.01) for t in HORIZONS])
    for values, tolerance in ((buys, 1e-14), (expected, 1e-9), (discounted, 1e-9)):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        assert (np.diff(values, axis=0) >= -tolerance * values[1:]).all()
    assert (buys <= alive * (1 + 1e-12)).all()
    assert (buys <= expected * (1 + 1e-9)).all()
    assert (discounted <= expected * (1 + 1e-9)).all()


def test_who_has_bought_once_is_alive_whatever_their_age() -> None:
    model = BgNbd(0.24, 4.4, 0.79, 2.4)
    assert p_alive(model, np.zeros(3), np.zeros(3), np.array([0.0, 40.0, 4000.0])).tolist() == [1.0, 1.0, 1.0]


def test_who_may_leave_after_the_first_purchase_is_less_surely_alive() -> None:
    # MBG/NBD: one chance to leave at the first purchase, b / (a + b) stay; each silent week makes it less likely.
    modified, nobody = MbgNbd(0.525, 6.183, 0.891, 1.614), np.zeros(3)
    alive = p_alive(modified, nobody, nobody, np.array([0.0, 40.0, 4000.0]))
    assert abs(alive[0] - 1.614 / (0.891 + 1.614)) < 1e-15
    assert (np.diff(alive) < 0).all()
    pareto = p_alive(ParetoNbd(0.553, 10.578, 0.606, 11.669), nobody, nobody, np.array([0.0, 40.0, 4000.0]))
    assert pareto[0] == 1.0
    assert (np.diff(pareto) < 0).all()


def test_a_brand_new_customer_is_predicted_from_the_first_instant() -> None:
    model = BgNbd(0.24, 4.4, 0.79, 2.4)
    new = (np.zeros(1), np.zeros(1), np.zeros(1))
    assert abs(p_purchase(model, *new, 4.4)[0] - (1 - 0.5**0.24)) < 1e-15
    assert 0.24 * 1e-6 / 4.4 * 0.999 < expected_purchases(model, *new, 1e-6)[0] < 0.24 * 1e-6 / 4.4
