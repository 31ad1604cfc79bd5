"""A list that is worked from the top: whom to contact first, how far down it pays to go, and what that is expected to earn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from funnelcast.errors import SpecError, UsageError
from funnelcast.evaluate.calibration import log_odds
from funnelcast.spec import Spec

Floats = npt.NDArray[np.float64]

SHARES: Mapping[str, str] = MappingProxyType({"churn": "saved_share", "lead_scoring": "uplift_share"})
"""By family, the name of the share that a contact changes."""
EXPECTED: Mapping[str, str] = MappingProxyType({"churn": "expected_loss", "lead_scoring": "expected_value"})
"""By family, the column of probability times value."""
LEVEL = 0.90
"""Of the profit's interval, and of the probabilities' own."""
REACH = NormalDist().inv_cdf((1 + LEVEL) / 2)
"""The quantile of a normal law that the interval's ends stand for."""
DRAWS = 2_000
_CURVE_POINTS = 100


@dataclass(frozen=True)
class Campaign:
    """What contacting people takes and what it changes; the share is an assumption that no history of ordinary business can tell.

    Parameters
    ----------
    capacity
        How many can be contacted.
    cost_per_contact
        In the source's currency, whether or not the contact helps.
    share
        Above 0, at most 1. Churn's ``saved_share``: of those who would leave, the share that a contact keeps. Lead scoring's
        ``uplift_share``: of the conversions among those contacted, the share that would not have come about without it.
    """

    capacity: int
    cost_per_contact: float
    share: float

    @classmethod
    def of(cls, spec: Spec, capacity: int | None = None, cost: float | None = None, share: float | None = None) -> Campaign:
        """Read the section [list] of spec.toml; what a caller gives replaces what stands there.

        Raises
        ------
        UsageError
            The family predicts nobody's leaving or buying, or a number can't be.
        SpecError
            The section lacks a key or has an unknown one.
        """
        if spec.family not in SHARES:
            raise UsageError(reason=f"{spec.name} makes no list of contacts: ask for a model of {' or '.join(sorted(SHARES))}.")
        names = ("capacity", "cost_per_contact", SHARES[spec.family])
        if set(spec.list) != set(names):
            raise SpecError(path=f"models/{spec.name}/spec.toml", reason=f"[list] needs {', '.join(names)}; it has {sorted(spec.list)}")
        given = dict(zip(names, (capacity, cost, share), strict=True))
        stated: dict[str, Any] = {name: spec.list[name] if value is None else value for name, value in given.items()}
        _require_possible(stated, spec)
        return cls(*stated.values())


def _require_possible(stated: Mapping[str, Any], spec: Spec) -> None:
    (_, capacity), (_, cost), (share_name, share) = stated.items()
    where = f"or mend [list] of models/{spec.name}/spec.toml."
    if type(capacity) is not int or capacity < 1:
        raise UsageError(reason=f"A capacity of {capacity} makes no list: give a whole number above 0 by --capacity, {where}")
    if not (math.isfinite(cost) and cost >= 0):
        raise UsageError(reason=f"A contact can't cost {cost}: give an amount of 0 or more by --cost, {where}")
    if not 0 < share <= 1:
        raise UsageError(reason=f"{share_name} can't be {share}: give a share above 0 and at most 1 by --share, {where}")


