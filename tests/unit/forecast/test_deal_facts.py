from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.forecast.billing_terms import parse
from funnelcast.forecast.deal_facts import DealFacts
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf
from tests.unit.forecast.cash_case import company, deal_facts, templates

NOW = AsOf.parse("2025-06-01", "UTC")
TODAY = int(np.datetime64("2025-06-01", "D").astype(np.int64))


def facts(deals: list[tuple[Any, ...]], invoices: list[tuple[Any, ...]]) -> Facts:
    """Deals: id, closed, outcome, amount. Invoices: deal, issued, due, gross amount."""
    closed = pd.DataFrame(deals, columns=["deal_id", "closed_at", "outcome", "closed_amount"])
    issued = pd.DataFrame(invoices, columns=["deal_id", "issued_at", "due_at", "amount"])
    dated = issued.assign(**{name: pd.to_datetime(issued[name]) for name in ("issued_at", "due_at")})
    return from_frames(
        Source("t", vat_rate=0.2),
        {
            "deals": closed.assign(opened_at=pd.Timestamp("2024-01-01"), closed_at=pd.to_datetime(closed["closed_at"])),
            "invoices": dated.assign(invoice_id=[f"i{row}" for row in range(len(issued))], contact_id="c"),
        },
    )


def read(whole: Facts, terms: str = "30 days") -> DealFacts:
    return DealFacts.of(cut(whole, NOW), TODAY, 0.2, parse(terms))


def test_plans_waiting_and_invoiced_by_hand() -> None:
    whole = facts(
        [
            ("old", "2024-09-01", "Won", 1000.0),
            ("lately", "2025-05-02", "won", 500.0),
            ("done", "2025-05-20", "won", 100.0),
            ("lost", "2025-05-21", "lost", 900.0),
            ("later", "2025-06-02", "won", 800.0),
        ],
        [
            ("old", "2024-09-11", "2024-10-11", 360.0),
            ("old", "2024-10-31", "2024-11-30", 840.0),
            ("lately", "2025-05-05", "2025-06-04", 180.0),
            ("done", "2025-05-18", "2025-06-17", 120.0),
            ("later", "2025-06-03", "2025-07-03", 960.0),
        ],
    )
    found = read(whole)
    assert dict(found.already_net) == pytest.approx({"old": 1000.0, "lately": 150.0, "done": 100.0})
    assert found.waiting.to_dict("list") == {"deal_id": ["lately"], "day": [-30], "amount": [500.0]}
    # few are finished, so those under way say something too; an invoice before winning counts as of that day
    assert found.plans.amount.tolist() == [100.0, 500.0, 1000.0]
    assert found.plans.lag.tolist() == [0, 3, 10, 60]
    np.testing.assert_allclose(found.plans.share, [1.0, 1.0, 0.3, 0.7])
    assert found.by_terms
    assert not read(whole, "45 days end of month").by_terms


def test_where_enough_deals_are_finished_those_under_way_do_not_count() -> None:
    # what is invoiced early is all that is seen of a deal under way
    old = [(f"o{place}", "2024-10-01", "won", 100.0 + place) for place in range(12)]
    fresh = [(f"f{place}", "2025-05-20", "won", 100.0 + place) for place in range(12)]
    invoices = [(deal, day, "2025-12-31", 60.0) for deal, *_ in old for day in ("2024-10-02", "2024-12-10")]
    invoices += [(deal, "2025-05-21", "2025-12-31", 60.0) for deal, *_ in fresh]
    found = read(facts(old + fresh, invoices))
    assert len(found.plans.amount) == 12
    assert sorted(set(found.plans.lag.tolist())) == [1, 70]
    assert len(found.waiting) == 12


def test_a_deal_won_long_ago_is_not_waited_for() -> None:
    old = [("old", "2025-03-20", "won", 100.0), ("new", "2025-05-20", "won", 100.0)]
    assert read(facts(old, [("new", "2025-05-21", "2025-06-21", 60.0)])).waiting["deal_id"].tolist() == ["new"]


def test_terms_are_those_of_past_invoices_where_they_differ_from_the_stated_ones() -> None:
    many = templates([60] * 30, [100.0] * 30, of_deal=1)
    stated = company(templates=many, terms="45 days")
    held = stated.billing()
    # paid 60 days after issue on 30 days' terms: 30 days late
    assert (held.terms.days, set(held.lateness.at(np.array([0.2, 0.9])).tolist())) == (45, {30})
    differ = company(templates=many, terms="45 days", deals=DealFacts(**vars(deal_facts()) | {"by_terms": False})).billing()
    assert (differ.terms.days, set(differ.lateness.at(np.array([0.2, 0.9])).tolist())) == (0, {60})
