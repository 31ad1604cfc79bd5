"""The person-period table, built in the engine: one row per deal, instant and lead, with what was known of the deal at that instant.

A row stands at ``as_of`` and looks at the week that starts ``lead_weeks`` later: a deal that is still open then is won, lost or stays open
in it. What was known stays as of ``as_of``; only the deal's age and the calendar move on. With a lead of 0 this is the table of
discrete-time competing risks; the longer leads teach what a stage seen today says of a week months ahead (landmarking: van Houwelingen
2007, Scandinavian Journal of Statistics 34(1)), which hazards of the current stage alone can't, as stages go on changing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast.sources.as_of import known_to
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import LOST, WON
from funnelcast.terms import AsOf

SECONDS_PER_DAY = 86_400.0
SECONDS_PER_WEEK = 7 * SECONDS_PER_DAY

NUMBERS = ("age_days", "stage_age_days", "pushes", "expected_close_days", "amount", "owner_win_rate", "backlog", "day")
CATEGORIES = ("stage", "channel")
COLUMNS = {**dict.fromkeys(CATEGORIES, "category"), **dict.fromkeys(NUMBERS, "number")}
"""What a model of this family reads of a deal.

``backlog`` is the number of open deals per owner at the start of as_of's week, of those opened within half a year: where sellers can close
only so many, each deal's hazard falls as they pile up. ``owner_win_rate`` compares the owner with the company as it was then, so that it
doesn't drift as the company's rate does: one half is the company's. ``day`` is as_of in days since 1970-01-01, from which the calendar
follows.
"""

OUTCOMES = ("won", "lost", "open")
UNKNOWN = "unknown"
"""The level of a category that the company doesn't bring."""

_OWNER_PRIOR_DEALS = 10.0
_EVEN = 0.5
_BACKLOG_DAYS = 182.0


def closings(facts: Facts) -> ir.Table:
    """Give each closed deal once: deal_id, closed_at (when the company knew it) and outcome; the first closing counts."""
    events = facts.table("deal_events")
    ended = events.filter(events.stage.isin([WON, LOST]))
    order = ibis.window(group_by=ended.deal_id, order_by=[ended.known_at, ended.occurred_at, ended.stage])
    ranked = ended.mutate(place=ibis.row_number().over(order))
    return ranked.filter(ranked.place == 0).select("deal_id", closed_at="known_at", outcome="stage")


def weekly_grid(as_of: AsOf, first: datetime) -> list[datetime]:
    """Give the instants whole weeks before as_of, back to the first one after ``first``, newest first."""
    count = max(int((as_of.at - first) / timedelta(weeks=1)), 0)
    return [as_of.at - timedelta(weeks=week) for week in range(1, count + 1)]


def open_at(facts: Facts, instants: Iterable[datetime]) -> ir.Table:
    """Give deal_id and as_of of every deal that was known and not yet known to be closed, at each instant."""
    grid = ibis.memtable(pd.DataFrame({"as_of": pd.Series(list(instants), dtype="datetime64[us]")}))
    return _open_at(facts, grid)


def entries(facts: Facts) -> ir.Table:
    """Give deal_id and as_of of every deal at the first instant at which it was known.

    The weekly grid misses deals that are opened and closed between two of its instants; new deals need their hazards too.
    """
    deals = facts.table("deals")
    # what is known at known_at itself counts as known an instant later; no closing falls in between, as risk_rows counts from there
    return deals.select("deal_id", as_of=deals.known_at + ibis.interval(seconds=1))


