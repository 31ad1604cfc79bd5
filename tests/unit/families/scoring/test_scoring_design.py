"""The linear member's columns: what is added column by column is what the columns laid out give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.families.scoring.design import Design, learn_design
from funnelcast.families.scoring.logistic import linear

ROWS = 400


def learned(seed: int, numbers: int) -> tuple[Design, np.ndarray]:
    """A design of numbers, skewed amounts, flags and levels, some missing, and rows that it never saw."""
    rng = np.random.default_rng(seed)

    def draw(spread: float, levels: int) -> np.ndarray:
        parts = [
            rng.normal(3.0, spread, (ROWS, numbers)),
            rng.lognormal(0.0, 1.5 * spread, (ROWS, 3)),
            rng.poisson(0.4 * spread, (ROWS, 2)),
            rng.integers(0, levels, (ROWS, 2)),
        ]
        matrix = np.column_stack(parts).astype(np.float64)
        matrix[:, ::2][rng.random((ROWS, (matrix.shape[1] + 1) // 2)) < 0.1] = np.nan
        return matrix

    width = numbers + 7
    return learn_design(draw(1.0, 5), (width - 2, width - 1)), draw(20.0, 8)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), numbers=st.sampled_from([1, 4, 33]))
def test_adding_column_by_column_gives_the_same_eta(seed: int, numbers: int) -> None:
    design, matrix = learned(seed, numbers)
    beta = np.random.default_rng(seed).normal(size=1 + sum(term.width for term in design.terms))
    expected = linear(beta, design.apply(matrix))
    assert design.eta(matrix, beta) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert design.contributions(matrix, beta).sum(axis=1) == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_without_columns_eta_is_the_intercept() -> None:
    assert Design(()).eta(np.zeros((3, 0)), np.array([0.25])).tolist() == [0.25] * 3
