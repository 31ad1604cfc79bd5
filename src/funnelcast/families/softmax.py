"""Multinomial logistic regression with a Gaussian prior, by Newton's method: cause-specific hazards, moves between channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.families.one_thread import one_thread

Floats = npt.NDArray[np.float64]

_MOST_STEPS = 60
_TOLERANCE = 1e-11
_ROUNDING = 1e-12


def probabilities(design: Floats, coefficients: Floats) -> Floats:
    """Give P(cause) of every row against the reference "no event".

    h_c(x) = exp(x b_c) / (1 + sum over causes of exp(x b)): the multinomial model of discrete-time competing risks (Tutz and Schmid 2016,
    Modeling Discrete Time-to-Event Data, chapter 8).

    Parameters
    ----------
    design
        x, of shape [rows, columns].
    coefficients
        b, of shape [causes, columns].

    Returns
    -------
    Shape [rows, causes], each within 0 and 1, the sum of a row below 1.
    """
    return _softmax(np.einsum("ij,cj->ci", design, coefficients))  # a linear-algebra library's threads would wait for work for longer


def _softmax(scores: Floats) -> Floats:
    """Give the probabilities of shape [rows, causes] from scores of shape [causes, rows]: few long rows are quick to go through."""
    held = np.clip(scores, -40.0, 40.0)
    highest = np.maximum(held.max(axis=0), 0.0)
    raised = np.exp(held - highest)
    return np.ascontiguousarray((raised / (np.exp(-highest) + raised.sum(axis=0))).T)


@dataclass(frozen=True, eq=False)
class Problem:
    """What is maximised: sum of w log P(outcome) - 1/2 sum over causes of (b - m)' A (b - m).

    Parameters
    ----------
    design
        Shape [rows, columns].
    events
        1 where the cause happened, of shape [rows, causes]; all 0: no event.
    weights
        w, of shape [rows].
    precision
        A, of shape [columns, columns], positive definite.
    centre
        m, of shape [causes, columns]: what the coefficients are without any row.
    """

    design: Floats
    events: Floats
    weights: Floats
    precision: Floats
    centre: Floats

    def value(self, coefficients: Floats) -> float:
        """Give the penalised log likelihood."""
        hazards = self._hazards(coefficients)
        none = np.maximum(1.0 - hazards.sum(axis=1), 1e-300)
        logs = (self.events * np.log(np.maximum(hazards, 1e-300))).sum(axis=1) + (1.0 - self.events.sum(axis=1)) * np.log(none)
        away = coefficients - self.centre
        return float(self.weights @ logs - 0.5 * np.einsum("ci,ij,cj->", away, self.precision, away))

    def step(self, coefficients: Floats) -> Floats:
        """Give Newton's step; the value is concave, so it leads upwards."""
        causes, columns = coefficients.shape
        hazards = self._hazards(coefficients)
        gradient = (self.weights[:, None] * (self.events - hazards)).T @ self.design - (coefficients - self.centre) @ self.precision
        curvature = np.kron(np.eye(causes), self.precision).reshape(causes, columns, causes, columns)
        for row in range(causes):
            for column in range(causes):
                mixed = self.weights * hazards[:, row] * ((row == column) - hazards[:, column])
                curvature[row, :, column] += self.design.T @ (self.design * mixed[:, None])
        square = curvature.reshape(causes * columns, causes * columns)
        return np.asarray(np.linalg.solve(square, gradient.ravel()).reshape(causes, columns))

    def _hazards(self, coefficients: Floats) -> Floats:
        return _softmax(np.ascontiguousarray((self.design @ coefficients.T).T))


def fit(problem: Problem) -> Floats:
    """Give the most probable coefficients, of shape [causes, columns], by Newton's method with step halving.

    The sums run on one thread: the same bits on every machine, and no threads that wait for each other on a busy one.
    """
    with one_thread():
        return _ascend(problem)


def _ascend(problem: Problem) -> Floats:
    coefficients = problem.centre.copy()
    best = problem.value(coefficients)
    for _ in range(_MOST_STEPS):
        step = problem.step(coefficients)
        reached = problem.value(coefficients + step)
        while not reached >= best - _ROUNDING * abs(best) and np.abs(step).max() > _ROUNDING:
            step = step / 2.0
            reached = problem.value(coefficients + step)
        coefficients = coefficients + step
        if abs(reached - best) <= _TOLERANCE * (1.0 + abs(best)):
            break
        best = reached
    return coefficients
