"""How deals pass through the stages of selling: who goes forward, who is lost, who is still there, and how long it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from funnelcast.cohorts import days_between
from funnelcast.economics.estimates import CLUSTERS, LEVEL, Bootstrap, Floats, cluster_of, estimate
from funnelcast.economics.followed import instant, laid_out
from funnelcast.economics.people import frame_of
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import LOST, WON
from funnelcast.terms import AsOf, Json

FORWARD, STILL = "forward", "still"
ENOUGH = 20  # deals without which a channel's stage isn't told apart
_HALF = 0.5


def stays(known: Facts, as_of: AsOf) -> pd.DataFrame:
    """Count the stays of deals in open stages, from their first entry to what ended them.

    A deal goes forward when it enters a later stage, won included, for the first time, also by skipping some; going back ends no stay.
    Stages stand in the order in which deals enter them.

    Returns
    -------
    Columns ``stage, place`` (mean number of stages that its deals had entered before), ``channel`` (of the deal; null where it carries
    none), ``cluster, days`` (whole ones), ``ended`` (``FORWARD``, ``LOST`` or ``STILL``), ``deals``.
    """
    entries = _entries(known, as_of)
    places = entries.group_by("stage").aggregate(place=entries.earlier.mean().round(6))
    placed = entries.join(places, "stage")
    placed = placed.mutate(rank=ibis.ifelse(placed.stage == WON, float("inf"), placed.place))
    open_stages = placed.filter(~placed.stage.isin([WON, LOST]))
    later = placed.select("deal_id", then_at="entered_at", then="stage", then_rank="rank")
    pairs = open_stages.left_join(later, "deal_id")
    after = pairs.then_at >= pairs.entered_at
    goes_on = after & (pairs.then_rank > pairs["rank"]) & (pairs.then != LOST)
    ends = pairs.group_by(["deal_id", "stage", "place", "entered_at"]).aggregate(
        forward_at=pairs.then_at.min(where=goes_on), lost_at=pairs.then_at.min(where=after & (pairs.then == LOST))
    )
    return _counted(known, ends, as_of)


def _entries(known: Facts, as_of: AsOf) -> ir.Table:
    """Give each deal's first entry of each stage, and how many other stages it had entered ``earlier``."""
    events = known.table("deal_events")
    happened = events.filter(events.occurred_at < instant(as_of))
    first = happened.group_by(["deal_id", "stage"]).aggregate(entered_at=happened.occurred_at.min())
    earlier = ibis.rank().over(ibis.window(group_by="deal_id", order_by="entered_at"))
    return first.mutate(earlier=earlier)


def _counted(known: Facts, ends: ir.Table, as_of: AsOf) -> pd.DataFrame:
    deals = known.table("deals").select("deal_id", "channel")
    numbered = deals.mutate(cluster=cluster_of("deal_id"))
    joined = ends.join(numbered, "deal_id")
    lost = joined.lost_at.notnull() & (joined.forward_at.isnull() | (joined.lost_at < joined.forward_at))
    until = ibis.coalesce(ibis.least(joined.forward_at, joined.lost_at), joined.forward_at, joined.lost_at, instant(as_of))
    days = days_between(joined.entered_at, until)
    ended = ibis.cases((lost, LOST), (joined.forward_at.notnull(), FORWARD), else_=STILL)
    keyed = joined.mutate(days=days, ended=ended)
    keys = ["stage", "place", "channel", "cluster", "days", "ended"]
    return frame_of(keyed.group_by(keys).aggregate(deals=keyed.count()).order_by(keys))


def deal_stages(known: Facts, as_of: AsOf, draws: Bootstrap) -> dict[str, Json]:
    """Tell what becomes of deals in each stage.

    Deals that are still in a stage are censored, not lost: the probability of ever going forward is the cumulative incidence under
    competing risks, F(t) = sum over s <= t of S(s-) d_forward(s) / n(s) (Aalen and Johansen 1978), up to the longest stay that was seen.

    Returns
    -------
    ``stages`` in order: ``stage, entered, forward, lost, still`` (deals), ``ever_forward`` E, ``ever_lost`` E (what is left of one is
    undecided even then), ``naive_forward`` (forward / entered, which counts who is still there as not going forward) and
    ``median_days`` E in the stage (null: under half have left it); and ``channels``: the same by ``channel`` of the deal, where it has
    enough deals.
    """
    frame = stays(known, as_of)
    channels: list[str] = sorted(frame["channel"].dropna().unique().tolist())
    mine = ((channel, frame[frame["channel"] == channel]) for channel in channels)
    told: list[Json] = [{"channel": name, **row} for name, part in mine for row in _stages(part, draws) if _entered(row) >= ENOUGH]
    return {"stages": list(_stages(frame, draws)), "channels": told}


