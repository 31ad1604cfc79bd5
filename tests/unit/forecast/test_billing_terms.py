from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from funnelcast.errors import BadSourceFile
from funnelcast.forecast.billing_terms import BillingTerms, month_end, parse


def due(text: str, issued: date) -> date:
    number = np.array([np.datetime64(issued, "D").astype(np.int64)])
    found: date = parse(text).due(number).astype("datetime64[D]")[0].item()
    return found


@pytest.mark.parametrize(
    ("text", "issued", "expected"),
    [
        ("30 days", date(2026, 1, 15), date(2026, 2, 14)),
        ("net 30 days", date(2026, 1, 15), date(2026, 2, 14)),
        ("30 jours", date(2026, 1, 15), date(2026, 2, 14)),
        # 15 January + 45 days is 1 March, on to the end of March
        ("45 days end of month", date(2026, 1, 15), date(2026, 3, 31)),
        ("45 jours fin de mois", date(2026, 1, 15), date(2026, 3, 31)),
        # the end of January + 45 days is 17 March
        ("end of month 45 days", date(2026, 1, 15), date(2026, 3, 17)),
        ("fin de mois 45 jours", date(2026, 1, 15), date(2026, 3, 17)),
        ("fin de mois + 45 jours", date(2026, 1, 15), date(2026, 3, 17)),
        # 14 February, the end of February, then the 10th
        ("30 days end of month the 10th", date(2026, 1, 15), date(2026, 3, 10)),
        ("30 jours fin de mois le 10", date(2026, 1, 15), date(2026, 3, 10)),
        # there is no 31 April
        ("30 days end of month on the 31st", date(2026, 2, 5), date(2026, 4, 30)),
        ("end of month", date(2028, 2, 3), date(2028, 2, 29)),
        ("On  receipt", date(2026, 1, 15), date(2026, 1, 15)),
        ("à réception", date(2026, 1, 15), date(2026, 1, 15)),
    ],
)
def test_due_dates_by_hand(text: str, issued: date, expected: date) -> None:
    assert due(text, issued) == expected


@pytest.mark.parametrize("text", ["", "soon", "30", "days", "-5 days", "500 days", "30 days end of month the 40th", "30 days or so"])
def test_what_is_not_understood_is_named_with_what_would_be(text: str) -> None:
    with pytest.raises(BadSourceFile) as refused:
        parse(text, "acme.toml")
    message = str(refused.value)
    assert message.startswith("acme.toml: [billing] terms")
    assert repr(text) in message
    assert "45 days end of month" in message


def test_month_ends() -> None:
    days = np.array(["2026-01-01", "2026-01-31", "2028-02-28", "1969-12-31"], dtype="datetime64[D]").astype(np.int64)
    expected = np.array(["2026-01-31", "2026-01-31", "2028-02-29", "1969-12-31"], dtype="datetime64[D]").astype(np.int64)
    np.testing.assert_array_equal(month_end(days), expected)


def test_terms_are_plain_values() -> None:
    assert parse("30 days end of month the 10th") == BillingTerms(30, "after", 10)
    assert parse("fin de mois 45 jours") == BillingTerms(45, "before")
