"""The smallest companies: each is answered with wide intervals and says what is missing; nothing is divided by zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from funnelcast.families.payment_delay import FAMILY
from funnelcast.forecast.cash_facts import cash_inputs
from funnelcast.forecast.projection import Ask, Projection
from funnelcast.settings import CHECKOUT, Settings
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.spec import read
from funnelcast.terms import AsOf
from training.forecast import Gatherer

NOW = AsOf.parse("2026-01-05", "UTC")
OPEN, PAID = ("2025-12-20", "2026-01-19", None), ("2025-12-01", "2025-12-31", "2026-01-02")


def facts(*invoices: tuple[tuple[str, str, str | None], float], deals: int = 0) -> Facts:
    """Invoices: dates of issue, due and payment, and amount; and so many open deals."""
    rows = [(f"i{place}", "c", *dates, amount) for place, (dates, amount) in enumerate(invoices)]
    frame = pd.DataFrame(rows, columns=["invoice_id", "contact_id", "issued_at", "due_at", "paid_at", "amount"])
    typed = frame.assign(**{name: pd.to_datetime(frame[name]) for name in ("issued_at", "due_at", "paid_at")}).astype({"amount": float})
    tables = {"invoices": typed}
    if deals:
        opened = pd.Timestamp("2025-11-01")
        tables["deals"] = pd.DataFrame({"deal_id": [f"d{place}" for place in range(deals)], "opened_at": opened, "amount": 900.0})
    return from_frames(Source("t", opening_balance=50.0, floor=10.0), tables)


def cash(whole: Facts) -> dict[str, Any]:
    settings = Settings.read()
    spec = read(CHECKOUT / "models", "payment_delay")
    rows = FAMILY.rows_at(whole, spec, NOW)
    models = {"payment_delay": FAMILY.fit(rows, spec)} if len(rows) else {}
    projection: Projection = Gatherer(settings, whole, NOW, models, lambda _: None).project(frozenset({"cash"}))
    document: dict[str, Any] = projection.document(Ask("cash", count=13))
    assert np.isfinite([document["total"][name] for name in ("mean", "p05", "p50", "p95")]).all()
    return document


def test_one_unpaid_invoice_without_a_history() -> None:
    document = cash(facts((OPEN, 100.0)))
    weeks = document["periods"]
    # it may come any week, and perhaps never; and how many others will be issued isn't known at all
    receivable = [week["parts"]["receivables"] for week in weeks]
    assert sum(part > 1.0 for part in receivable) >= 8
    assert 50.0 < sum(receivable) < 98.0
    assert document["total"]["p05"] == 0.0
    assert document["total"]["p95"] > 200.0
    assert any(text.startswith("receivables: 0 invoices were paid so far") for text in document["missing"])


def test_no_invoice_at_all_in_the_table() -> None:
    document = cash(facts(deals=3))
    assert any(text.startswith("receivables: no invoice was issued before as_of") for text in document["missing"])
    assert document["total"]["mean"] == 0.0


def test_an_invoice_issued_later_is_not_known() -> None:
    later = ("2026-02-01", "2026-03-01", None)
    assert cash(facts((later, 100.0)))["total"]["mean"] == 0.0


def test_a_single_amount_of_zero() -> None:
    document = cash(facts((OPEN, 0.0)))
    assert [document["total"][name] for name in ("mean", "p05", "p95")] == [0.0, 0.0, 0.0]
    assert document["shortfall"]["probability"] == 0.0


def test_a_credit_note_goes_out() -> None:
    document = cash(facts((OPEN, -60.0)))
    assert document["total"]["mean"] < 0.0
    # 60 out of a balance of 50: short as soon as it is taken
    assert 0.3 < document["shortfall"]["probability"] <= 1.0


def test_a_credit_note_that_cancels_an_invoice() -> None:
    document = cash(facts((OPEN, -60.0), (OPEN, 60.0)))
    assert abs(document["total"]["mean"]) < 30.0
    assert document["total"]["p05"] < 0.0 < document["total"]["p95"]


def test_one_paid_invoice() -> None:
    document = cash(facts((PAID, 100.0)))
    assert document["total"]["p95"] > document["total"]["p50"]
    assert any(text.startswith("receivables: 1 invoices were paid so far") for text in document["missing"])


def test_purchases_that_are_invoiced_are_not_counted_twice() -> None:
    plain = facts((OPEN, 100.0), (PAID, 70.0))
    bought = {"amount": [100.0, 70.0], "contact_id": "c", "channel": "web"}
    told = []
    for first in ("2025-12-20", "2025-12-21"):
        purchases = pd.DataFrame({**bought, "occurred_at": pd.to_datetime([f"{first} 10:00", "2025-12-01 09:00"])})
        both = from_frames(plain.source, {"invoices": plain.table("invoices").execute(), "transactions": purchases})
        inputs = cash_inputs(both, NOW, None, None)
        told.append((inputs.purchases_counted, any(text.startswith("repeat_purchases") for text in inputs.missing)))
    # both bill a purchase of that day; one of two isn't most
    assert told == [(False, True), (True, False)]


def test_an_invoice_years_overdue_is_written_off() -> None:
    assert cash(facts((("2020-12-20", "2021-01-19", None), 100.0)))["total"]["mean"] == 0.0
