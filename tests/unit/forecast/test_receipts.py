from __future__ import annotations

import pandas as pd

from funnelcast.forecast.periods import calendar
from funnelcast.forecast.receipts import received, when_due
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf

AS_OF = AsOf.parse("2026-01-07", "UTC")  # a Wednesday
PERIODS = calendar(AS_OF, "week", 2)  # up to the 12th, the 19th and the 26th


def facts() -> Facts:
    rows = [
        ("a", "2025-12-01", "2025-12-31", "2026-01-07", 1.0),  # overdue, paid in the first period
        ("b", "2025-12-10", "2026-01-11", "2026-01-12", 2.0),  # due in the first, paid in the second
        ("c", "2025-12-20", "2026-01-19", "2026-01-25 23:00", 4.0),  # due and paid in the third
        ("d", "2025-12-20", "2026-02-19", "2026-01-26", 8.0),  # both outside
        ("e", "2025-12-20", "2026-01-19", "2026-01-06", 16.0),  # paid before as_of
        ("f", "2026-01-08", "2026-01-12", "2026-01-13", 32.0),  # issued after as_of, received all the same
        ("g", "2025-12-20", "2026-01-12", None, 64.0),  # never paid
    ]
    frame = pd.DataFrame(rows, columns=["invoice_id", "issued_at", "due_at", "paid_at", "amount"]).assign(contact_id="x")
    dates = {name: pd.to_datetime(frame[name], format="ISO8601") for name in ("issued_at", "due_at", "paid_at")}
    return from_frames(Source("acme"), {"invoices": frame.assign(**dates)})


def test_receipts_by_hand() -> None:
    assert received(facts(), PERIODS).tolist() == [1.0, 34.0, 4.0]


def test_what_was_known_then_holds_no_later_receipt() -> None:
    assert received(cut(facts(), AS_OF.plus(6)), PERIODS).tolist() == [1.0, 2.0, 0.0]


def test_paid_when_due_by_hand() -> None:
    assert when_due(facts(), AS_OF, PERIODS).tolist() == [3.0, 64.0, 4.0]
