"""The linear member against scikit-learn, and its parts against each other."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from funnelcast.families.scoring.design import Design, learn_design
from funnelcast.families.scoring.logistic import fit_ridge, linear


def drawn(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    matrix = np.column_stack([rng.normal(size=rows), rng.exponential(size=rows), rng.integers(0, 3, rows)])
    matrix[rng.random(rows) < 0.1, 0] = np.nan
    score = np.where(np.isnan(matrix[:, 0]), 1.0, matrix[:, 0]) - matrix[:, 1] + (matrix[:, 2] == 2)
    return matrix, (rng.random(rows) < 1 / (1 + np.exp(-score))).astype(float)


@pytest.mark.parametrize("penalty", [0.5, 5.0, 50.0])
def test_as_scikit_learn_fits_it(penalty: float) -> None:
    matrix, outcome = drawn(1500)
    design = learn_design(matrix, [2]).apply(matrix)
    judge = LogisticRegression(C=1 / penalty, tol=1e-10, solver="newton-cholesky").fit(design, outcome)
    beta = fit_ridge(design, outcome, penalty)
    assert beta[0] == pytest.approx(judge.intercept_[0], abs=1e-5)
    assert beta[1:] == pytest.approx(judge.coef_[0], abs=1e-5)


def test_separated_outcomes_still_have_a_finite_answer() -> None:
    design = np.array([[-1.0], [-0.5], [0.5], [1.0]])
    beta = fit_ridge(design, np.array([0.0, 0.0, 1.0, 1.0]), 1.0)
    assert np.isfinite(beta).all()
    assert beta[1] > 0


def test_contributions_sum_to_the_linear_score() -> None:
    matrix, outcome = drawn(400)
    design = learn_design(matrix, [2])
    beta = fit_ridge(design.apply(matrix), outcome, 3.0)
    parts = design.contributions(matrix, beta)
    assert parts.shape == (400, 4)
    np.testing.assert_allclose(parts.sum(axis=1), linear(beta, design.apply(matrix)), atol=1e-12)


def test_a_design_survives_json() -> None:
    matrix, _ = drawn(300)
    design = learn_design(matrix, [2])
    np.testing.assert_array_equal(Design.of(design.document()).apply(matrix), design.apply(matrix))
    assert [term.width for term in design.terms] == [8, 7, 3]  # missing, a line and six bends; a line and six bends; three levels


def test_beyond_the_training_data_the_line_goes_flat() -> None:
    matrix, _ = drawn(300)
    design = learn_design(matrix, [2])
    far = np.array([[1e6, 1.0, 0.0], [1e12, 1.0, 0.0]])
    np.testing.assert_array_equal(design.apply(far)[0], design.apply(far)[1])
