"""What one attribute alone says about the outcome on rows that were held out from learning it: the evidence that it knows the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from funnelcast.evaluate.metrics import roc_auc
from funnelcast.families.scoring.columns import learn, normal
from funnelcast.families.scoring.dates import days_of_numbers
from funnelcast.families.table import values_of

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
ALMOST_PERFECT, _SURELY_STRONG = 0.975, 0.93
_APART, _FAR_APART = 2.0, 2.2  # as a score with ROC-AUC .92 or .94 at every cut; honest ones reach .90 or so
_ONE_SIDED, _GAP, _BOX = 0.80, 0.72, 2
_PURE, _HALF_THE_ROWS, _MUCH = 0.92, 0.5, 0.4
_ONE_WAY, _CHANCE = 0.99, 1e-6
_FEWEST_IN_LEVEL, _FEWEST_PURE, _FEWEST_ONE_WAY = 4, 5, 30
_BINS = 20
_SURE = 1.645  # standard errors: 95 % on one side
_NANOSECONDS_PER_DAY = 86_400e9


@dataclass(frozen=True)
class Evidence:
    """What an attribute alone does on held-out rows; ``excludes`` says why it must go, empty where it needn't."""

    auc: float = 0.5
    excludes: str = ""


@dataclass(frozen=True)
class Split:
    """How a yes or no parts the outcomes.

    Parameters
    ----------
    hits, positives
        How many of the positives say yes, and how many there are.
    alarms, negatives
        The same of the others.
    """

    hits: float
    positives: float
    alarms: float
    negatives: float

    @classmethod
    def of(cls, yes: Flags, outcome: Floats) -> Split:
        """Count the answers, turned so that yes speaks for the positives."""
        positives, negatives = float(outcome.sum()), float((1 - outcome).sum())
        hits, alarms = float(outcome[yes].sum()), float((1 - outcome)[yes].sum())
        if hits * negatives < alarms * positives:
            hits, alarms = positives - hits, negatives - alarms
        return cls(hits, positives, alarms, negatives)

    @property
    def apart(self) -> float:
        """How far it surely sets the outcomes apart."""
        return float(distance(np.array([self.hits]), self.positives, np.array([self.alarms]), self.negatives)[0])

    @property
    def purity(self) -> float:
        """Which share of the side of the rarer outcome has it."""
        if self.positives <= self.negatives:
            return self.hits / max(self.hits + self.alarms, 1.0)
        rest = self.negatives - self.alarms
        return rest / max(rest + self.positives - self.hits, 1.0)

    @property
    def tells(self) -> bool:
        """Whether the outcomes surely lie far apart, the rarer one nearly alone on its side."""
        return self.apart >= _APART and self.purity >= _ONE_SIDED

    @property
    def gap(self) -> float:
        """The lower end of hit rate - false-alarm rate: the distance of Kolmogorov and Smirnov."""
        hit, alarm = self.hits / self.positives, self.alarms / self.negatives
        variance = hit * (1 - hit) / self.positives + alarm * (1 - alarm) / self.negatives
        return hit - alarm - _SURE * float(np.sqrt(variance))


def distance(hits: Floats, positives: float, alarms: Floats, negatives: float) -> Floats:
    """Give the lower end of the distance at which splits set the outcomes apart.

    d' = z(hit rate) - z(false-alarm rate), half a row added to each count (Green and Swets 1966; Hautus 1995): what a normal score with
    ROC-AUC Phi(d' / sqrt 2) has at every cut. From it goes 1.645 times its standard error (Gourevitch and Galanter 1967), so that few rows
    prove little.
    """
    found, variance = np.zeros(np.shape(hits)), np.zeros(np.shape(hits))
    for count, total, sign in ((hits, positives, 1.0), (alarms, negatives, -1.0)):
        rate = (count + 0.5) / (total + 1)
        z = ndtri(rate)
        found = found + sign * z
        variance = variance + rate * (1 - rate) / (total * np.exp(-(z**2)) / (2 * np.pi))
    return np.asarray(found - _SURE * np.sqrt(variance), np.float64)


