from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.forecast.past import past
from funnelcast.forecast.pipeline import PipelineInputs
from funnelcast.forecast.projection import Projection
from funnelcast.forecast.sales import sales_inputs
from funnelcast.simulate import Company
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf
from tests.unit.forecast.cash_case import company as cash_of

AS_OF = AsOf.parse("2026-01-07", "UTC")  # a Wednesday


def facts() -> Facts:
    bought = [("2025-12-08", 10.0, "web"), ("2025-12-30", 4.0, "store"), ("2026-01-05", 2.0, "web"), ("2026-01-08", 99.0, "web")]
    transactions = pd.DataFrame(bought, columns=["occurred_at", "amount", "channel"]).assign(contact_id="x")
    paid = pd.DataFrame(
        {"issued_at": "2025-11-01", "due_at": "2025-12-01", "paid_at": ["2025-12-09", "2026-01-06"], "amount": [100.0, 200.0]}
    )
    invoices = paid.assign(invoice_id=["a", "b"], contact_id="y")
    items = pd.DataFrame({"date": ["2025-12-15", "2026-01-20"], "amount": [-50.0, -60.0]})
    tables = {"transactions": transactions, "invoices": invoices, "cash_items": items}
    dates = ("occurred_at", "issued_at", "due_at", "paid_at", "date")
    return from_frames(
        Source("acme"), {name: table.assign(**{d: pd.to_datetime(table[d]) for d in dates if d in table}) for name, table in tables.items()}
    )


def projection(known: Facts, *, purchases_counted: bool = True) -> Projection:
    cash = replace(cash_of(), purchases_counted=purchases_counted)
    return Projection(AS_OF, sales_inputs(known, AS_OF, "week", 4), None, cash, {"pipeline": "no deals"}, seed=1)


def test_weeks_by_hand() -> None:
    known = facts()
    found: Any = past(known, projection(known))
    assert set(found) == {"sales", "cash"}
    weeks = found["sales"]["week"]
    # from the week of the first purchase on; the last is the part of its week before as_of
    assert [week["start"][:10] for week in weeks] == ["2025-12-08", "2025-12-15", "2025-12-22", "2025-12-29", "2026-01-05"]
    assert [week["amount"] for week in weeks] == [10.0, 0.0, 0.0, 4.0, 2.0]
    assert [week["parts"] for week in weeks][3:] == [{"store": 4.0, "web": 0.0}, {"store": 0.0, "web": 2.0}]
    assert [week["partial"] for week in weeks] == [False] * 4 + [True]
    assert weeks[-1]["end"] == AS_OF.isoformat()
    assert [week["amount"] for week in found["cash"]["week"]] == [110.0, -50.0, 0.0, 4.0, 202.0]
    assert found["cash"]["week"][-1]["parts"] == {"invoices": 200.0, "purchases": 2.0, "planned": 0.0}
    assert [month["amount"] for month in found["cash"]["month"]] == [64.0, 202.0]


def test_purchases_that_are_invoiced_come_in_once() -> None:
    known = facts()
    found: Any = past(known, projection(known, purchases_counted=False))
    assert [week["amount"] for week in found["cash"]["week"]] == [100.0, -50.0, 0.0, 0.0, 200.0]


def test_totals_that_end_early_end_with_their_table() -> None:
    months = pd.date_range("2025-01-01", "2025-10-01", freq="MS")
    known = from_frames(Source("acme"), {"sales": pd.DataFrame({"date": months, "amount": np.arange(10.0) + 1.0})})
    inputs = sales_inputs(known, AS_OF, "month", 2)
    found: Any = past(known, Projection(AS_OF, inputs, None, None, {}, seed=1))
    assert [month["amount"] for month in found["sales"]["month"]] == pytest.approx([float(number) for number in range(1, 11)], rel=1e-12)
    assert found["sales"]["week"][-1]["end"][:10] == "2025-10-27"


def test_months_and_weeks_of_a_company_hold_the_same(company: Company) -> None:
    known = company.facts()
    as_of = AsOf.parse("2025-12-01", "Europe/Paris")  # a Monday
    # only which parts are forecast is read
    some: Any = PipelineInputs.__new__(PipelineInputs)
    found: Any = past(known, Projection(as_of, sales_inputs(known, as_of, "week", 4), some, None, {}, seed=1))
    for quantity in ("sales", "pipeline"):
        spans = found[quantity]["week"][-48:], found[quantity]["month"][-11:]
        weeks, months = (sum(period["amount"] for period in span) for span in spans)
        assert weeks == pytest.approx(months, rel=0.1)  # 336 and 334 days
        assert all(sum(period["parts"].values()) == pytest.approx(period["amount"], rel=1e-9) for period in spans[0])
