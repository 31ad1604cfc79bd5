"""The economics of a company as one document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from funnelcast.economics.books import Rules, open_books
from funnelcast.economics.channels import channel, total
from funnelcast.economics.combinations import by_set, combinations
from funnelcast.economics.deal_stages import deal_stages
from funnelcast.economics.estimates import LEVEL, Bootstrap
from funnelcast.economics.gaps import findings, missing
from funnelcast.economics.interactions import interactions
from funnelcast.economics.people import people
from funnelcast.economics.periods import periods
from funnelcast.economics.reactivation import reactivation, silences
from funnelcast.economics.recent import recent
from funnelcast.economics.retention import buyers, retention
from funnelcast.economics.sales_process import by_type, journey_types, velocity
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json

_READ = frozenset({"contacts", "touchpoints", "transactions", "spend", "deals", "deal_events"})
_SEED = 20260305


def economics(
    facts: Facts,
    as_of: AsOf,
    credits: Mapping[str, Any] | None = None,  # noqa: A002 (the word of the field)
    clv: pd.DataFrame | None = None,
    rules: Rules | None = None,
    *,
    seed: int = _SEED,
) -> dict[str, Json]:
    """Give the economics of every channel, as of an instant.

    Parameters
    ----------
    credits
        An ``attribute`` document, for what is attributed.
    clv
        Columns ``contact_id`` and ``clv``, for CLV / CAC.
    rules
        What is counted: the look-back, when a customer counts as gone, the stated margin.
    seed
        Of the bootstrap over contacts from which every interval comes.

    Returns
    -------
    ``as_of, currency, level`` (of the intervals), ``spend_lag_days`` (0: spend is set against what was won in the same time; else against
    what was won so many days later, and ``spend_not_yet_counted`` is too young for that), ``margin`` (``basis`` and ``share``),
    ``missing`` (``{"figure", "needs"}``), ``findings``, and where E is ``{"value", "low", "high"}`` (null, never infinite):

    - ``total``: spend, leads, customers, ``cac_blended`` E, ``roas_blended`` E, ``contribution_margin`` E (of all purchases, less spend);
    - ``channels``: by channel its spend, leads (contacts that it brought), customers (of those leads), ``cpl`` E, ``conversion_rate`` E,
      ``cpl_weighted`` E (cost per lead over conversion rate), ``cac`` with ``direct`` (customers whose last touch it was), ``assisted``
      (customers who met it), ``attributed`` (its share of credit) E, ``roas`` and ``contribution_margin`` with ``direct`` and
      ``attributed`` E, ``clv_cac`` E with ``p_below_3``, and ``payback`` (months, paid_back, p_paid_back, curve, and the same by quarter
      under cohorts). What can't be said is null;
    - ``periods``: what ``periods`` gives;
    - ``recent``: what ``recent`` gives;
    - ``velocity``: open_deals, win_rate E, won_amount E, cycle_days E, per_day E;
    - ``journey_types``: type, journeys, conversions, conversion_rate E, days_to_convert E, value_per_journey E;
    - ``combinations``, ``retention``, ``reactivation``, ``interactions``, ``deal_stages``: what the functions of these names give.
    """
    known = _with_rows(cut(facts, as_of))
    draws = Bootstrap.of(seed)
    everyone = people(known)
    rules = rules or Rules()
    books = open_books(known, everyone, as_of, rules, credits, clv)
    return {
        "as_of": as_of.isoformat(),
        "currency": known.source.currency,
        "level": LEVEL,
        "spend_lag_days": known.source.spend_lag_days,
        "spend_not_yet_counted": books.not_yet,
        "margin": None if books.margin is None else books.margin.document(),
        "total": total(books, draws),
        "channels": [channel(books, name, draws) for name in books.names],
        "periods": periods(books, as_of, draws),
        "recent": recent(known, books, as_of, draws),
        "velocity": velocity(known, as_of, draws) if known.has("deals") else None,
        "journey_types": [] if books.journeys is None else journey_types(by_type(books.journeys), draws),
        "combinations": None if books.journeys is None else combinations(by_set(books.journeys), draws),
        **_customers(known, None if everyone is None else everyone.filter(everyone.matched), as_of, rules.churn_days, draws),
        "deal_stages": deal_stages(known, as_of, draws) if known.has("deals", "deal_events") else None,
        "missing": missing(known, books),
        "findings": [finding.document() for finding in findings(known, books, everyone)],
    }


def _with_rows(known: Facts) -> Facts:
    """Leave out tables without a row, which tell no more than tables that aren't there."""
    kept = {name: table for name, table in known.tables.items() if name in _READ and table.limit(1).count().execute()}
    return known.with_tables(kept, known.as_of)


def _customers(known: Facts, everyone: ir.Table | None, as_of: AsOf, churn_days: int, draws: Bootstrap) -> dict[str, Json]:
    """Tell what customers do after the first purchase, and how often anyone is touched."""
    bought = everyone is not None and known.has("transactions")
    touched = everyone is not None and known.has("touchpoints")
    return {
        "retention": retention(buyers(known, everyone, as_of, churn_days), churn_days, draws) if bought else None,
        "reactivation": reactivation(silences(known, everyone, as_of, churn_days), churn_days, draws) if bought else None,
        "interactions": interactions(known, everyone, as_of, draws) if touched else None,
    }