def weigh(column: pd.Series, as_of: pd.Series | None, outcome: Floats, halves: Sequence[Indices]) -> Evidence:
    """Weigh one attribute.

    Parameters
    ----------
    as_of
        The date of each row, where the rows have a history; None where they don't.
    halves
        Positions of the rows; what is learnt on one is judged on the other.
    """
    numbers, late = _numbers(column, as_of)
    codes = _levels(column, numbers)
    if np.ptp(codes) == 0:
        return Evidence()
    auc = float(np.mean([_held_out_auc(codes, outcome, *pair) for pair in (halves, halves[::-1])]))
    reasons = (
        _follows(late, outcome),
        _is_there(codes >= 0, outcome),
        _almost_perfect(auc, outcome),
        _pure_levels(codes, outcome, halves),
        _one_split(codes, outcome, halves, words=numbers is None or np.unique(codes[codes >= 0]).size <= _BOX),
    )
    return Evidence(auc, next((reason for reason in reasons if reason), ""))


def _numbers(column: pd.Series, as_of: pd.Series | None) -> tuple[Floats | None, Flags]:
    """Read a column as numbers, a date as the days since its row's as_of; None where it holds levels. And whose date isn't before as_of."""
    read = learn(column.to_frame("x"), ["x"]).encoded
    if not read or read[0].is_category:
        return None, np.zeros(len(column), bool)
    values = read[0].values(values_of(column))
    dates = None
    if as_of is not None:
        dates = values if read[0].reading == "date" else days_of_numbers(values)
    if as_of is None or dates is None:
        return values, np.zeros(len(column), bool)
    age = dates - as_of.to_numpy().astype("datetime64[ns]").astype(np.float64) / _NANOSECONDS_PER_DAY
    return age, np.nan_to_num(age, nan=-1.0) >= 0


def _levels(column: pd.Series, numbers: Floats | None) -> Indices:
    """Give each row's level: of a text its own or that of all rare ones, of a number its bin; -1 is missing."""
    if numbers is not None:
        known = numbers[~np.isnan(numbers)]
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if np.unique(known).size > _BINS else np.unique(known)
        return np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers)).astype(np.int64)
    given, texts = pd.factorize(column.astype(object))
    own, _ = pd.factorize(np.array([normal(text) or None for text in texts], dtype=object))
    codes = np.append(own, -1)[given]
    count = np.bincount(codes[codes >= 0], minlength=1)
    return np.where((codes >= 0) & (count[codes] < _FEWEST_IN_LEVEL), count.size, codes).astype(np.int64)


def _rates(codes: Indices, outcome: Floats, among: Indices) -> tuple[Floats, Floats]:
    """Give each level's count and positives among some rows; shape (levels,), level -1 first."""
    width = int(codes.max()) + 2
    count = np.bincount(codes[among] + 1, minlength=width).astype(np.float64)
    return count, np.asarray(np.bincount(codes[among] + 1, weights=outcome[among], minlength=width), np.float64)


def _smoothed(codes: Indices, outcome: Floats, learned: Indices) -> Floats:
    count, positives = _rates(codes, outcome, learned)
    return np.asarray((positives + outcome[learned].mean()) / (count + 1), np.float64)


def _held_out_auc(codes: Indices, outcome: Floats, learned: Indices, judged: Indices) -> float:
    found = roc_auc(outcome[judged], _smoothed(codes, outcome, learned)[codes[judged] + 1])
    return 0.5 if np.isnan(found) else found


def _almost_perfect(auc: float, outcome: Floats) -> str:
    """Say so where it does; Hanley and McNeil's (1982) standard error keeps a few lucky rows from being proof."""
    positives, negatives = outcome.sum(), (1 - outcome).sum()
    spread = auc * (1 - auc) + (positives - 1) * (auc / (2 - auc) - auc**2) + (negatives - 1) * (2 * auc**2 / (1 + auc) - auc**2)
    surely = auc - _SURE * np.sqrt(max(spread, 0.0) / (positives * negatives))
    if auc < ALMOST_PERFECT or surely < _SURELY_STRONG:
        return ""
    return f"alone it ranks almost perfectly (ROC-AUC {auc:.3f} on held-out rows)"