def describe(facts: Facts, cohort: ir.Table) -> ir.Table:
    """Give each (deal_id, as_of) of a cohort the columns that a model reads, as they were known then."""
    cohort = cohort.select("deal_id", "as_of").distinct()
    known = known_to(facts, "deals", cohort, key="deal_id")
    deals = known.select("deal_id", "as_of", "opened_at", "owner", "channel", opening_amount="amount")
    deals = deals.mutate(monday=deals.as_of.truncate("W"))
    # each part reads the cohort alone: what reads another part would repeat its whole query
    mondays = cohort.select(as_of=cohort.as_of.truncate("W")).distinct()
    history, closed = _history(facts, cohort), _closed_by_owner(facts, deals)
    joined = deals.left_join(history, ["deal_id", "as_of"]).drop("deal_id_right", "as_of_right")
    for by_week in (_backlog(facts, mondays), _company_win_rates(facts, mondays)):
        joined = joined.left_join(by_week, "monday").drop("monday_right")
    rated = joined.left_join(closed, [joined.owner == closed.owner, joined.as_of == closed.as_of])
    return rated.select(
        "deal_id",
        "as_of",
        stage=rated.stage.fill_null(UNKNOWN),
        channel=rated.channel.fill_null(UNKNOWN),
        age_days=_days_between(rated.opened_at, rated.as_of),
        stage_age_days=_days_between(ibis.coalesce(rated.stage_since, rated.opened_at), rated.as_of),
        pushes=rated.pushes.cast("float64").fill_null(0.0),
        expected_close_days=_days_between(rated.as_of, rated.expected_close_at),
        amount=ibis.coalesce(rated.latest_amount, rated.opening_amount),
        owner_win_rate=_against_company(rated),
        backlog=rated.backlog,
        day=rated.as_of.epoch_seconds() / SECONDS_PER_DAY,
    )


def risk_rows(facts: Facts, as_of: AsOf, leads: Sequence[int]) -> ir.Table:
    """Give the person-period table of what was known before as_of.

    Parameters
    ----------
    facts
        Cut at as_of: what lies beyond is censored, and a week that isn't over by then gives no row.
    leads
        Weeks from what was known to the week that is looked at; 0 among them.

    Returns
    -------
    deal_id, as_of, the columns, lead_weeks, outcome (won, lost, open), closed_amount of the won ones, entry (whether the row stands at the
    deal's opening).
    """
    first = facts.table("deals").known_at.min().execute()
    grid = weekly_grid(as_of, first.to_pydatetime()) if not pd.isna(first) else []
    known = entries(facts).mutate(entry=True).union(open_at(facts, grid).mutate(entry=False))
    described = describe(facts, known)
    rows = described.join(known, ["deal_id", "as_of"])
    ahead = ibis.memtable(pd.DataFrame({"lead_weeks": pd.Series(list(leads), dtype="int64")}))
    return _with_outcome(rows.cross_join(ahead), facts, as_of)


