"""Which surprises are announced: so few that a company in which nothing changed hears of no more than its budget of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.monitor.surprises import WINDOWS, Surprises
from funnelcast.terms import DAYS_PER_MONTH

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

QUIET = max(WINDOWS)
"""An episode is over once so many periods in a row were within bounds: until then what is like it isn't announced again."""
CALIBRATION_BLOCKS = 8
"""The bound is learned from the two years before."""
_MOST_FITS = 480
_ANOTHER = float(np.sqrt(max(WINDOWS)))
_EDGE = 1.0
_EPISODES_REACH_BACK = 2


@dataclass(frozen=True, eq=False)
class Episode:
    """The period with which a series' change was first seen."""

    surprises: Surprises
    place: int
    score: float


def blocks_for(series: int) -> int:
    """Say how many blocks the bound is learned from; of very many series, a few blocks tell enough."""
    return int(np.clip(_MOST_FITS // max(series, 1), 2, CALIBRATION_BLOCKS))


def blocks_needed(series: int) -> int:
    """Say how many blocks must be measured: the newest, those in which a present episode may have begun, and those before to learn from."""
    return blocks_for(series) + _EPISODES_REACH_BACK + 1


def episodes(found: Sequence[Surprises], per_month: float, reach: int = _EPISODES_REACH_BACK) -> Iterator[Episode]:
    """Give every episode that began in the newest block of the series or in the ``reach`` blocks before it.

    A surprise is announced where its score exceeds the bound of its block, which the blocks before it tell: the same period has the same
    bound whenever it is looked at.
    """
    learned, newest = blocks_for(len(found)), _newest(found)
    bounds = {block: bound(found, block, learned, per_month) for block in range(newest - reach, newest + 1)}
    for one in found:
        scores = one.scores()
        limits = np.array([bounds.get(int(block), np.inf) for block in one.blocks])
        for place in announced(scores, limits):
            yield Episode(one, place, float(scores[place]))


def bound(found: Sequence[Surprises], block: int, learned: int, per_month: float) -> float:
    """Give the smallest score beyond which the blocks before would have announced no more than the budget.

    With A(q) episodes beyond q over the m months before, counted over all series together, the next one is as likely as any of theirs to
    be beyond q, so (A(q) + 1) / m a month is to be expected at most: split conformal prediction (Vovk, Gammerman and Shafer 2005, ch. 2;
    Lei et al. 2018) of a series' largest scores. Scores of all series are taken together, as the budget is. Serial correlation doesn't
    matter to an expected count; a change in the years before makes the bound higher. Never below the edge of the 90 % band.

    Returns
    -------
    Infinite where the past is too short to keep the budget.
    """
    pairs = [_within(one, block - learned, block) for one in found]
    pairs = [(scores, ends) for scores, ends in pairs if scores.size]
    months = sum(_months(ends) for _, ends in pairs) / max(len(found), 1)
    smallest = np.inf
    for limit in np.sort(np.abs(np.concatenate([scores for scores, _ in pairs])))[::-1] if pairs else ():
        counted = sum(len(announced(scores, float(limit))) for scores, _ in pairs)
        if counted + 1 > per_month * months or limit < _EDGE:
            break
        smallest = float(limit)
    return smallest


def bound_of_newest(found: Sequence[Surprises], per_month: float) -> float:
    """Give the bound that the newest periods are held against."""
    return bound(found, _newest(found), blocks_for(len(found)), per_month)


def months_learned(found: Sequence[Surprises]) -> float:
    """Give how many months the bound of the newest block rests on, the mean over all series."""
    newest, learned = _newest(found), blocks_for(len(found))
    return sum(_months(_within(one, newest - learned, newest)[1]) for one in found) / max(len(found), 1)


def announced(scores: Floats, limits: Floats | float) -> list[int]:
    """Give the first place of each episode: a score beyond its limit, the first in its direction for more than ``QUIET`` periods.

    Within an episode, a score beyond twice its largest so far is another one: a change that lasts scores at most twice its first period,
    once it fills the window of four.
    """
    found: list[int] = []
    last, largest = {True: -np.inf, False: -np.inf}, {True: 0.0, False: 0.0}
    for place in np.flatnonzero(np.abs(scores) > limits):
        above, size = bool(scores[place] > 0), abs(float(scores[place]))
        if place - last[above] > QUIET:
            largest[above] = 0.0
        if size > _ANOTHER * largest[above]:
            found.append(int(place))
        last[above], largest[above] = float(place), max(largest[above], size)
    return found


def _newest(found: Sequence[Surprises]) -> int:
    return max((int(one.blocks[-1]) for one in found), default=0)


def _within(one: Surprises, first: int, end: int) -> tuple[Floats, Integers]:
    inside = (one.blocks >= first) & (one.blocks < end)
    return one.scores()[inside], one.ends[inside]


def _months(ends: Integers) -> float:
    """Give the time that periods cover."""
    days = float(np.median(np.diff(ends))) if ends.size > 1 else 0.0
    return ends.size * days / DAYS_PER_MONTH
