"""The pipeline forecast: won amounts of open and of new deals, week by week, in draws that share their luck."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.artefacts import to_json
from funnelcast.forecast import bookings
from funnelcast.forecast.flows import Flows
from funnelcast.forecast.new_deals import UNKNOWN, NewDealProcess
from funnelcast.forecast.periods import Period, edges
from funnelcast.forecast.result import Forecast, statistics
from funnelcast.forecast.scenario import Scenario
from funnelcast.terms import AsOf, Json

Floats = npt.NDArray[np.float64]

WEEKS = 52
NAMED = 20
"""How many deals of dead weight are told by name."""
LARGEST = 3
"""How many deals the forecast is also told without: what hangs on them."""

_NEUTRAL = Scenario()
_FEW_CLOSINGS_SD = 0.3


@dataclass(frozen=True, eq=False)
class PipelineInputs:
    """What the pipeline forecast is drawn from; no model object is in it.

    Parameters
    ----------
    open_deals
        One row per open deal: deal_id, contact_id, owner, channel, and what deal_outcome predicts (expected_amount, amount_log_sd, won_01 …
        won_52, lost_01 … lost_52, dead_weight, the four ``…_sd`` of the shared shocks).
    newcomers
        One row per channel and coming week: channel, week, and what deal_outcome predicts of a typical deal opened then.
    process
        How many new deals there will be, and what a won one brings.
    """

    as_of: AsOf
    currency: str
    open_deals: pd.DataFrame
    newcomers: pd.DataFrame
    process: NewDealProcess

    def files(self) -> dict[str, bytes]:
        """Give the inputs as parquet and JSON, so that a snapshot can hold them."""
        head: dict[str, Json] = {"as_of": self.as_of.at.isoformat(), "timezone": self.as_of.timezone, "currency": self.currency}
        return {
            "open_deals.parquet": self.open_deals.to_parquet(index=False),
            "newcomers.parquet": self.newcomers.to_parquet(index=False),
            "pipeline.json": to_json({**head, "process": self.process.document()}),
        }

    @classmethod
    def rebuild(cls, files: Mapping[str, bytes]) -> PipelineInputs:
        """Make the inputs from their files."""
        head = json.loads(files["pipeline.json"])
        as_of = AsOf(datetime.fromisoformat(head["as_of"]), head["timezone"])
        frames = [pd.read_parquet(io.BytesIO(files[name])) for name in ("open_deals.parquet", "newcomers.parquet")]
        return cls(as_of, head["currency"], frames[0], frames[1], NewDealProcess.read(head["process"]))


@dataclass(frozen=True)
class Bookings:
    """The won amounts in every draw: ``opened`` of open deals (lineage: their ids), ``new`` of deals to come, by channel (lineage -1)."""

    opened: Flows
    new_by_channel: Mapping[str, Flows]

    @property
    def new(self) -> Flows:
        """The won amounts of all deals to come."""
        return Flows.concatenate(list(self.new_by_channel.values()))


def draw_bookings(inputs: PipelineInputs, horizon_days: int, draws: int, seed: int, scenario: Scenario = _NEUTRAL) -> Bookings:
    """Draw the won amounts of open and of new deals over the horizon.

    The same seed gives the same luck to the same deal under every scenario and horizon: the difference of two scenarios is no noise.
    """
    # hazards are drawn so far that a slip to earlier weeks finds what follows the horizon
    reach = max(horizon_days - 7 * min(scenario.slip_weeks, 0), 1)
    weeks = -(-reach // 7)
    shocks = bookings.draw_shocks(_shock_sizes(inputs), month_of_weeks(inputs.as_of, weeks), draws, seed)
    opened = bookings.open_deals(_open_hazards(inputs, weeks, scenario), shocks, draws, seed)
    new = bookings.new_deals(_new_hazards(inputs, weeks, scenario), shocks, draws, seed)
    slipped = [_slipped(flows, scenario.slip_weeks, horizon_days) for flows in (opened, *new)]
    return Bookings(slipped[0], dict(zip(inputs.process.channels, slipped[1:], strict=True)))


def by_part(inputs: PipelineInputs, drawn: Bookings, part: str) -> dict[str, dict[str, Flows]]:
    """Give the flows of every channel or owner: they add up to all. Deals to come have no owner yet, and stand under ``new_deals``."""
    grouped = inputs.open_deals.groupby(inputs.open_deals[part].fillna(UNKNOWN), sort=True)
    opened = {str(name): drawn.opened.of(deals["deal_id"].astype(str)) for name, deals in grouped}
    new = dict(drawn.new_by_channel) if part == "channel" else {"new_deals": drawn.new}
    none = Flows.none(drawn.opened.draws)
    return {name: {"open_deals": opened.get(name, none), "new_deals": new.get(name, none)} for name in sorted({*opened, *new})}


def forecast_pipeline(inputs: PipelineInputs, periods: Sequence[Period], draws: int, seed: int, scenario: Scenario = _NEUTRAL) -> Forecast:
    """Forecast the amounts won in each period, from open and from new deals.

    ``extra`` tells the concentration (the same total without the three deals of the largest expected wins), how many open deals are dead
    weight and their amount, and how new deals follow the spend.
    """
    bounds = edges(periods, inputs.as_of)
    drawn = draw_bookings(inputs, int(bounds[-1]), draws, seed, scenario)
    opened, new = drawn.opened, drawn.new
    parts = {"open_deals": opened.by_period(bounds), "new_deals": new.by_period(bounds)}
    return Forecast(
        quantity="pipeline",
        as_of=inputs.as_of,
        currency=inputs.currency,
        periods=tuple(periods),
        parts=parts,
        missing=missing(inputs),
        extra={
            "concentration": _concentration(opened, new, bounds),
            "dead_weight": _dead_weight(inputs.open_deals),
            "spend": inputs.process.spend.said(),
        },
    )


def month_of_weeks(as_of: AsOf, weeks: int) -> npt.NDArray[np.int64]:
    """Give for each coming week the calendar month of its middle, counted from 0 for the first: shape [weeks]."""
    middles = [as_of.at + timedelta(days=7 * week + 3.5) for week in range(weeks)]
    months = np.array([12 * middle.year + middle.month for middle in middles], dtype=np.int64)
    return months - months[:1]


def missing(inputs: PipelineInputs) -> tuple[str, ...]:
    """Say what the forecast lacks, a sentence each."""
    said = list(inputs.process.missing)
    if inputs.open_deals.empty:
        said.append("open_deals: no deal is open")
    elif int((~(inputs.open_deals["expected_amount"] > 0)).sum()):
        said.append(f"open_deals: {int((~(inputs.open_deals['expected_amount'] > 0)).sum())} have no amount and count as nothing")
    if max(_shock_sizes(inputs).winning_level, _shock_sizes(inputs).closing_level) > _FEW_CLOSINGS_SD:
        said.append("deals: only a few have closed, so win rates lean on a prior and the intervals are wide")
    return tuple(said)


def _shock_sizes(inputs: PipelineInputs) -> bookings.ShockSizes:
    frame = inputs.newcomers if len(inputs.newcomers) else inputs.open_deals
    names = ("closing_month", "winning_month", "closing_level", "winning_level")
    return bookings.ShockSizes(*(float(frame[f"{name}_sd"].iloc[0]) if len(frame) else 0.0 for name in names))


def _open_hazards(inputs: PipelineInputs, weeks: int, scenario: Scenario) -> bookings.OpenHazards:
    deals = inputs.open_deals
    if scenario.lost_customers:
        deals = deals[~deals["contact_id"].isin(sorted(scenario.lost_customers))]
    won, lost = weekly(deals, weeks)
    return bookings.OpenHazards(
        ids=tuple(deals["deal_id"].astype(str)),
        won=won,
        lost=lost,
        expected_amount=deals["expected_amount"].to_numpy(np.float64),
        amount_log_sd=deals["amount_log_sd"].to_numpy(np.float64),
        win_multiplier=np.array([scenario.win_rate_of(channel) for channel in deals["channel"]], dtype=np.float64),
    )


def _new_hazards(inputs: PipelineInputs, weeks: int, scenario: Scenario) -> bookings.NewHazards:
    process, channels = inputs.process, inputs.process.channels
    by_channel = [inputs.newcomers[inputs.newcomers["channel"] == name].sort_values("week") for name in channels]
    pairs = [weekly(frame, weeks) for frame in by_channel]
    expected = _padded(process.expected, weeks)
    return bookings.NewHazards(
        expected=expected,
        dispersion=process.dispersion,
        level_factor=_padded(process.level_factor, weeks),
        won=np.stack([_padded(won.T, weeks).T for won, _ in pairs]),
        lost=np.stack([_padded(lost.T, weeks).T for _, lost in pairs]),
        amounts=process.amounts,
        amount_level_sd=process.amount_level_sd,
        own_amounts=process.own_amounts,
        count_multiplier=np.array([scenario.new_deals_of(name) for name in channels], dtype=np.float64),
        win_multiplier=np.array([scenario.win_rate_of(name) for name in channels], dtype=np.float64),
        spend_response=np.array([process.spend.response(name, scenario.spend_of(name)) for name in channels], dtype=np.float64),
        spend_effect=(process.spend.mean, process.spend.sd),
    )


def weekly(frame: pd.DataFrame, weeks: int) -> tuple[Floats, Floats]:
    """Give the hazards of won and lost, each [rows, weeks]; beyond the 52nd week its hazard stays."""
    both = [frame[[f"{cause}_{week:02d}" for week in range(1, WEEKS + 1)]].to_numpy(np.float64) for cause in ("won", "lost")]
    return _padded(both[0], weeks), _padded(both[1], weeks)


def _padded(values: Floats, weeks: int) -> Floats:
    kept = values[:, :weeks]
    return np.hstack([kept, np.repeat(kept[:, -1:], weeks - kept.shape[1], axis=1)])


def _slipped(flows: Flows, weeks: int, horizon_days: int) -> Flows:
    day = np.maximum(flows.day + np.int32(7 * weeks), 0)
    moved = Flows(flows.draws, flows.draw, day, flows.amount, flows.lineage, flows.ids)
    return moved.where(moved.day < horizon_days)


def dead_weight(inputs: PipelineInputs) -> frozenset[str]:
    """Name the open deals that are older than any that ever closed."""
    deals = inputs.open_deals
    return frozenset(deals.loc[deals["dead_weight"].astype(bool), "deal_id"].astype(str))


def _concentration(opened: Flows, new: Flows, bounds: npt.NDArray[np.int64]) -> dict[str, Json]:
    inside = opened.where((opened.day >= bounds[0]) & (opened.day < bounds[-1]))
    sums = np.bincount(inside.lineage, weights=inside.amount, minlength=len(inside.ids)) if inside.ids else np.zeros(0)
    largest = [int(place) for place in np.argsort(-sums, kind="stable")[:LARGEST]]
    rest = inside.where(~np.isin(inside.lineage, largest))
    total = new.by_period(bounds[[0, -1]])[:, 0]
    ids: list[Json] = [inside.ids[place] for place in largest]
    return {"largest": ids, "with": statistics(total + inside.totals()), "without": statistics(total + rest.totals())}


def _dead_weight(deals: pd.DataFrame) -> dict[str, Json]:
    dead = deals[deals["dead_weight"].astype(bool)].sort_values(["expected_amount", "deal_id"], ascending=[False, True])
    named: list[Json] = [str(deal) for deal in dead["deal_id"].head(NAMED)]
    return {"deals": len(dead), "of": len(deals), "amount": float(dead["expected_amount"].sum()), "largest": named}
