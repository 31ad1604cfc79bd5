"""Parameters by group with partial pooling: each group has its own as far as its customers tell, and the common ones beyond.

Empirical Bayes with Laplace's approximation (Kass and Steffey 1989, JASA 84: conditionally independent hierarchical models).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from funnelcast.families.clv.process.likelihood import Objective, hessian
from funnelcast.families.clv.process.parameters import Floats
from funnelcast.families.one_thread import one_thread

_SMALLEST, _LARGEST = 1e-3, 2.0
_FIRST_SPREAD = 0.3
_MOST_ROUNDS, _MOST_HALVINGS = 60, 30
_LONGEST_STEP = 1.0
_SETTLED, _SPREAD_SETTLED = 5e-4, 5e-3  # far below what any group's customers tell


@dataclass(frozen=True)
class Pooled:
    """What partial pooling found.

    Parameters
    ----------
    centre, spread
        Mean and standard deviation over groups of each logarithm of a parameter, shape (k,).
    logarithms, covariances
        Of each group's posterior, by name: (k,) and (k, k). The centre's uncertainty is in them, that of the spread isn't.
    log_marginal
        Laplace's approximation of the log-likelihood of all rows, groups integrated out.
    """

    centre: Floats
    spread: Floats
    logarithms: Mapping[str, Floats]
    covariances: Mapping[str, Floats]
    log_marginal: float


def pool(objectives: Mapping[str, Objective], start: Floats) -> Pooled:
    """Fit theta_g = theta + u_g with u_g ~ N(0, diag(tau^2)) in the logarithms, theta and tau by their marginal likelihood.

    By EM: each group's log-likelihood is taken as quadratic around its posterior mode; modes and (theta, tau) are found in turn until
    neither moves.

    Parameters
    ----------
    objectives
        The log-likelihood and its gradient by group; at least two.
    start
        The logarithms that fit all groups together, shape (k,).
    """
    with one_thread():
        return _pooled(objectives, start)


def _pooled(objectives: Mapping[str, Objective], start: Floats) -> Pooled:
    names, size = list(objectives), len(start)
    given = list(objectives.values())
    modes, level = np.tile(start, (len(names), 1)), np.concatenate([start, np.full(size, np.log(_FIRST_SPREAD))])
    local = _Quadratics.around(modes, given)
    for _ in range(_MOST_ROUNDS):
        moved = _uphill(local, given, level)
        local = _Quadratics.around(moved, given)
        raised = _maximised(local.posterior(level))
        settled = np.abs(moved - modes).max() < _SETTLED and np.abs(raised - level).max() < _SPREAD_SETTLED
        modes, level = moved, raised
        if settled:
            break
    found = local.posterior(level)
    centre, spread = level[:size], np.exp(level[size:])
    covariances = found.covariances + found.follows @ np.linalg.pinv(found.information) @ found.follows.transpose(0, 2, 1)
    by_name = dict(zip(names, found.modes, strict=True)), dict(zip(names, covariances, strict=True))
    return Pooled(centre, spread, *by_name, log_marginal=found.log_marginal)


@dataclass(frozen=True)
class _Posterior:
    """Of every group given (theta, tau): mode, covariance, how it follows theta; and the information on theta, and the marginal."""

    modes: Floats
    covariances: Floats
    follows: Floats
    information: Floats
    log_marginal: float


@dataclass(frozen=True)
class _Quadratics:
    """Each group's log-likelihood around a point: value, gradient and information, made positive where it is negative."""

    points: Floats
    values: Floats
    gradients: Floats
    information: Floats

    @classmethod
    def around(cls, points: Floats, objectives: list[Objective]) -> _Quadratics:
        evaluated = [objective(point) for objective, point in zip(objectives, points, strict=True)]
        matrices = np.stack([-hessian(objective, point) for objective, point in zip(objectives, points, strict=True)])
        values, vectors = np.linalg.eigh(matrices)
        information = (vectors * np.abs(values)[:, None, :]) @ vectors.transpose(0, 2, 1)
        return cls(points, np.array([value for value, _ in evaluated]), np.stack([slope for _, slope in evaluated]), information)

    def posterior(self, level: Floats) -> _Posterior:
        """Integrate u_g = tau z_g out, where z_g ~ N(0, 1): well-behaved down to tau = 0."""
        size = self.points.shape[1]
        centre, tau = level[:size], np.exp(level[size:])
        offset = centre - self.points
        slope = self.gradients - np.einsum("gij,gj->gi", self.information, offset)
        precision = np.eye(size) + tau[:, None] * self.information * tau
        inverse = np.linalg.inv(precision)
        z = np.einsum("gij,gj->gi", inverse, tau * slope)
        at_centre = self.values + np.einsum("gi,gi->g", (self.gradients + slope) / 2, offset)
        marginal = at_centre + np.einsum("gi,gi->g", tau * slope, z) / 2 - np.linalg.slogdet(precision)[1] / 2
        covariances = tau[:, None] * inverse * tau
        explained = covariances @ self.information
        return _Posterior(
            modes=centre + tau * z,
            covariances=covariances,
            follows=np.eye(size) - explained,
            information=(self.information - self.information @ explained).sum(axis=0),
            log_marginal=float(marginal.sum()),
        )


def _maximised(found: _Posterior) -> Floats:
    """Take the M step of EM: the mean of the groups, and their spread about it, known and unknown.

    Divided by one group less, the spread has a prior in proportion to tau (Chung et al. 2013, Psychometrika 78), which keeps it off zero:
    there, the fit would claim to know of small groups what only large ones tell.
    """
    centre = found.modes.mean(axis=0)
    squares = (found.modes - centre) ** 2 + np.einsum("gii->gi", found.covariances)
    spread = np.sqrt(squares.sum(axis=0) / (len(found.modes) - 1))
    return np.concatenate([centre, np.log(np.clip(spread, _SMALLEST, _LARGEST))])


def _uphill(local: _Quadratics, objectives: list[Objective], level: Floats) -> Floats:
    """Go to the modes of the quadratics, halving the way of each group until its posterior density doesn't fall."""
    size = len(level) // 2
    centre, tau = level[:size], np.exp(level[size:])

    def density(objective: Objective, at: Floats) -> float:
        return objective(at)[0] - float((((at - centre) / tau) ** 2).sum()) / 2

    targets = local.posterior(level).modes
    for place, (objective, start) in enumerate(zip(objectives, local.points, strict=True)):
        least, step = density(objective, start), targets[place] - start
        step = step * min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), _SETTLED))
        for _ in range(_MOST_HALVINGS):
            if density(objective, start + step) >= least:
                break
            step = step / 2
        targets[place] = start + step
    return targets
