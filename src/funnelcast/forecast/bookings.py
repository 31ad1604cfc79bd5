"""Draws of won deals from weekly hazards: numpy only, the same luck for the same deal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.forecast import shared_draws
from funnelcast.forecast.flows import NOT_YET, Flows

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_CELLS_AT_ONCE = 400_000
_HIGHEST_HAZARD = 0.999
_SHOCKS, _NEW = 1, 2


@dataclass(frozen=True)
class ShockSizes:
    """Standard deviations of what all deals of a draw share: of the log of how many close, and of the log odds of winning."""

    closing_month: float
    winning_month: float
    closing_level: float
    winning_level: float


@dataclass(frozen=True, eq=False)
class Shocks:
    """What all deals of a draw share.

    Parameters
    ----------
    month
        Of each week: shape [weeks], 0 for the first.
    closing
        Factors on the hazards of closing, of mean 1: shape [draws, months].
    winning
        Shifts of the log odds that a closing deal is won: shape [draws, months].
    """

    month: Integers
    closing: Floats
    winning: Floats


@dataclass(frozen=True, eq=False)
class OpenHazards:
    """Open deals: hazards of shape [deals, weeks], the lognormal amount at close, and the scenario's factor on winning, each [deals]."""

    ids: tuple[str, ...]
    won: Floats
    lost: Floats
    expected_amount: Floats
    amount_log_sd: Floats
    win_multiplier: Floats


@dataclass(frozen=True, eq=False)
class NewHazards:
    """New deals by channel: counts [channels, weeks], hazards [channels, week opened, weeks since], amounts [channels, quantiles].

    ``spend_response`` [channels] times a draw of ``spend_effect`` (mean, standard deviation) is the log of what the scenario's spend does.
    """

    expected: Floats
    dispersion: float
    level_factor: Floats
    won: Floats
    lost: Floats
    amounts: Floats
    amount_level_sd: Floats
    own_amounts: npt.NDArray[np.bool_]
    count_multiplier: Floats
    win_multiplier: Floats
    spend_response: Floats
    spend_effect: tuple[float, float]


def draw_shocks(sizes: ShockSizes, month: Integers, draws: int, seed: int) -> Shocks:
    """Draw the shocks: one lasting level and one anew for each month, for closing and for winning."""
    generator = np.random.default_rng([seed, _SHOCKS])
    # always all months of a year and a bit, so that a longer horizon meets the same months
    months = max(int(month.max()) + 1, 14)
    normal = generator.standard_normal((2, months + 1, draws))
    closing = sizes.closing_level * normal[0, :1] + sizes.closing_month * normal[0, 1:]
    winning = sizes.winning_level * normal[1, :1] + sizes.winning_month * normal[1, 1:]
    variance = sizes.closing_level**2 + sizes.closing_month**2
    return Shocks(month, np.exp(closing - variance / 2.0).T, winning.T)


