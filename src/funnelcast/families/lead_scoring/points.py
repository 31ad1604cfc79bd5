"""The points that predict best: one monotone curve from a lead's score to its chance to buy this week, points never below zero.

logit P(buys this week) = controls + s ln(1 + score),  score = sum_k w_k unit_k x_k,  w_k >= 0.

Where leads differ in how keen they are (gamma frailty, Lancaster 1979), the odds grow like a power of the pull: hence the logarithm, which
also keeps a few very busy leads from deciding alone. The controls say how long a lead is known and how often it was touched at all, kind by
kind: a keen lead is touched often *and* buys, so a touch's points are what a fresh one adds among leads with the same past.

A weight w_k is drawn towards the company's own rule: all kinds that it knows weigh the same, those that it doesn't know weigh nothing. The
prior is normal around kappa (or 0) with standard deviation kappa, the weight of the rule as a whole, sum_k w_k unit_k x_k over
sum_k unit_k x_k: so kinds with few touches stay where the rule has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from funnelcast.families.one_thread import one_thread

Floats = npt.NDArray[np.float64]
REPLICATES = 200
_SLOPE_SPREAD = 0.5  # of ln s about 0
_KAPPA = (1e-3, 1e3)  # the rule as a whole, where a mean score by the rule is 1
_CONTROLS_PENALTY = 1e-2
_LARGEST_STEP = 1.5  # of ln s
_MOST_STEPS, _MOST_SWEEPS = 60, 200
_CLOSE, _FLAT = 1e-7, 1e-9


@dataclass(frozen=True)
class Evidence:
    """Rows to learn from.

    Parameters
    ----------
    touches
        x, shape (n, kinds): faded touches, weighted by duration.
    outcome
        Shape (n,), 0 or 1.
    controls
        Shape (n, c), centred; no constant among them.
    contact
        Shape (n,): whole numbers from 0, one per contact, which the bootstrap weighs as a whole.
    """

    touches: Floats
    outcome: Floats
    controls: Floats
    contact: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """The company's rule: points per unit of each kind, and whether it knows the kind; what it doesn't know needs some unit too."""

    unit: Floats
    known: Floats


@dataclass(frozen=True)
class Learned:
    """Points of each kind up to a common factor, shape (kinds,), and the penalised log-likelihood that they reach.

    ``fitted`` are the curve's parameters, from which a fit to much the same evidence may start.
    """

    points: Floats
    fitted: Floats
    likelihood: float


def fit_points(evidence: Evidence, rule: Rule, start: Floats | None = None) -> Learned:
    """Fit the points by Newton's method, to the same digits whatever the number of threads."""
    with one_thread():
        curve = _Curve.of(evidence, rule)
        fitted = curve.fit(curve.start() if start is None else start)
        return Learned(rule.unit * fitted[curve.weights], fitted, -curve.objective(fitted, curve.kappa(fitted)))


def replicate_points(evidence: Evidence, rule: Rule, learned: Learned, seed: int) -> Floats:
    """Give the points again under random weights of the contacts, shape (replicates, kinds).

    Each replicate weighs the contacts by exponential draws (Rubin 1981, the Bayesian bootstrap), moves the prior by its own spread, so that
    a kind without touches is as uncertain as the prior says, and takes one Newton step from the fit, within the bounds.
    """
    with one_thread():
        return rule.unit * _Curve.of(evidence, rule).replicates(learned.fitted, evidence.contact, np.random.default_rng(seed))


