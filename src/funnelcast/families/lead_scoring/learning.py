"""From weeks of leads to points: which kinds of touch can be judged, how fast they fade, and what each is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.lead_scoring.exposure import ByKind, by_kind
from funnelcast.families.lead_scoring.points import Evidence, Learned, Rule, fit_points, replicate_points
from funnelcast.families.lead_scoring.risk import TENURE
from funnelcast.features.touches import HALF_LIFE_DAYS
from funnelcast.labels import LABEL
from funnelcast.sources.facts import Facts

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
HALF_LIVES: tuple[float, ...] = (np.inf, 120.0, 60.0, 30.0, 20.0, 14.0, 10.0, 7.0, 5.0)
"""In days, the slowest first; infinite: a touch counts for ever."""
FEWEST_TOUCHES = 50
"""Of a kind, to say anything about it."""
_MOST_NEW_KINDS = 20
_TENURES = 20
_FOR_EVER = 365.0  # days, where a first guess of the half-life needs a number


@dataclass(frozen=True)
class Found:
    """What the weeks say.

    Parameters
    ----------
    half_life
        In days; infinite: nothing fades.
    kinds
        Those that were judged, in alphabetical order.
    points, replicates
        Shape (kinds,) and (replicates, kinds), up to a common factor each.
    touches
        By kind, how many touches of leads were seen.
    """

    half_life: float
    kinds: tuple[str, ...]
    points: Floats
    replicates: Floats
    touches: Mapping[str, int]


def learn(facts: Facts, weeks: pd.DataFrame, rule: Mapping[str, float], seed: int) -> Found | None:
    """Learn half-life and points from weekly rows; None where no lead had a touch of a kind that the rule gives points.

    The half-life is the likeliest, the curve having as many parameters with one as with another, after a weak first guess: that of the
    features, right within a factor of two in two cases of three.
    """
    last = by_kind(facts, weeks.drop_duplicates("contact_id", keep="last"), ())
    touches = {kind: int(count) for kind, count in zip(last.kinds, last.counts.sum(axis=0), strict=True)}
    kinds = _worth_judging(touches, rule)
    unit = np.array([rule.get(kind, 0.0) for kind in kinds])
    if not unit.any():
        return None
    first_guess = Rule(np.where(unit > 0, unit, unit[unit > 0].mean()), (unit > 0).astype(np.float64))
    seen = by_kind(facts, weeks, HALF_LIVES)
    half_life, evidence, learned = _likeliest(seen, weeks, kinds, first_guess)
    return Found(half_life, kinds, learned.points, replicate_points(evidence, first_guess, learned, seed), touches)


def _likeliest(seen: ByKind, weeks: pd.DataFrame, kinds: tuple[str, ...], rule: Rule) -> tuple[float, Evidence, Learned]:
    """Go from the first guess of the half-life to ever likelier neighbours."""
    places = [seen.kinds.index(kind) for kind in kinds]
    outcome, controls = weeks[LABEL].to_numpy(np.float64), _controls(weeks, seen.counts[:, places])
    contact = pd.factorize(weeks["contact_id"], sort=True)[0].astype(np.int64)
    evidence = [Evidence(faded[:, places], outcome, controls, contact) for faded in seen.faded]
    best = HALF_LIVES.index(HALF_LIFE_DAYS)
    fits = {best: fit_points(evidence[best], rule)}
    while True:
        for near in {max(best - 1, 0), min(best + 1, len(HALF_LIVES) - 1)} - fits.keys():
            fits[near] = fit_points(evidence[near], rule, fits[best].fitted)
        last, best = best, max(fits, key=lambda place: fits[place].likelihood + _first_guess(HALF_LIVES[place]))
        if best == last:
            return HALF_LIVES[best], evidence[best], fits[best]


def _first_guess(half_life: float) -> float:
    """Give the log-density of a half-life before anything is seen: normal in log2 around the features' own, one doubling wide."""
    return float(-0.5 * np.log2(min(half_life, _FOR_EVER) / HALF_LIFE_DAYS) ** 2)


def _worth_judging(touches: Mapping[str, int], rule: Mapping[str, float]) -> tuple[str, ...]:
    """Name the rule's kinds that occur, and the most frequent of those that it doesn't know."""
    new = sorted((-count, kind) for kind, count in touches.items() if not rule.get(kind) and count >= FEWEST_TOUCHES)
    return tuple(sorted([kind for kind in touches if rule.get(kind)] + [kind for _, kind in new[:_MOST_NEW_KINDS]]))


def _controls(weeks: pd.DataFrame, counts: Floats) -> Floats:
    """Describe each lead's past: how long it is known, and how often it was touched in each way beside leads known as long, bent.

    An intent z that makes touches frequent has, after n of them, a mean near (a + n) / (a + expected n): its logarithm is what the odds of
    buying need.
    """
    tenure = weeks[TENURE].fillna(-1.0).to_numpy(np.float64)
    known, alike = (_steps(tenure, parts) for parts in (_TENURES, 2 * _TENURES))
    often = _against_their_like(counts, alike)
    steps = (known[:, None] == np.arange(1, known.max() + 1)).astype(np.float64)
    found = np.column_stack([steps, often, often**2])
    found -= found.mean(axis=0)
    return np.asarray(found / np.maximum(found.std(axis=0), 1e-9), np.float64)


def _steps(tenure: Floats, parts: int) -> Codes:
    edges = np.unique(np.quantile(tenure, np.linspace(0, 1, parts + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, tenure, side="right"), return_inverse=True)[1].astype(np.int64)


def _against_their_like(counts: Floats, alike: Codes) -> Floats:
    """Give ln (n + 1/2) / (mean n + 1/2), the mean over the leads that share a code, shape (rows, kinds)."""
    rows = np.bincount(alike)
    mean = np.column_stack([np.bincount(alike, column) for column in counts.T]) / rows[:, None]
    return np.asarray(np.log((counts + 0.5) / (mean[alike] + 0.5)), np.float64)
