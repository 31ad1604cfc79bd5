"""Ridge logistic regression by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

Floats = npt.NDArray[np.float64]
_DECIMALS = 10  # beyond what the penalty settles; hides the order in which a linear-algebra library adds


def fit_ridge(design: Floats, outcome: Floats, penalty: float, start: Floats | None = None, offset: Floats | float = 0.0) -> Floats:
    """Minimise sum_i [ln(1 + exp(eta_i)) - y_i eta_i] + penalty / 2 * |beta|^2 with eta = o + beta_0 + X beta.

    Le Cessie and van Houwelingen (1992), Applied Statistics 41(1).

    Parameters
    ----------
    design
        X, shape (n, k), columns centred.
    outcome
        y, shape (n,), 0 or 1.
    penalty
        lambda > 0; the intercept isn't penalised.
    start
        Coefficients to begin from, shape (k + 1,).
    offset
        o, log-odds that each row starts from, shape (n,).

    Returns
    -------
    The intercept, then beta: shape (k + 1,).
    """
    width = design.shape[1]
    beta = np.zeros(width + 1) if start is None else start.copy()
    problem = _Problem(design, outcome, np.concatenate([[1e-9], np.full(width, penalty)]), offset)
    value = problem.objective(beta)
    for _ in range(50):
        step = problem.newton_step(beta)
        fraction = 1.0
        while (reached := problem.objective(beta - fraction * step)) > value and fraction > 1e-8:
            fraction /= 2
        beta = beta - fraction * step
        if value - reached <= 1e-11 * (abs(value) + 1):
            break
        value = reached
    return np.round(beta, _DECIMALS)


def linear(beta: Floats, design: Floats) -> Floats:
    """Give eta = beta_0 + X beta, shape (n,)."""
    return np.asarray(beta[0] + np.einsum("ij,j->i", design, beta[1:]), np.float64)  # adds in one order, whatever the threads


@dataclass(frozen=True)
class _Problem:
    design: Floats
    outcome: Floats
    ridge: Floats
    offset: Floats | float

    def objective(self, beta: Floats) -> float:
        eta = self.offset + linear(beta, self.design)
        return float((np.logaddexp(0, eta) - self.outcome * eta).sum() + 0.5 * (self.ridge * beta**2).sum())

    def newton_step(self, beta: Floats) -> Floats:
        expected = np.asarray(expit(self.offset + linear(beta, self.design)), np.float64)
        residual, weight = expected - self.outcome, np.maximum(expected * (1 - expected), 1e-9)
        weighted = self.design * weight[:, None]
        hessian = np.empty((beta.size, beta.size))
        hessian[0, 0] = weight.sum()
        hessian[0, 1:] = hessian[1:, 0] = weighted.sum(axis=0)
        hessian[1:, 1:] = self.design.T @ weighted
        hessian[np.diag_indices(beta.size)] += self.ridge
        gradient = np.concatenate([[residual.sum()], self.design.T @ residual]) + self.ridge * beta
        return np.asarray(cho_solve(cho_factor(hessian), gradient), np.float64)