def open_deals(deals: OpenHazards, shocks: Shocks, draws: int, seed: int) -> Flows:
    """Draw when each open deal is won, if it is, and for how much.

    A deal's time to closing is where its cumulated hazard, -log(1 - h) week by week, times the month's factor exceeds a unit exponential;
    it is then won with the odds of the week's hazards, shifted by the month's shock.
    """
    total = np.minimum(deals.won + deals.lost, _HIGHEST_HAZARD)
    rates = -np.log1p(-total)
    live = np.flatnonzero(rates.sum(axis=1) > 0.0)
    size = max(_CELLS_AT_ONCE // draws, 1)
    keys = shared_draws.keys_of(deals.ids, seed)
    chosen = (live[start : start + size] for start in range(0, len(live), size))
    blocks = [_block(deals, block, rates[block], shocks, shared_draws.words(keys[block], draws)) for block in chosen]
    return Flows.concatenate(blocks) if blocks else Flows.none(draws, deals.ids)


def _block(deals: OpenHazards, chosen: Integers, rates: Floats, shocks: Shocks, bits: shared_draws.Words) -> Flows:
    draws, weeks = bits.shape[1], deals.won.shape[1]
    cell, row, week, day = _closings(rates, shocks, shared_draws.exponentials(bits))
    draw = cell - row * draws
    luck = bits.reshape(-1)[cell]
    place = row * weeks + week
    won = (deals.win_multiplier[:, None] * deals.won).astype(np.float32)[chosen].reshape(-1)[place]
    plain, lost = deals.won.astype(np.float32)[chosen].reshape(-1)[place], deals.lost.astype(np.float32)[chosen].reshape(-1)[place]
    odds = np.exp(shocks.winning).astype(np.float32)[:, shocks.month].reshape(-1)[draw * weeks + week]
    wins = np.flatnonzero(shared_draws.uniforms(luck) * (odds * plain + lost) < odds * won)
    deal = chosen[row[wins]]
    log_sd = deals.amount_log_sd[deal]
    amount = deals.expected_amount[deal] * np.exp(log_sd * shared_draws.normals(luck[wins]) - log_sd**2 / 2.0)
    return Flows(draws, draw[wins].astype(np.int32), day[wins].astype(np.int32), amount, deal.astype(np.int32), deals.ids)


def _closings(rates: Floats, shocks: Shocks, threshold: Floats32) -> tuple[Integers, Integers, Integers, Integers]:
    """Give cell (row times draws plus draw), row, week and day of every closing: where cumulated rates pass the threshold [rows, draws].

    Months are passed one by one for all cells; only within the month of its closing is a cell looked at week by week.
    """
    (rows, weeks), draws = rates.shape, threshold.shape[1]
    months = int(shocks.month[-1]) + 1
    first_week = np.searchsorted(shocks.month, np.arange(months + 1))
    cumulated = np.hstack([np.zeros((rows, 1)), np.cumsum(rates, axis=1)]).astype(np.float32)
    in_month = np.diff(cumulated[:, first_week], axis=1)
    factors = shocks.closing[:, :months].astype(np.float32)
    reached, before = np.zeros_like(threshold), np.zeros_like(threshold)
    month = np.zeros(threshold.shape, dtype=np.int8)
    for index in range(months):
        reached += in_month[:, index, None] * factors[None, :, index]
        later = threshold > reached
        month += later
        np.copyto(before, reached, where=later)
    closed = month < months
    cell = np.flatnonzero(closed)
    row = np.repeat(np.arange(rows), closed.sum(axis=1))
    when = month.reshape(-1)[cell].astype(np.int64)
    start = first_week[when]
    spent = (threshold - before).reshape(-1)[cell] / factors.reshape(-1)[(cell - row * draws) * months + when]
    sums, place = cumulated.reshape(-1), row * (weeks + 1) + start
    target = sums[place] + spent
    last = place + first_week[when + 1] - start - 1
    for _ in range(int(np.diff(first_week).max()) - 1):
        place += (place < last) & (target > sums[place + 1])
    share = (target - sums[place]) / np.maximum(sums[place + 1] - sums[place], np.float32(1e-12))
    week = place - row * (weeks + 1)
    return cell, row, week, 7 * week + np.clip(7.0 * share, 0.0, 6.0).astype(np.int64)


def new_deals(process: NewHazards, shocks: Shocks, draws: int, seed: int) -> tuple[Flows, ...]:
    """Draw the wins among deals that aren't open yet: the flows of each channel.

    Counts are Poisson given a gamma factor per week and a wandering level, so the wins of each week are Poisson too, with the counts of
    earlier weeks times the chance to be won then (thinning). Scenario factors thin the very same wins, or add some. Every kind of luck has
    a generator of its own and goes week by week: the first weeks of a longer horizon are those of a shorter one.
    """
    channels = len(process.expected)
    counts = _rates_of_opening(process, draws, seed)
    won, share = _won_by_week(process)
    means = np.einsum("dcw,cwv->dcv", counts, won)
    odds = np.exp(shocks.winning[:, shocks.month])[:, None, :]
    closing = shocks.closing[:, shocks.month][:, None, :]
    means = means * closing * odds / (1.0 - share + share * odds)
    luck = _luck(seed, "amount_level").standard_normal((draws, channels + 1))
    amount_luck = np.where(process.own_amounts, luck[:, :-1], luck[:, -1:])
    level = np.exp(process.amount_level_sd * amount_luck - process.amount_level_sd**2 / 2.0)
    mean, sd = process.spend_effect
    effect = mean + sd * _luck(seed, "spend").standard_normal((draws, 1))
    winning = np.minimum(process.win_multiplier, 1.0 / np.maximum(share.max(axis=(0, 2)), 1e-9))
    factor = process.count_multiplier * winning * np.exp(effect * process.spend_response)
    base, channel = _wins(means, process.amounts, level, seed, "")
    kept = _luck(seed, "thinning").random(base.size) < np.minimum(factor, 1.0)[base.draw, channel]
    more, of_more = _wins(means * np.maximum(factor - 1.0, 0.0)[:, :, None], process.amounts, level, seed, "extra_")
    return tuple(Flows.concatenate([base.where(kept & (channel == own)), more.where(of_more == own)]) for own in range(channels))


def _luck(seed: int, kind: str) -> np.random.Generator:
    return np.random.default_rng([seed, _NEW, *kind.encode()])


def _rates_of_opening(process: NewHazards, draws: int, seed: int) -> Floats:
    components, weeks = process.level_factor.shape
    level = _luck(seed, "level").standard_normal((draws, components)) @ process.level_factor
    variance = (process.level_factor**2).sum(axis=0)
    shape = 1.0 / max(process.dispersion, 1e-9)
    gamma = _luck(seed, "week").gamma(shape, 1.0 / shape, size=(weeks, draws)).T
    return np.asarray(process.expected[None] * (np.exp(level - variance / 2.0) * gamma)[:, None, :])


def _won_by_week(process: NewHazards) -> tuple[Floats, Floats]:
    """Give P(won in week v | opened in week w) of shape [channels, w, v], and the share of won among closings, [1, channels, v].

    A deal is opened at any instant of its week, and won at any of a week since then: half of it falls into the following week.
    """
    channels, weeks, _ = process.won.shape
    survived = np.cumprod(1.0 - np.minimum(process.won + process.lost, 1.0), axis=2)
    before = np.concatenate([np.ones((channels, weeks, 1)), survived[:, :, :-1]], axis=2)
    calendar = [np.zeros((channels, weeks, weeks)) for _ in range(2)]
    for table, hazard in zip(calendar, (process.won, process.lost), strict=True):
        incidence = hazard * before
        for opened in range(weeks):
            table[:, opened, opened:] += incidence[:, opened, : weeks - opened] / 2.0
            table[:, opened, opened + 1 :] += incidence[:, opened, : weeks - opened - 1] / 2.0
    weighted = [np.einsum("cw,cwv->cv", process.expected, table) for table in calendar]
    share = weighted[0] / np.maximum(weighted[0] + weighted[1], 1e-300)
    return calendar[0], share[None]


def _wins(means: Floats, amounts: Floats, level: Floats, seed: int, extra: str) -> tuple[Flows, Integers]:
    """Give the wins of Poisson means [draws, channels, weeks], week by week, and each one's channel."""
    draws = means.shape[0]
    count = _luck(seed, f"{extra}count").poisson(means.transpose(2, 0, 1))
    week, draw, channel = (np.repeat(place, count.ravel()) for place in np.indices(count.shape).reshape(3, -1))
    day = 7 * week + _luck(seed, f"{extra}day").integers(0, 7, size=week.size)
    place = (_luck(seed, f"{extra}amount").random(week.size) * amounts.shape[1]).astype(np.int64)
    amount = amounts[channel, place] * level[draw, channel]
    lineage = np.full(week.size, NOT_YET, dtype=np.int32)
    return Flows(draws, draw.astype(np.int32), day.astype(np.int32), amount, lineage), channel
