"""Who is in question as of T: a table of contact_id and as_of, from what was known before each as_of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast.sources.as_of import known_to
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

SECONDS_PER_DAY = 86_400

Asked: TypeAlias = "Sequence[AsOf] | ir.Table"
"""Whom a cohort is taken from: everyone at each of these dates, or these pairs of contact_id and as_of alone."""


def age_days(as_of: Any, instant: Any) -> Any:
    """Count which day before as_of an instant lies in: 0 for [as_of - 1 day, as_of), 1 for the day before, and so on.

    At midnight these are calendar days, so ``age < 30`` is the half-open window of the last 30 days; below 0 lies the future.
    """
    return elapsed_days(instant, as_of).ceil().cast("int64") - 1


def elapsed_days(first: Any, then: Any) -> Any:
    """Give the days from one instant to another, parts of days included."""
    return (then.epoch_seconds() - first.epoch_seconds()) / SECONDS_PER_DAY


def days_between(first: Any, then: Any) -> Any:
    """Give the whole days from one instant to a later one."""
    return elapsed_days(first, then).floor().cast("int64")


def day_of(instant: Any) -> Any:
    """Give the day of an instant, counted from 1970-01-01."""
    return (instant.epoch_seconds() / SECONDS_PER_DAY).floor().cast("int64")


def clocks(dates: Sequence[AsOf]) -> ir.Table:
    """Give the as-of dates as a table of one column."""
    stamps = pd.to_datetime([date.at for date in dates]).astype("datetime64[us]")
    return ibis.memtable(pd.DataFrame({"as_of": stamps}), schema={"as_of": "timestamp"})


def every_contact(facts: Facts, dates: Asked, table: str = "contacts") -> ir.Table:
    """Give everyone whom a table names, at every date; or those of the asked whom it names."""
    everyone = facts.table(table).select("contact_id").distinct()
    if isinstance(dates, ir.Table):
        return dates.select("contact_id", "as_of").distinct().semi_join(everyone, "contact_id")
    if len(dates) == 1:  # of a literal the engine knows how many rows there are, so that it joins the smaller side to the larger
        return everyone.mutate(as_of=ibis.literal(dates[0].at, type="timestamp"))
    return everyone.cross_join(clocks(dates))


def active_customers(facts: Facts, dates: Asked, within_days: int) -> ir.Table:
    """Give those who bought within so many days before as_of."""
    known = known_to(facts, "transactions", every_contact(facts, dates, "transactions"))
    recent = known.filter(known.amount >= 0, age_days(known.as_of, known.occurred_at) < within_days, known.occurred_at < known.as_of)
    return recent.select("contact_id", "as_of").distinct()


def subscribers(facts: Facts, dates: Asked) -> ir.Table:
    """Give those whose subscription runs at as_of, whether or not its end is announced."""
    known = known_to(facts, "subscriptions", every_contact(facts, dates, "subscriptions"))
    return known.filter(running(known)).select("contact_id", "as_of").distinct()


def running(subscriptions: ir.Table) -> Any:
    """Say of each subscription whether it runs at its row's as_of."""
    started = subscriptions.started_at < subscriptions.as_of
    return started & (subscriptions.ended_at.isnull() | (subscriptions.ended_at >= subscriptions.as_of))


def open_leads(facts: Facts, dates: Asked, within_days: int) -> ir.Table:
    """Give the contacts that are neither customer nor disqualified, and were created or touched within so many days before as_of.

    Where the company doesn't bring ``became_customer_at``, a contact becomes a customer with its first purchase.
    """
    everyone = every_contact(facts, dates)
    known = known_to(facts, "contacts", everyone)
    leads = known.filter(known.became_customer_at.isnull(), known.disqualified_at.isnull())
    fresh = leads.filter(leads.created_at.isnull() | (age_days(leads.as_of, leads.created_at) < within_days)).select("contact_id", "as_of")
    if facts.has("touchpoints"):
        touched = known_to(facts, "touchpoints", leads.select("contact_id", "as_of"))
        lately = touched.filter(age_days(touched.as_of, touched.occurred_at) < within_days).select("contact_id", "as_of")
        fresh = fresh.union(lately, distinct=True)
    if facts.has("transactions") and not facts.brings("contacts", "became_customer_at"):
        bought = known_to(facts, "transactions", fresh).select("contact_id", "as_of").distinct()
        fresh = fresh.anti_join(bought, ["contact_id", "as_of"])
    return fresh.distinct()


def new_customers(facts: Facts, dates: Asked, within_days: int) -> ir.Table:
    """Give those who became customers within so many days before as_of, and ``since`` when.

    Where the company doesn't bring ``became_customer_at``, a contact becomes a customer with its first purchase.
    """
    if facts.brings("contacts", "became_customer_at"):
        known = known_to(facts, "contacts", every_contact(facts, dates))
        became = known.select("contact_id", "as_of", since=known.became_customer_at)
    else:
        known = known_to(facts, "transactions", every_contact(facts, dates, "transactions"))
        bought = known.filter(known.amount >= 0)
        became = bought.group_by("contact_id", "as_of").aggregate(since=bought.occurred_at.min())
    age = age_days(became.as_of, became.since)
    return became.filter(age >= 0, age < within_days)