def _follows(late: Flags, outcome: Floats) -> str:
    """Say so where dates on or after as_of belong to one outcome."""
    split = Split.of(late, outcome)
    if not split.tells and split.apart < _FAR_APART:
        return ""
    return f"its dates follow the outcome: they lie on or after as_of for {_shares(late, outcome)}"


def _is_there(there: Flags, outcome: Floats) -> str:
    """Say so where it is filled in, or missing, when the outcome is one way."""
    split = Split.of(there, outcome)
    if split.tells or split.apart >= _FAR_APART:
        return f"whether it is filled in tells the outcome: it is for {_shares(there, outcome)}"
    for group, what in ((there, "filled in"), (~there, "missing")):
        size = int(group.sum())
        if size < _FEWEST_ONE_WAY or size == outcome.size:
            continue
        rate, rest, base = float(outcome[group].mean()), float(outcome[~group].mean()), float(outcome.mean())
        for share, elsewhere, usual in ((rate, rest, base), (1 - rate, 1 - rest, 1 - base)):
            if 1 - share <= min(1 - _ONE_WAY, 0.1 * (1 - usual)) and elsewhere <= 0.9 and elsewhere**size < _CHANCE:
                return (
                    f"it is {what} in {size} of {outcome.size} rows, and {share:.1%} of those are one way ({elsewhere:.1%} of the others)"
                )
    return ""


def _pure_levels(codes: Indices, outcome: Floats, halves: Sequence[Indices]) -> str:
    """Say so where levels found almost pure in one half are so in the other, and hold most rows and much of either outcome."""
    high, low = np.zeros(2), np.zeros(2)  # rows and those that are as their level says
    for learned, judged in (halves, halves[::-1]):
        count, positives = _rates(codes, outcome, learned)
        again, found = _rates(codes, outcome, judged)
        base, rate = outcome[learned].mean(), positives / np.maximum(count, 1)
        # almost pure means rare against the base rate too: under a rare outcome most levels are one way by nature
        up = (count >= _FEWEST_PURE) & (1 - rate <= min(1 - _PURE, 0.15 * (1 - base)))
        down = (count >= _FEWEST_PURE) & (rate <= min(1 - _PURE, 0.15 * base))
        high += (again[up].sum(), found[up].sum())
        low += (again[down].sum(), (again - found)[down].sum())
    pure = high[1] >= _PURE * high[0] and low[1] >= _PURE * low[0]
    rows = float(high[0] + low[0]) / outcome.size
    if not pure or rows <= _HALF_THE_ROWS or high[1] <= _MUCH * outcome.sum() or low[1] <= _MUCH * (1 - outcome).sum():
        return ""
    return f"{rows:.0%} of the rows sit in levels that are over {_PURE:.0%} one way"


def _one_split(codes: Indices, outcome: Floats, halves: Sequence[Indices], *, words: bool) -> str:
    """Say so where the levels fall into two groups, each nearly one outcome's own: a score of many causes has no such gap.

    Numbers with a single honest cause come near it, words don't: for those a gap is enough that a rare outcome's side shares with others.
    """
    yes = np.zeros(outcome.size, bool)
    for learned, judged in (halves, halves[::-1]):
        yes[judged] = _best_cut(codes, outcome, learned)[codes[judged] + 1]
    split = Split.of(yes, outcome)
    if not split.tells and not (words and split.gap >= _GAP):
        return ""
    return f"its values fall into two groups: one holds {_shares(yes, outcome)}"


def _best_cut(codes: Indices, outcome: Floats, learned: Indices) -> Flags:
    """Choose the levels whose rate lies above the cut that sets the outcomes furthest apart."""
    count, positives = _rates(codes, outcome, learned)
    order = np.argsort(-_smoothed(codes, outcome, learned), kind="stable")
    hits, alarms = np.cumsum(positives[order])[:-1], np.cumsum((count - positives)[order])[:-1]
    far = distance(hits, float(positives.sum()), alarms, float((count - positives).sum()))
    chosen = np.zeros(order.size, bool)
    chosen[order[: int(np.argmax(far)) + 1]] = True
    return chosen


def _shares(yes: Flags, outcome: Floats) -> str:
    return f"{yes[outcome == 1].mean():.0%} of the positives and {yes[outcome == 0].mean():.0%} of the others"