@dataclass(frozen=True)
class Profit:
    """What a list earns: its expectation and the ends of a 90 % interval.

    Where few are kept by chance, of a short list or at a low share, the expectation may lie above the interval: most often nobody is kept.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Worklist:
    """Contacts in the order in which to work them.

    Parameters
    ----------
    ranked
        All who can be put in order, first to last: ``contact_id, probability, low, high, value, gain`` and what else they came with.
        ``value`` and ``gain`` are NaN throughout where nobody's value is known; then the order is that of the probabilities.
    size
        How many of them to contact.
    unvalued
        How many were left out because their value alone isn't known.
    """

    ranked: pd.DataFrame
    size: int
    unvalued: int

    @property
    def listed(self) -> pd.DataFrame:
        """Those to contact."""
        return self.ranked.iloc[: self.size]

    @property
    def valued(self) -> bool:
        """Whether the order is one of gains."""
        return bool(len(self.ranked)) and not bool(self.ranked["gain"].isna().any())

    @property
    def curve(self) -> Floats:
        """The expected profit of contacting the first 0, 1, 2 … : concave, since the gains fall; empty without values."""
        return np.concatenate([[0.0], np.cumsum(self.ranked["gain"].to_numpy(np.float64))]) if self.valued else np.zeros(0)

    def thinned(self) -> list[tuple[int, float]]:
        """Give about 100 points of the curve as size and profit: its ends and the size to contact among them."""
        curve = self.curve
        if not curve.size:
            return []
        sizes = np.union1d(np.linspace(0, curve.size - 1, _CURVE_POINTS).round().astype(np.int64), [self.size])
        return [(int(size), float(curve[size])) for size in sizes]


def rank(contacts: pd.DataFrame, expected: str, campaign: Campaign) -> Worklist:
    """Put contacts in the order of what contacting each is expected to gain, and find how many to contact.

    gain_i = share * E_i - cost, E_i = p_i * V_i;  profit(n) = the sum of the n largest gains;  n* = argmax over n <= capacity of profit(n),
    the smallest where several are equal: the positive gains among the first ``capacity``.

    For churn, p is the probability of leaving and V the CLV: of those who would leave, ``saved_share`` stay and are worth V. Two errors
    of this usual product run against each other: CLV already counts that a customer may be gone, so it is too low for one who stays; and
    who buys nothing within the horizon may come back unasked, so not all of it is lost. For leads, p is the probability of converting as
    leads have been treated so far and V what a conversion is worth. Most of those conversions would come about uncalled: only
    ``uplift_share`` of p is what calling adds, p(called) - p(uncalled) = uplift_share * p(called), and only that is set against the cost.

    Parameters
    ----------
    contacts
        ``contact_id, probability, low, high`` and the column that ``expected`` names.
    expected
        The column of p * V in the source's currency; NaN where the value isn't known. Such a contact has no place in an order of gains and
        is left out, counted; where nobody's value is known, all are ranked by probability.
    """
    worth = contacts[expected].to_numpy(np.float64)
    known = np.isfinite(worth)
    if not known.any():
        ranked = contacts.assign(value=np.nan, gain=np.nan).sort_values(["probability", "contact_id"], ascending=[False, True])
        return Worklist(ranked.reset_index(drop=True), min(campaign.capacity, len(ranked)), 0)
    kept, worth = contacts[known], worth[known]
    probability = kept["probability"].to_numpy(np.float64)
    value = np.divide(worth, probability, out=np.zeros_like(worth), where=probability > 0)
    gained = kept.assign(value=value, gain=campaign.share * worth - campaign.cost_per_contact)
    ranked = gained.sort_values(["gain", "contact_id"], ascending=[False, True]).reset_index(drop=True)
    size = int((ranked["gain"].iloc[: campaign.capacity] > 0).sum())
    return Worklist(ranked, size, int((~known).sum()))


def expected_profit(listed: pd.DataFrame, campaign: Campaign, seed: int, draws: int = DRAWS) -> Profit:
    """Give the expected profit of contacting all of a list, with the interval in which the realised one will lie.

    The mean is exact: the sum of the gains. Each draw is one possible outcome: the probabilities move within their own intervals, all by
    the same quantile z of a normal law in log-odds (they were calibrated on the same few held-out contacts, so neighbours err together;
    errors that are in truth independent make the interval too wide, never too narrow), then each contact is kept, or converts for being
    contacted, by a coin of share * p_i:

        logit p_i(z) = logit p_i + z / z_95 * (logit high_i - logit p_i if z > 0 else logit p_i - logit low_i)
        profit = sum of V_i * Bernoulli(share * p_i(z)) - n * cost

    Values count at their expectation and the share as stated: what is uncertain about those comes on top.

    Parameters
    ----------
    listed
        ``probability, low, high`` (a 90 % interval), ``value`` and ``gain`` of each contact.
    seed
        Of the draws; the same list gives the same interval.
    """
    value = listed["value"].to_numpy(np.float64)
    odds, low, high = (log_odds(listed[name].to_numpy(np.float64)) for name in ("probability", "low", "high"))
    rng = np.random.default_rng(seed)
    earned = np.empty(draws)
    for draw, z in enumerate(rng.standard_normal(draws) / REACH):
        earned[draw] = value[rng.random(value.size) < campaign.share * moved(odds, low, high, z)].sum()
    ends = np.quantile(earned, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - campaign.cost_per_contact * len(listed)
    return Profit(float(listed["gain"].sum()), float(ends[0]), float(ends[1]))


def moved(odds: Floats, low: Floats, high: Floats, z: float) -> Floats:
    """Move probabilities all by the same part z of their intervals, in log-odds: 1 reaches the upper end, -1 the lower."""
    return np.asarray(expit(odds + z * (high - odds if z > 0 else odds - low)), dtype=np.float64)


def found_among_first(capacity: int, probability: Floats, outcome: Floats) -> float:
    """Count the outcomes among the ``capacity`` highest probabilities: what a list finds if each is worth the same.

    Of equal probabilities at its end the mean is counted, as if they were drawn at random.
    """
    if capacity >= probability.size:
        return float(outcome.sum())
    edge = np.sort(probability)[::-1][capacity - 1]
    above, at = probability > edge, probability == edge
    return float(outcome[above].sum() + (capacity - above.sum()) * outcome[at].mean())
