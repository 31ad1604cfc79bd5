"""Cohorts, labels, features, journeys and customers' histories are the same from either engine."""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir
import pandas as pd
import pytest

from funnelcast import cohorts, features, journeys, labels
from funnelcast.families.clv.summary import summarise
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf
from tests.spark.conftest import Both
from tests.spark.same import assert_same

KEYS = ("contact_id", "as_of")
Answer = Callable[[Facts], "ir.Table | pd.DataFrame"]


def end(facts: Facts) -> AsOf:
    assert facts.observed_until
    return facts.observed_until


def grid(facts: Facts) -> list[AsOf]:
    return [end(facts).plus(-days) for days in (400, 200, 100)]


def settled(facts: Facts) -> journeys.Settled:
    return journeys.settle(facts, end(facts), journeys.JourneyRules())


def paths(facts: Facts) -> pd.DataFrame:
    found: pd.DataFrame = journeys.paths(settled(facts), end(facts).plus(-90)).execute()
    return found.assign(path=found["path"].map(lambda path: tuple(map(int, path))))


def ended(facts: Facts) -> pd.DataFrame:
    found: pd.DataFrame = settled(facts).journeys.drop("touches").execute()
    return found.assign(path=found["path"].map(tuple))


ANSWERS: dict[str, tuple[Answer, tuple[str, ...]]] = {
    "active customers": (lambda facts: cohorts.active_customers(facts, grid(facts), 365), KEYS),
    "open leads": (lambda facts: cohorts.open_leads(facts, grid(facts), 180), KEYS),
    "subscribers": (lambda facts: cohorts.subscribers(facts, grid(facts)), KEYS),
    "new customers": (lambda facts: cohorts.new_customers(facts, grid(facts), 365), KEYS),
    "next channels": (
        lambda facts: labels.next_channels(facts, labels.matured(cohorts.active_customers(facts, grid(facts), 365), 120, end(facts)), 120),
        KEYS,
    ),
    "subscriptions ended": (lambda facts: labels.subscription_ended(facts, cohorts.subscribers(facts, grid(facts)), 90), KEYS),
    "conversions": (lambda facts: labels.conversion(facts, cohorts.open_leads(facts, grid(facts), 180), 90), KEYS),
    "features at one date": (
        lambda facts: features.build(cut(facts, end(facts)), cohorts.every_contact(cut(facts, end(facts)), [end(facts)])),
        KEYS,
    ),
    "features over a grid": (lambda facts: features.build(facts, cohorts.active_customers(facts, grid(facts), 365)), KEYS),
    "frequency, recency and money": (lambda facts: summarise(facts, end(facts)), KEYS),
    "the same of a cohort": (lambda facts: summarise(facts, end(facts), cohorts.every_contact(facts, grid(facts))), KEYS),
    "journeys": (ended, ("contact_id", "started_at", "last_touch_at", "settled_at")),
    "paths": (paths, ("path", "cluster", "customer", "newest")),
    "decayed credit": (lambda facts: journeys.decayed(settled(facts)), ("cluster", "channel")),
    "conversions without a touch": (lambda facts: journeys.untouched(settled(facts)), ()),
    "open journeys": (
        lambda facts: journeys.open_journeys(facts, journeys.JourneyRules(), cohorts.every_contact(facts, [end(facts)])),
        KEYS,
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_the_same(both: Both, name: str) -> None:
    answer, keys = ANSWERS[name]
    duckdb, spark = (found if isinstance(found, pd.DataFrame) else found.execute() for found in (answer(both.duckdb), answer(both.spark)))
    assert_same(duckdb, spark, *keys)


def test_the_flow_and_what_is_bought_unasked_are_the_same(both: Both) -> None:
    one, other = settled(both.duckdb), settled(both.spark)
    assert journeys.flow(other) == journeys.flow(one)
    mine, theirs = journeys.organic(one), journeys.organic(other)
    assert mine is not None
    assert theirs is not None
    assert (theirs.leads, theirs.customers, theirs.everyone) == pytest.approx((mine.leads, mine.customers, mine.everyone), rel=1e-9)
