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
from funnelcast.labels import LABEL
from funnelcast.sources.facts import Facts

Floats = npt.NDArray[np.float64]
HALF_LIVES: tuple[float, ...] = (np.inf, 120.0, 60.0, 30.0, 20.0, 14.0, 10.0, 7.0, 5.0)
"""In days, the slowest first; infinite: a touch counts for ever."""
FEWEST_TOUCHES = 50
"""Of a kind, to say anything about it."""
_MOST_NEW_KINDS = 20
_TENURES = 20


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

    The half-life is the likeliest: the curve has as many parameters with one as with another.
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
    places = [seen.kinds.index(kind) for kind in kinds]
    outcome, controls = weeks[LABEL].to_numpy(np.float64), _controls(weeks, seen)
    contact = pd.factorize(weeks["contact_id"], sort=True)[0].astype(np.int64)
    fits: list[tuple[float, Evidence, Learned]] = []
    for half_life, faded in zip(HALF_LIVES, seen.faded, strict=True):
        evidence = Evidence(faded[:, places], outcome, controls, contact)
        fits.append((half_life, evidence, fit_points(evidence, rule, fits[-1][2].fitted if fits else None)))
    return max(fits, key=lambda fit: fit[2].likelihood)


def _worth_judging(touches: Mapping[str, int], rule: Mapping[str, float]) -> tuple[str, ...]:
    """Name the rule's kinds that occur, and the most frequent of those that it doesn't know."""
    new = sorted((-count, kind) for kind, count in touches.items() if not rule.get(kind) and count >= FEWEST_TOUCHES)
    return tuple(sorted([kind for kind in touches if rule.get(kind)] + [kind for _, kind in new[:_MOST_NEW_KINDS]]))


def _controls(weeks: pd.DataFrame, seen: ByKind) -> Floats:
    """Describe each lead's past: how long it is known, as steps at twentieths of the rows, and ln(1 + touches ever) of each kind."""
    tenure = weeks[TENURE].fillna(-1.0).to_numpy(np.float64)
    steps = np.unique(np.quantile(tenure, np.linspace(0, 1, _TENURES + 1)[1:-1]))
    known = np.searchsorted(steps, tenure, side="right")[:, None] == np.arange(1, steps.size + 1)
    found = np.column_stack([known.astype(np.float64), np.log1p(seen.counts)])
    found -= found.mean(axis=0)
    return np.asarray(found / np.maximum(found.std(axis=0), 1e-9), np.float64)