def _entered(row: dict[str, Json]) -> float:
    return float(row["entered"]) if isinstance(row["entered"], float) else 0.0


def _stages(frame: pd.DataFrame, draws: Bootstrap) -> Iterator[dict[str, Json]]:
    order = frame[["place", "stage"]].drop_duplicates().sort_values(["place", "stage"])["stage"]
    for stage in order:
        stay = Stays.of(frame[frame["stage"] == stage])
        forward, lost, still = (float(count.sum()) for count in (stay.forward, stay.lost, stay.still))
        whole, drawn = incidence(stay, np.ones((1, CLUSTERS))), incidence(stay, draws.weights)
        yield {
            "stage": str(stage),
            "entered": forward + lost + still,
            "forward": forward,
            "lost": lost,
            "still": still,
            "ever_forward": _probability(stay.forward, whole.forward, drawn.forward, draws),
            "ever_lost": _probability(stay.lost, whole.lost, drawn.lost, draws),
            "naive_forward": forward / (forward + lost + still),
            "median_days": _median(float(median_days(whole.staying)[0]), median_days(drawn.staying)),
        }


def _probability(events: Floats, whole: Floats, drawn: Floats, draws: Bootstrap) -> dict[str, Json]:
    """Give a probability; where no such end was seen, the interval says what is possible."""
    deals = max(float(np.max(draws.sums(events.sum(axis=0)))), 1.0)
    unseen = np.minimum(draws.unseen / deals, 1.0) if events.sum() == 0 else drawn
    return estimate(float(whole[0]), unseen)


@dataclass(frozen=True)
class Stays:
    """Deals by the day on which their stay ended, and how, each of shape (days, clusters)."""

    forward: Floats
    lost: Floats
    still: Floats

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Stays:
        """Lay out the counts of one stage."""
        days = int(frame["days"].max()) + 1
        ends = (frame[frame["ended"] == ended] for ended in (FORWARD, LOST, STILL))
        return cls(*(laid_out(end["days"], end, "deals", days) for end in ends))


@dataclass(frozen=True)
class Incidence:
    """The probability of having gone forward, or been lost, by the longest stay seen, shape (replicates,); ``staying`` by day."""

    forward: Floats
    lost: Floats
    staying: Floats


def incidence(stay: Stays, weights: Floats) -> Incidence:
    """Estimate the competing risks of a stage by Aalen and Johansen, in every replicate.

    Parameters
    ----------
    weights
        How often each cluster counts, shape (replicates, clusters).
    """
    forward, lost, still = (weights @ part.T for part in (stay.forward, stay.lost, stay.still))
    left = forward + lost + still
    at_risk = np.flip(np.cumsum(np.flip(left, axis=1), axis=1), axis=1)
    safe = np.maximum(at_risk, 1.0)
    staying = np.cumprod(1 - (forward + lost) / safe, axis=1, dtype=np.float64)
    before = np.hstack([np.ones((len(weights), 1)), staying[:, :-1]])
    ever = [np.asarray((before * part / safe).sum(axis=1), dtype=np.float64) for part in (forward, lost)]
    return Incidence(ever[0], ever[1], np.asarray(staying, dtype=np.float64))


def _median(value: float, drawn: Floats) -> dict[str, Json]:
    """Give a median with its interval; null where under half have left."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf")
    bounds = {"value": value, "low": min(float(low), value), "high": max(float(high), value)}
    return {name: bound if np.isfinite(bound) else None for name, bound in bounds.items()}


def median_days(staying: Floats) -> Floats:
    """Give the first day by whose end half have left, shape (replicates,); infinite where they haven't."""
    left = staying <= _HALF
    return np.where(left.any(axis=1), left.argmax(axis=1).astype(np.float64), np.inf)
