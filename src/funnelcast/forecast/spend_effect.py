"""What spend does to new deals: told from how the channels' shares of new deals follow the spend on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json

Floats = npt.NDArray[np.float64]

_BLOCK_WEEKS = 4
_RECENT_WEEKS = 13
_Z80 = 1.2815515655446004
_PRIOR_SD = 0.3
_CHANNEL_SD = 3.0
_STEPS = 50
_LONGEST_STEP = 1.0
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class SpendEffect:
    """How the number of a channel's new deals follows its spend: N is proportional to (1 + spend / usual spend)^b.

    At today's spend the elasticity is b / 2; without any spend, 2^-b of the deals remain.

    Parameters
    ----------
    mean, sd
        Of b, shrunk to no effect (standard deviation 0.3).
    usual
        Spend per week of each channel over the last 13 weeks; 0: none.
    """

    mean: float
    sd: float
    usual: Mapping[str, float]

    @property
    def known(self) -> bool:
        """Say whether anything is spent on a channel of deals."""
        return any(amount > 0 for amount in self.usual.values())

    def document(self) -> dict[str, Any]:
        """Give the effect as JSON."""
        return {"mean": self.mean, "sd": self.sd, "usual": dict(self.usual)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> SpendEffect:
        """Read the effect from its JSON."""
        usual = {str(channel): float(amount) for channel, amount in document["usual"].items()}
        return cls(float(document["mean"]), float(document["sd"]), usual)

    def said(self) -> dict[str, Json] | None:
        """Say the elasticity of new deals at today's spend (b / 2), with its central 80 %, and the channels with a spend; else null."""
        if not self.known:
            return None
        low, middle, high = ((self.mean + place * self.sd) / 2.0 for place in (-_Z80, 0.0, _Z80))
        channels: list[Json] = [channel for channel, amount in self.usual.items() if amount > 0]
        return {"elasticity": middle, "low": low, "high": high, "channels": channels}

    def response(self, channel: str, multiplier: float) -> float:
        """Give the logarithm that b multiplies when a channel's spend changes by a factor; 0 where nothing is spent."""
        return float(np.log1p(multiplier) - np.log(2.0)) if self.usual.get(channel, 0.0) > 0 else 0.0


NO_SPEND = SpendEffect(0.0, 0.0, {})
"""The effect of a company that brings no spend."""


def weekly_spend(facts: Facts, as_of: AsOf, channels: tuple[str, ...], weeks: int) -> Floats:
    """Sum what was known to be spent on each channel in each whole week before as_of: shape [weeks, channels], oldest first."""
    table = np.zeros((weeks, len(channels)))
    if not facts.has("spend") or not weeks:
        return table
    spend = facts.table("spend")
    summed = spend.group_by("date", "channel").aggregate(amount=spend.amount.sum())
    rows: pd.DataFrame = summed.order_by("date", "channel").execute()
    # a day's spend stands at its midnight: the day that begins a week belongs to it
    days = (pd.Timestamp(as_of.at) - pd.to_datetime(rows["date"])).dt.ceil("D").dt.days.to_numpy(np.int64)
    back = (days - 1) // 7
    place = pd.Index(channels).get_indexer(pd.Index(rows["channel"]))
    chosen = (place >= 0) & (back >= 0) & (back < weeks)
    np.add.at(table, (weeks - 1 - back[chosen], place[chosen]), rows["amount"].to_numpy(np.float64)[chosen])
    return np.maximum(table, 0.0)


def spend_effect(channels: tuple[str, ...], deals: Floats, spend: Floats) -> SpendEffect:
    """Estimate b from the channels' shares of the new deals of each four weeks, given how many there were in all.

    Shares are multinomial with log odds a_c + b log(1 + spend / mean spend): the total drops out, and with it every trend and season that
    the channels have in common, which budgets follow too (McFadden's conditional logit, 1974). Channels differ by a_c (sd 3).

    Parameters
    ----------
    deals, spend
        Per week and channel: shape [weeks, channels], oldest first.
    """
    usual = spend[-_RECENT_WEEKS:].mean(axis=0) if len(spend) else np.zeros(len(channels))
    named = {channel: float(amount) for channel, amount in zip(channels, usual, strict=True)}
    blocks = len(deals) // _BLOCK_WEEKS
    whole = (
        table[len(deals) - blocks * _BLOCK_WEEKS :].reshape(blocks, _BLOCK_WEEKS, len(channels)).sum(axis=1) for table in (deals, spend)
    )
    counts, spent = whole
    pushed = np.log1p(spent / np.maximum(spent.mean(axis=0), 1e-300)) if blocks else spent
    mean, variance = _conditional_logit(counts, pushed)
    return SpendEffect(mean, float(np.sqrt(variance)), named)


def _conditional_logit(counts: Floats, pushed: Floats) -> tuple[float, float]:
    """Give the mode of b and its variance, by Newton's method on (a_1 … a_C, b)."""
    blocks, channels = counts.shape
    features = np.concatenate([np.broadcast_to(np.eye(channels), (blocks, channels, channels)), pushed[:, :, None]], axis=2)
    precision = np.diag([*[_CHANNEL_SD**-2] * channels, _PRIOR_SD**-2])
    chosen, curvature = np.zeros(channels + 1), precision
    total = counts.sum(axis=1)
    for _ in range(_STEPS):
        scores = features @ chosen
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        average = np.einsum("tc,tcf->tf", shares, features)
        squares = np.einsum("t,tc,tcf,tcg->fg", total, shares, features, features)
        curvature = squares - np.einsum("t,tf,tg->fg", total, average, average) + precision
        gradient = np.einsum("tc,tcf->f", counts - total[:, None] * shares, features) - precision @ chosen
        step = np.linalg.solve(curvature, gradient)
        chosen = chosen + step * min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < _TOLERANCE:
            break
    return float(chosen[-1]), float(np.linalg.inv(curvature)[-1, -1])
