"""The rule models of the field: first, last, last non-direct, linear, position and time decay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.families.attribution.credit import Credit
from funnelcast.families.attribution.paths import Floats, Paths
from funnelcast.terms import Question

RULES = ("first", "last", "last_non_direct", "linear", "position", "time_decay")


@dataclass(frozen=True)
class RuleSettings:
    """What a company may set.

    Parameters
    ----------
    direct
        Channels that aren't marketing: last_non_direct passes over them unless there is nothing else.
    position
        The shares of the first touch, of all between, and of the last; they sum to 1.
    half_life_touches
        Of a touch's weight under time decay where paths carry no dates: it halves every so many touches before the last.
    """

    direct: tuple[str, ...] = ("direct",)
    position: tuple[float, float, float] = (0.4, 0.2, 0.4)
    half_life_touches: float = 2.0


@dataclass(frozen=True)
class RuleMethod:
    """A rule: each touch of a converting path gets a fixed share of it.

    ``statistics`` are the conversions, then the value, of each channel by cluster: shape (clusters, 2 * channels).
    """

    name: str
    channels: tuple[str, ...]
    statistics: Floats
    order: int | None = None
    question: Question = Question.DESCRIPTIVE

    def credit(self) -> Credit:
        """Credit is the sum itself."""
        return self._split(self.statistics.sum(axis=0))

    def replicates(self, weights: npt.NDArray[np.int64]) -> Credit:
        """Credit of resampled clusters."""
        return self._split(weights @ self.statistics)

    def _split(self, totals: Floats) -> Credit:
        width = len(self.channels)
        return Credit(totals[..., :width], totals[..., width:])


def rule(name: str, paths: Paths, settings: RuleSettings) -> RuleMethod:
    """Make a rule model of paths."""
    share = touch_shares(name, paths, settings)
    row = paths.row
    width = len(paths.channels)
    cluster, outcomes = paths.cluster[row], (paths.conversions, paths.value)
    summed = [paths.by_cluster(paths.codes, share * outcome[row], width, cluster) for outcome in outcomes]
    return RuleMethod(name, paths.channels, np.concatenate(summed, axis=1))


def touch_shares(name: str, paths: Paths, settings: RuleSettings) -> Floats:
    """Give each touch its share of its path's conversions, shape (touches,); shares of a path sum to 1."""
    position, length = paths.position, paths.lengths[paths.row]
    if name == "first":
        return np.asarray(position == 0, dtype=np.float64)
    if name == "last":
        return np.asarray(position == length - 1, dtype=np.float64)
    if name == "linear":
        return np.asarray(1 / length, dtype=np.float64)
    if name == "position":
        return _position(paths, settings)
    if name == "last_non_direct":
        return _last_non_direct(paths, settings)
    weight = 2.0 ** (-(length - 1 - position) / settings.half_life_touches)
    return np.asarray(weight / np.bincount(paths.row, weights=weight)[paths.row], dtype=np.float64)


def _position(paths: Paths, settings: RuleSettings) -> Floats:
    """Share by place; a path of two has no middle, so its ends share in their proportion."""
    first, middle, last = settings.position
    position, length = paths.position, paths.lengths[paths.row]
    between = middle / np.maximum(length - 2, 1)
    share = np.where(position == 0, first, np.where(position == length - 1, last, between))
    ends = np.where(position == 0, first, last) / (first + last)
    return np.where(length == 1, 1.0, np.where(length == 2, ends, share))


def _last_non_direct(paths: Paths, settings: RuleSettings) -> Floats:
    direct = np.array([channel in settings.direct for channel in paths.channels], dtype=bool)
    marketing = ~direct[paths.codes] if len(paths.codes) else np.zeros(0, dtype=bool)
    position, row = paths.position, paths.row
    last = np.full(len(paths.lengths), -1)
    np.maximum.at(last, row[marketing], position[marketing])
    chosen = np.where(last < 0, paths.lengths - 1, last)
    return np.asarray(position == chosen[row], dtype=np.float64)