@dataclass(frozen=True)
class _Curve:
    """The model. Parameters, in order: intercept, controls, ln s, w. ``pull`` is unit_k x_k over the mean score by the rule."""

    linear: Floats
    pull: Floats
    outcome: Floats
    known: Floats

    @classmethod
    def of(cls, evidence: Evidence, rule: Rule) -> _Curve:
        pull = evidence.touches * rule.unit
        linear = np.column_stack([np.ones(evidence.outcome.size), evidence.controls])
        return cls(linear, pull / max(float((pull @ rule.known).mean()), _FLAT), evidence.outcome, rule.known)

    @property
    def weights(self) -> slice:
        return slice(self.linear.shape[1] + 1, None)

    def start(self) -> Floats:
        rate = (self.outcome.sum() + 0.5) / (self.outcome.size + 1)
        return np.concatenate([[np.log(rate / (1 - rate))], np.zeros(self.linear.shape[1]), np.ones(self.known.size)])

    def kappa(self, parameters: Floats) -> float:
        """Give the weight of the rule as a whole."""
        mean = self.pull.mean(axis=0)
        return float(np.clip((mean @ parameters[self.weights]) / max(float(mean @ self.known), _FLAT), *_KAPPA))

    def fit(self, found: Floats) -> Floats:
        """Give the parameters by damped Newton steps within the bounds; each step's prior has the kappa that the last one reached."""
        for _ in range(_MOST_STEPS):
            kappa = self.kappa(found)
            value = self.objective(found, kappa)
            jacobian, chance = self._jacobian(found), expit(self._log_odds(found))
            gradient = jacobian.T @ (chance - self.outcome) + self._prior_slope(found, kappa)
            step = bounded_step(self._information(jacobian, chance, kappa), gradient[None], -found[self.weights])[0]
            fraction = min(1.0, _LARGEST_STEP / max(abs(float(step[self.linear.shape[1]])), _FLAT))
            while self.objective(found + fraction * step, kappa) > value and fraction > _CLOSE:
                fraction /= 2
            found = found + fraction * step
            if value - self.objective(found, kappa) <= _CLOSE * (abs(value) + 1):
                break
        return found

    def replicates(self, fitted: Floats, contact: npt.NDArray[np.int64], rng: np.random.Generator) -> Floats:
        """Give the weights of each replicate, shape (replicates, kinds)."""
        kappa = self.kappa(fitted)
        jacobian, chance = self._jacobian(fitted), expit(self._log_odds(fitted))
        order = np.argsort(contact, kind="stable")
        slopes = (jacobian * (chance - self.outcome)[:, None])[order]
        by_contact = np.add.reduceat(slopes, np.flatnonzero(np.diff(contact[order], prepend=-1)), axis=0)
        gradients = rng.exponential(size=(REPLICATES, len(by_contact))) @ by_contact + self._prior_slope(fitted, kappa)
        gradients[:, self.weights] += rng.normal(size=(REPLICATES, self.known.size)) / kappa
        steps = bounded_step(self._information(jacobian, chance, kappa), gradients, -fitted[self.weights])
        return np.maximum((fitted + steps)[:, self.weights], 0.0)

    def objective(self, parameters: Floats, kappa: float) -> float:
        """Give the negative log-likelihood and the prior's part."""
        eta = self._log_odds(parameters)
        prior = 0.5 * (self._precision(kappa) * (parameters - self._expected(kappa)) ** 2).sum()
        return float((np.logaddexp(0, eta) - self.outcome * eta).sum() + prior)

    def _expected(self, kappa: float) -> Floats:
        return np.concatenate([np.zeros(self.linear.shape[1] + 1), kappa * self.known])

    def _precision(self, kappa: float) -> Floats:
        controls = np.full(self.linear.shape[1] - 1, _CONTROLS_PENALTY)
        return np.concatenate([[_FLAT], controls, [_SLOPE_SPREAD**-2.0], np.full(self.known.size, kappa**-2.0)])

    def _prior_slope(self, parameters: Floats, kappa: float) -> Floats:
        return np.asarray(self._precision(kappa) * (parameters - self._expected(kappa)), np.float64)

    def _score(self, parameters: Floats) -> Floats:
        return np.asarray(self.pull @ parameters[self.weights], np.float64)

    def _log_odds(self, parameters: Floats) -> Floats:
        width = self.linear.shape[1]
        return np.asarray(self.linear @ parameters[:width] + np.exp(parameters[width]) * np.log1p(self._score(parameters)), np.float64)

    def _jacobian(self, parameters: Floats) -> Floats:
        """Differentiate the log-odds by each parameter, shape (n, parameters)."""
        slope, score = np.exp(parameters[self.linear.shape[1]]), self._score(parameters)
        return np.column_stack([self.linear, slope * np.log1p(score), self.pull * (slope / (1 + score))[:, None]])

    def _information(self, jacobian: Floats, chance: Floats, kappa: float) -> Floats:
        """Give Fisher's information and the prior's, shape (parameters, parameters)."""
        weight = np.maximum(chance * (1 - chance), _FLAT)
        return np.asarray((jacobian * weight[:, None]).T @ jacobian + np.diag(self._precision(kappa) + _FLAT), np.float64)


def bounded_step(hessian: Floats, gradients: Floats, lowest: Floats) -> Floats:
    """Minimise d'Hd / 2 + g'd for each gradient, the last parameters no lower than ``lowest``.

    The free parameters are eliminated by their Schur complement; what is left is solved by coordinate descent.

    Parameters
    ----------
    hessian
        H, shape (p, p), positive definite.
    gradients
        g, shape (m, p).
    lowest
        Shape (b,), at most zero: of the last b parameters.

    Returns
    -------
    d, shape (m, p).
    """
    free, bounded = slice(None, len(hessian) - lowest.size), slice(len(hessian) - lowest.size, None)
    factor = cho_factor(hessian[free, free])
    across = cho_solve(factor, hessian[free, bounded])
    reduced = hessian[bounded, bounded] - hessian[bounded, free] @ across
    steps = _descend(reduced, gradients[:, bounded] - gradients[:, free] @ across, lowest)
    return np.column_stack([-cho_solve(factor, gradients[:, free].T).T - steps @ across.T, steps])


def _descend(hessian: Floats, gradients: Floats, lowest: Floats) -> Floats:
    steps, slopes, diagonal = np.zeros_like(gradients), gradients.copy(), np.diag(hessian)
    for _ in range(_MOST_SWEEPS):
        moved = 0.0
        for place in range(lowest.size):
            better = np.maximum(lowest[place], steps[:, place] - slopes[:, place] / diagonal[place])
            change = better - steps[:, place]
            slopes += change[:, None] * hessian[place]
            steps[:, place] = better
            moved = max(moved, float(np.abs(change).max()) * float(np.sqrt(diagonal[place])))
        if moved < _CLOSE:
            break
    return steps