def thinned(rows: ir.Table, most: int) -> ir.Table:
    """Keep every row with an event and as many of the others as leaves about ``most``; ``weight`` makes up for those left out."""
    counts = rows.aggregate(events=(rows.outcome != "open").sum(), total=rows.count()).execute().iloc[0]
    quiet = int(counts["total"]) - int(counts["events"] or 0)
    room = max(most - int(counts["events"] or 0), 1)
    step = max(-(-quiet // room), 1)
    order = ibis.window(group_by=rows.outcome == "open", order_by=[rows.as_of, rows.deal_id, rows.lead_weeks])
    placed = rows.mutate(place=ibis.row_number().over(order))
    kept = placed.filter((placed.outcome != "open") | (placed.place % step == 0))
    weight = ibis.ifelse(kept.outcome == "open", float(step), 1.0)
    return kept.mutate(weight=weight).drop("place").order_by("as_of", "deal_id", "lead_weeks", "entry")


def _with_outcome(rows: ir.Table, facts: Facts, as_of: AsOf) -> ir.Table:
    ended = closings(facts)
    deals = facts.table("deals").select("deal_id", "closed_amount")
    joined = rows.left_join(ended, "deal_id").drop("deal_id_right").left_join(deals, "deal_id").drop("deal_id_right")
    starts = _seconds(joined.as_of) + joined.lead_weeks * SECONDS_PER_WEEK - joined.entry.cast("float64")
    closes = _seconds(joined.closed_at)
    ends = starts + SECONDS_PER_WEEK
    at_risk = joined.filter((closes.isnull() | (closes >= starts)) & (ends <= _epoch(as_of)))
    in_week = closes.notnull() & (closes < ends)
    return at_risk.select(
        *[column for column in rows.columns if column != "lead_weeks"],
        lead_weeks=at_risk.lead_weeks.cast("float64"),
        outcome=ibis.ifelse(in_week, at_risk.outcome, ibis.literal("open")),
        closed_amount=ibis.ifelse(in_week & (at_risk.outcome == WON), at_risk.closed_amount, ibis.null("float64")),
    )


def _open_at(facts: Facts, instants: ir.Table) -> ir.Table:
    pairs = facts.table("deals").select("deal_id").cross_join(instants)
    known = known_to(facts, "deals", pairs, key="deal_id").select("deal_id", "as_of")
    events = known_to(facts, "deal_events", pairs, key="deal_id")
    ended = events.filter(events.stage.isin([WON, LOST])).select("deal_id", "as_of").distinct()
    return known.anti_join(ended, ["deal_id", "as_of"])


def _backlog(facts: Facts, instants: ir.Table) -> ir.Table:
    deals = facts.table("deals").select("deal_id", "opened_at", "owner")
    pending = _open_at(facts, instants).inner_join(deals, "deal_id")
    recent = pending.filter(_days_between(pending.opened_at, pending.as_of) <= _BACKLOG_DAYS)
    owners = recent.owner.nunique()
    return recent.group_by(monday="as_of").aggregate(backlog=recent.count() / ibis.ifelse(owners > 0, owners, 1))


def _history(facts: Facts, cohort: ir.Table) -> ir.Table:
    known = known_to(facts, "deal_events", cohort, key="deal_id")
    moves = known.filter(~known.stage.isin([WON, LOST]))
    order = ibis.window(group_by=[moves.deal_id, moves.as_of], order_by=[moves.occurred_at, moves.known_at, moves.stage])
    placed = moves.mutate(
        place=ibis.row_number().over(order),
        entered=moves.stage.lag().over(order).isnull() | (moves.stage.lag().over(order) != moves.stage),
        pushed=(moves.expected_close_at > moves.expected_close_at.lag().over(order)).fill_null(False),  # noqa: FBT003,
    )
    return placed.group_by(["deal_id", "as_of"]).aggregate(
        stage=placed.stage.argmax(placed.place),
        stage_since=placed.occurred_at.max(where=placed.entered),
        pushes=placed.pushed.cast("int64").sum(),
        latest_amount=placed.amount.argmax(placed.place, where=placed.amount.notnull()),
        expected_close_at=placed.expected_close_at.argmax(placed.place, where=placed.expected_close_at.notnull()),
    )


def _company_win_rates(facts: Facts, instants: ir.Table) -> ir.Table:
    """Give the share of won among all deals known to be closed at each instant, shrunk to one half by two deals."""
    pairs = facts.table("deals").select("deal_id").cross_join(instants)
    seen = known_to(facts, "deal_events", pairs, key="deal_id")
    ended = seen.filter(seen.stage.isin([WON, LOST]))
    won = ended.deal_id.nunique(where=ended.stage == WON)
    return ended.group_by(monday="as_of").aggregate(company_win_rate=(won + 1.0) / (ended.deal_id.nunique() + 2.0))


def _closed_by_owner(facts: Facts, deals: ir.Table) -> ir.Table:
    """Count the deals that each owner had won, and all that had closed, by then."""
    owners = facts.table("deals").select("deal_id", "owner")
    owned = facts.table("deal_events").inner_join(owners, "deal_id")
    clocks = deals.filter(deals.owner.notnull()).select("owner", "as_of").distinct()
    seen = known_to(facts.with_tables({"deal_events": owned}, facts.as_of), "deal_events", clocks, key="owner")
    ended = seen.filter(seen.stage.isin([WON, LOST]))
    won = (ended.stage == WON).cast("float64").sum()
    return ended.group_by(["owner", "as_of"]).aggregate(owner_won=won, owner_closed=ended.count())


def _against_company(deals: ir.Table) -> ir.Value:
    """Give the owner's odds of winning over the company's as a rate; ten deals of the company's rate are added to the owner's."""
    company = deals.company_win_rate.fill_null(_EVEN)
    won = deals.owner_won + _OWNER_PRIOR_DEALS * company
    lost = deals.owner_closed - deals.owner_won + _OWNER_PRIOR_DEALS * (1.0 - company)
    return won * (1.0 - company) / (won * (1.0 - company) + lost * company)


def _seconds(instant: Any) -> Any:
    return instant.epoch_seconds().cast("float64")


def _days_between(earlier: Any, later: Any) -> Any:
    return (_seconds(later) - _seconds(earlier)) / SECONDS_PER_DAY


def _epoch(as_of: AsOf) -> float:
    return (as_of.at - datetime(1970, 1, 1)) / timedelta(seconds=1)  # noqa: DTZ001 (wall-clock time, as the tables hold it)
