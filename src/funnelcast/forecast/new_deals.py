"""How many deals will be opened, by channel and week, and what a won one brings: estimated from what was known at as_of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import WON
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]

UNKNOWN = "unknown"
"""The channel of deals whose channel isn't known, as in the models of deals."""

QUANTILES = 200

_HISTORY_WEEKS = 156
_SEASON_WEEKS = 104
_HALF_LIVES = (4.0, 8.0, 16.0, 52.0)
_AHEAD = 4
_SHARE_HALF_LIFE = 13.0
_DAMPING = 0.95
_PRIOR_WALK_SD = 0.06
_PRIOR_ORIGINS = 4.0
_PRIOR_DISPERSION = 0.05
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
    level_sd
        Standard deviation of the log of the level now.
    walk_sd
        What the log of the level moves in a week.
    amounts
        Amount at close of a won deal: quantiles at equal steps of probability, shape [channels, 200].
    amount_level_sd
        Standard deviation of the log of the mean amount, for the few deals that it is known from: shape [channels].
    missing
        What couldn't be told for lack of facts, a sentence each.
    """

    channels: tuple[str, ...]
    expected: Floats
    dispersion: float
    level_sd: float
    walk_sd: float
    amounts: Floats
    amount_level_sd: Floats
    missing: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Give the process as JSON."""
        return {
            "channels": list(self.channels),
            "expected": self.expected.tolist(),
            "dispersion": self.dispersion,
            "level_sd": self.level_sd,
            "walk_sd": self.walk_sd,
            "amounts": self.amounts.tolist(),
            "amount_level_sd": self.amount_level_sd.tolist(),
            "missing": list(self.missing),
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> NewDealProcess:
        """Read the process from its JSON."""
        return cls(
            channels=tuple(document["channels"]),
            expected=np.array(document["expected"], dtype=np.float64),
            dispersion=float(document["dispersion"]),
            level_sd=float(document["level_sd"]),
            walk_sd=float(document["walk_sd"]),
            amounts=np.array(document["amounts"], dtype=np.float64),
            amount_level_sd=np.array(document["amount_level_sd"], dtype=np.float64),
            missing=tuple(document["missing"]),
        )


def estimate(facts: Facts, as_of: AsOf, weeks: int) -> NewDealProcess:
    """Estimate the process from facts cut at as_of.

    The level is an exponentially weighted mean of weekly counts over what season (from two years on) and trend expect. Its half-life (4, 8,
    16 or 52 weeks), and whether there is a trend, is what foretold the following four weeks best at past origins; the errors there give
    ``walk_sd``.
    """
    counts = weekly_counts(facts, as_of)
    channels = tuple(sorted(counts.columns)) or (UNKNOWN,)
    table = counts.reindex(columns=list(channels), fill_value=0.0).to_numpy(np.float64)
    total = table.sum(axis=1)
    tried = [_trend_and_season(total, weeks, as_of, trend=trend) for trend in (False, True)]
    judged = [_half_life(total / np.maximum(profile, 1e-9), profile) for profile, _ in tried]
    chosen = int(judged[1][2] < judged[0][2])
    (profile, ahead), (half_life, walk_sd, _) = tried[chosen], judged[chosen]
    weight = _fading(len(total), half_life)
    level = (float(weight @ total) + 0.5) / (float(weight @ profile) + 0.5)
    seen = float(weight @ total) ** 2 / max(float((weight**2) @ total), 1e-9) if total.sum() else 0.0
    amounts, amount_sd, missing = _amounts(facts, channels)
    if len(total) < _SHORT_WEEKS:
        missing = (f"new_deals: only {len(total)} weeks of opened deals are known; their number is uncertain", *missing)
    return NewDealProcess(
        channels=channels,
        expected=_shares(table)[:, None] * (level * ahead)[None, :],
        dispersion=_dispersion(total, profile * _local_level(total / np.maximum(profile, 1e-9), half_life)),
        level_sd=float(np.sqrt(1.0 / (seen + 0.5))),
        walk_sd=walk_sd,
        amounts=amounts,
        amount_level_sd=amount_sd,
        missing=missing,
    )


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


def _trend_and_season(total: Floats, weeks: int, as_of: AsOf, *, trend: bool) -> tuple[Floats, Floats]:
    """Give the profile of past and coming weeks: 1 where there is too little history; Poisson regression, ridge."""
    if len(total) < 2 * _SHORT_WEEKS or total.sum() == 0:
        return np.ones(len(total)), np.ones(weeks)
    past, coming = np.arange(-len(total), 0.0), np.arange(float(weeks))
    seasonal = len(total) >= _SEASON_WEEKS
    history = _basis(past, past * trend, as_of, seasonal=seasonal)
    coefficients = _poisson(history, total)
    # the trend goes on, but ever less (Gardner and McKenzie 1985)
    damped = (1.0 - _DAMPING ** (coming + 1.0)) / (1.0 - _DAMPING)
    ahead = _basis(coming, damped * trend, as_of, seasonal=seasonal)
    return np.exp(history @ coefficients), np.exp(ahead @ coefficients)


def _basis(week: Floats, trend: Floats, as_of: AsOf, *, seasonal: bool) -> Floats:
    columns = [np.ones(len(week)), trend / 52.0]
    if seasonal:
        day = as_of.at.timetuple().tm_yday + 7.0 * week + 3.5
        columns += [wave(2.0 * np.pi * order * day / 365.25) for order in (1, 2) for wave in (np.sin, np.cos)]
    return np.column_stack(columns)


def _poisson(design: Floats, counts: Floats) -> Floats:
    """Fit log means by Newton's method; all but the level are shrunk to none (standard deviation 0.5, the trend per year)."""
    precision = np.diag([1e-6, *([4.0] * (design.shape[1] - 1))])
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.log(counts.mean())
    for _ in range(50):
        means = np.exp(np.clip(design @ coefficients, -20.0, 20.0))
        gradient = design.T @ (counts - means) - precision @ coefficients
        step = np.linalg.solve(design.T @ (design * means[:, None]) + precision, gradient)
        coefficients = coefficients + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    return coefficients


def _fading(count: int, half_life: float) -> Floats:
    return np.asarray(0.5 ** (np.arange(count - 1, -1, -1.0) / half_life))


def _local_level(ratio: Floats, half_life: float) -> Floats:
    """Give the exponentially weighted mean of all weeks up to and with each."""
    level, weight = np.zeros(len(ratio)), 0.0
    total, fade = 0.0, 0.5 ** (1.0 / half_life)
    for week, value in enumerate(ratio):
        total, weight = total * fade + value, weight * fade + 1.0
        level[week] = total / weight
    return level


def _half_life(ratio: Floats, profile: Floats) -> tuple[float, float, float]:
    """Give the best half-life, the walk per week that its errors of four-week sums show beyond Poisson noise, and their mean size."""
    origins = range(_SHORT_WEEKS, len(ratio) - _AHEAD + 1)
    if not origins:
        return _HALF_LIVES[1], _PRIOR_WALK_SD, 0.0
    actual = np.array([float(ratio[start : start + _AHEAD] @ profile[start : start + _AHEAD]) for start in origins])
    scale = np.array([float(profile[start : start + _AHEAD].sum()) for start in origins])
    errors = {
        half_life: np.log((actual + 0.5) / (_local_level(ratio, half_life)[[start - 1 for start in origins]] * scale + 0.5))
        for half_life in _HALF_LIVES
    }
    best = min(_HALF_LIVES, key=lambda half_life: float(np.abs(errors[half_life]).mean()))
    noise = 1.0 / (actual + 0.5)
    # the errors of overlapping origins repeat each other: a quarter as many count
    count = len(origins) / _AHEAD
    found = max(float((errors[best] ** 2 - noise).mean()), 0.0) / _AHEAD
    walk_sd = float(np.sqrt((_PRIOR_ORIGINS * _PRIOR_WALK_SD**2 + count * found) / (_PRIOR_ORIGINS + count)))
    return best, walk_sd, float(np.abs(errors[best]).mean())


def _dispersion(total: Floats, expected: Floats) -> float:
    """Give the gamma factor's variance by moments, shrunk to 0.05 by four weeks."""
    scale = float((expected**2).sum())
    found = max(float(((total - expected) ** 2 - expected).sum()), 0.0) / scale if scale > 0 else 0.0
    return float((_PRIOR_ORIGINS * _PRIOR_DISPERSION + len(total) * found) / (_PRIOR_ORIGINS + len(total)))


def _shares(table: Floats) -> Floats:
    weighted = _fading(len(table), _SHARE_HALF_LIFE) @ table + 0.5
    return np.asarray(weighted / weighted.sum())


def _amounts(facts: Facts, channels: tuple[str, ...]) -> tuple[Floats, Floats, tuple[str, ...]]:
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
        return zeros, np.zeros(len(channels)), ("new_deals: no deal has an amount, so new deals bring none",)
    missing = () if len(pool) >= _FEW_AMOUNTS else (f"new_deals: their amounts are known from {len(pool)} deals only",)
    steps = (np.arange(QUANTILES) + 0.5) / QUANTILES
    channel = rows["channel"].fillna(UNKNOWN).loc[pool.index]
    own = {name: pool[channel == name] for name in channels}
    samples = [own[name] if len(own[name]) >= _FEW_AMOUNTS else pool for name in channels]
    tables = np.stack([np.quantile(sample.to_numpy(np.float64), steps) for sample in samples])
    spreads = [_mean_uncertainty(sample.to_numpy(np.float64)) for sample in samples]
    return tables, np.array(spreads), missing


def _mean_uncertainty(amounts: Floats) -> float:
    """Give the log's standard deviation of a mean of so many amounts, their variation shrunk to 1 by three deals."""
    squared = (float(((amounts / amounts.mean() - 1.0) ** 2).sum()) + 3.0) / (len(amounts) + 3.0)
    return float(np.sqrt(np.log1p(squared / len(amounts))))
