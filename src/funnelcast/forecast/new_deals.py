"""How many deals will be opened, by channel and week, and what a won one brings: estimated from what was known at as_of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families import latent_rate
from funnelcast.forecast.spend_effect import NO_SPEND, SpendEffect, spend_effect, weekly_spend
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import WON
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

UNKNOWN = "unknown"
"""The channel of deals whose channel isn't known, as in the models of deals."""

QUANTILES = 200

_HISTORY_WEEKS = 156
_BLOCK_WEEKS = 2
_KERNELS = latent_rate.Choices(
    level=1.5, trend=0.3, drifts=(0.05, 0.15, 0.4), drift_years=(0.3, 1.0), seasons=(0.1, 0.2, 0.4), noises=(0.03, 0.1, 0.25)
)
_WEEKS_PER_YEAR = 365.25 / 7.0
_SHARE_HALF_LIFE = 13.0
_SHORT_WEEKS = 13
_FEW_AMOUNTS = 20


@dataclass(frozen=True)
class NewDealProcess:
    """Weekly counts of new deals by channel: a gamma-mixed Poisson (negative binomial) around a level that wanders.

    Parameters
    ----------
    channels
        In order.
    expected
        Deals per coming week: shape [channels, weeks].
    dispersion
        Variance of the gamma factor of a week's count: Var(N) = m + dispersion m^2.
    level_factor
        L, of shape [components, weeks]: the logs of the levels have the covariance L'L.
    amounts
        Amount at close of a won deal: quantiles at equal steps of probability, shape [channels, 200].
    amount_level_sd
        Standard deviation of the log of the mean amount, for the few deals that it is known from: shape [channels].
    own_amounts
        Whether a channel's amounts are told from its own deals; the others share those of all, and their doubt: shape [channels].
    spend
        How the number follows the spend on a channel.
    missing
        What couldn't be told for lack of facts, a sentence each.
    """

    channels: tuple[str, ...]
    expected: Floats
    dispersion: float
    level_factor: Floats
    amounts: Floats
    amount_level_sd: Floats
    own_amounts: Bools
    spend: SpendEffect = NO_SPEND
    missing: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Give the process as JSON."""
        return {
            "channels": list(self.channels),
            "expected": self.expected.tolist(),
            "dispersion": self.dispersion,
            "level_factor": self.level_factor.tolist(),
            "amounts": self.amounts.tolist(),
            "amount_level_sd": self.amount_level_sd.tolist(),
            "own_amounts": self.own_amounts.tolist(),
            "spend": self.spend.document(),
            "missing": list(self.missing),
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> NewDealProcess:
        """Read the process from its JSON."""
        return cls(
            channels=tuple(document["channels"]),
            expected=np.array(document["expected"], dtype=np.float64),
            dispersion=float(document["dispersion"]),
            level_factor=np.array(document["level_factor"], dtype=np.float64),
            amounts=np.array(document["amounts"], dtype=np.float64),
            amount_level_sd=np.array(document["amount_level_sd"], dtype=np.float64),
            own_amounts=np.array(document["own_amounts"], dtype=np.bool_),
            spend=SpendEffect.read(document["spend"]),
            missing=tuple(document["missing"]),
        )


def estimate(facts: Facts, as_of: AsOf, weeks: int) -> NewDealProcess:
    """Estimate the process from facts cut at as_of.

    The log of the level is a Gaussian process with drift and season (see ``latent_rate``): what the counts of the past leave open stays in
    the draws.
    """
    counts = weekly_counts(facts, as_of)
    channels = tuple(sorted(counts.columns)) or (UNKNOWN,)
    table = counts.reindex(columns=list(channels), fill_value=0.0).to_numpy(np.float64)
    expected, factor, dispersion = _level(table.sum(axis=1), weeks)
    amounts, amount_sd, own_amounts, missing = _amounts(facts, channels)
    spend = spend_effect(channels, table, weekly_spend(facts, as_of, channels, len(table)))
    if not spend.known:
        missing = ("new_deals: no spend is known on the channels of deals, so a change of spend leaves their number as it is", *missing)
    if len(table) < _SHORT_WEEKS:
        missing = (f"new_deals: only {len(table)} weeks of opened deals are known; their number is uncertain", *missing)
    return NewDealProcess(
        channels=channels,
        expected=_shares(table)[:, None] * expected[None, :],
        dispersion=dispersion,
        level_factor=factor,
        amounts=amounts,
        amount_level_sd=amount_sd,
        own_amounts=own_amounts,
        spend=spend,
        missing=missing,
    )


def _level(total: Floats, weeks: int) -> tuple[Floats, Floats, float]:
    """Give expected counts of the coming weeks, a factor L of the covariance L'L of their logs, and the variance of a week's own factor.

    The doubt lies around what is expected, in factors of mean 1. Where counts tell the rate, the mode of its log is the log of its mean (of
    the gamma that they leave: MacKay 1998, Machine Learning 33, 77-86); beyond them, not knowing where the level goes adds nothing to it.
    """
    first = len(total) % _BLOCK_WEEKS
    starts = np.arange(first - _BLOCK_WEEKS if first else 0, len(total), _BLOCK_WEEKS)
    lengths = np.minimum(starts + _BLOCK_WEEKS, len(total)) - np.maximum(starts, 0)
    counts = np.add.reduceat(total, np.maximum(starts, 0)) if len(total) else total
    usual = (float(total.sum()) + 0.5) / (len(total) + 1.0)
    blocks = -(-weeks // _BLOCK_WEEKS)
    middle = (starts + _BLOCK_WEEKS / 2.0 - len(total)) / _WEEKS_PER_YEAR
    ahead = (np.arange(blocks) + 0.5) * _BLOCK_WEEKS / _WEEKS_PER_YEAR
    belief = latent_rate.infer(latent_rate.Poisson(counts, usual * lengths), middle.astype(np.float64), ahead.astype(np.float64), _KERNELS)
    week = np.arange(weeks) // _BLOCK_WEEKS
    return usual * np.exp(belief.mean)[week], belief.factor()[:, week], _BLOCK_WEEKS * float(np.expm1(belief.noise**2))


def weekly_counts(facts: Facts, as_of: AsOf) -> pd.DataFrame:
    """Count opened deals in each whole week before as_of, at most three years back: rows are weeks, oldest first; columns channels."""
    deals = facts.table("deals")
    instant = pd.Timestamp(as_of.at)
    # what was known before as_of, in whole weeks back from it
    seconds = (instant - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    back = ((seconds - deals.known_at.epoch_seconds()) / 604_800.0).floor().cast("int64")
    known = deals.mutate(back=back, channel=deals.channel.fill_null(UNKNOWN))
    grouped = known.group_by(["channel", "back"]).aggregate(count=known.count()).order_by("channel", "back")
    found: pd.DataFrame = grouped.filter(grouped.back < _HISTORY_WEEKS).execute()
    if found.empty:
        return pd.DataFrame(dtype=np.float64)
    table = found.pivot_table(index="back", columns="channel", values="count", aggfunc="sum", fill_value=0)
    # the oldest week is only partly covered, unless it is the only one
    oldest = int(found["back"].max())
    table = table.reindex(range(max(oldest, 1)), fill_value=0)
    return table.iloc[::-1].astype(np.float64).reset_index(drop=True)


def _fading(count: int, half_life: float) -> Floats:
    return np.asarray(0.5 ** (np.arange(count - 1, -1, -1.0) / half_life))


def _shares(table: Floats) -> Floats:
    weighted = _fading(len(table), _SHARE_HALF_LIFE) @ table + 0.5
    return np.asarray(weighted / weighted.sum())


def _amounts(facts: Facts, channels: tuple[str, ...]) -> tuple[Floats, Floats, Bools, tuple[str, ...]]:
    deals = facts.table("deals")
    wins = facts.table("deal_events").filter(lambda event: event.stage == WON).select("deal_id").distinct()
    marked = deals.left_join(wins, "deal_id")
    chosen = marked.select(
        "channel", "amount", "closed_amount", won=marked.deal_id_right.notnull(), order=marked.known_at, deal_id=marked.deal_id
    )
    rows = chosen.order_by("order", "deal_id").execute()
    closed = rows["closed_amount"].where(rows["won"] & (rows["closed_amount"] > 0)).fillna(rows["amount"].where(rows["won"]))
    pool = closed[closed > 0] if int((closed > 0).sum()) else rows.loc[rows["amount"] > 0, "amount"]
    if not len(pool):
        zeros = np.zeros((len(channels), QUANTILES))
        nothing = np.zeros(len(channels))
        return zeros, nothing, nothing > 0, ("new_deals: no deal has an amount, so new deals bring none",)
    missing = () if len(pool) >= _FEW_AMOUNTS else (f"new_deals: their amounts are known from {len(pool)} deals only",)
    steps = (np.arange(QUANTILES) + 0.5) / QUANTILES
    channel = rows["channel"].fillna(UNKNOWN).loc[pool.index]
    by_channel = [pool[channel == name] for name in channels]
    own = np.array([len(sample) >= _FEW_AMOUNTS for sample in by_channel])
    samples = [sample if enough else pool for sample, enough in zip(by_channel, own, strict=True)]
    tables = np.stack([np.quantile(sample.to_numpy(np.float64), steps) for sample in samples])
    spreads = [_mean_uncertainty(sample.to_numpy(np.float64)) for sample in samples]
    return tables, np.array(spreads), own, missing


def _mean_uncertainty(amounts: Floats) -> float:
    """Give the log's standard deviation of a mean of so many amounts, their variation shrunk to 1 by three deals."""
    squared = (float(((amounts / amounts.mean() - 1.0) ** 2).sum()) + 3.0) / (len(amounts) + 3.0)
    return float(np.sqrt(np.log1p(squared / len(amounts))))
