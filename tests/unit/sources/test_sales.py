"""A sales total is known in the last instant of its period: a cut at the period's end has it, a moment earlier it hasn't."""

from __future__ import annotations

import pytest

from funnelcast.sources.as_of import cut
from funnelcast.sources.open import open_source
from funnelcast.terms import AsOf
from tests.unit.sources.company import Company, Rows

TOML = '[tables.sales]\npath = "s.csv"\n'


@pytest.mark.parametrize(
    ("dates", "country", "ends"),
    [
        ("2025-01-01 2025-01-02 2025-01-05", "FR", "2025-01-02 2025-01-03 2025-01-06"),
        ("2025-01-06 2025-01-13 2025-01-27", "FR", "2025-01-13 2025-01-20 2025-02-03"),
        ("2025-01-05 2025-01-12", "FR", "2025-01-06 2025-01-13"),
        ("2025-01-05 2025-01-12", "US", "2025-01-12 2025-01-19"),
        ("2025-01-01 2025-02-01 2025-12-01", "FR", "2025-02-01 2025-03-01 2026-01-01"),
        ("2025-01-31 2025-02-28", "FR", "2025-02-01 2025-03-01"),
        ("2025-01-15 2025-02-15", "FR", "2025-02-01 2025-03-01"),
        ("2025-01-01 2025-04-01", "FR", "2025-04-01 2025-07-01"),
        ("2024-01-01 2025-01-01", "FR", "2025-01-01 2026-01-01"),
        ("2025-03-04", "FR", "2025-03-05"),
    ],
)
def test_the_period_is_inferred_from_the_gaps(company: Company, rows: Rows, dates: str, country: str, ends: str) -> None:
    text = "date,amount\n" + "".join(f"{day},1\n" for day in dates.split())
    facts = open_source(company.source(TOML, {"s.csv": text}, country=country), threads=1)
    for number, end in enumerate(ends.split()):
        assert cut(facts, AsOf.parse(end, "Europe/Paris")).tables["sales"].count().execute() == number + 1
    known = [row["known_at"] for row in rows(facts, "sales", "known_at")]
    assert all(str(instant).endswith("23:59:59.999999") for instant in known)
    assert facts.observed_until is not None
    assert facts.observed_until.at.isoformat(sep=" ") == f"{max(ends.split())} 00:00:00"


def test_each_series_has_its_own_period_and_a_lone_date_that_of_the_others(company: Company, rows: Rows) -> None:
    text = "series,date,amount\nday,2025-01-01,1\nday,2025-01-02,1\nmonth,2025-01-01,1\nmonth,2025-02-01,1\nlone,2025-02-01,1\n"
    facts = open_source(company.source(TOML, {"s.csv": text}), threads=1)
    assert [str(row["known_at"])[:10] for row in rows(facts, "sales", "series", "known_at")] == [
        "2025-01-01",
        "2025-01-02",
        "2025-02-01",
        "2025-01-31",
        "2025-02-28",
    ]


def test_a_known_at_that_the_company_gives_stays(company: Company, rows: Rows) -> None:
    text = "date,amount,known_at\n2025-01-01,1,2025-02-15\n2025-02-01,1,\n"
    facts = open_source(company.source(TOML, {"s.csv": text}), threads=1)
    assert [row["known_at"] for row in rows(facts, "sales", "date", "known_at")] == ["2025-02-15 00:00:00", "2025-02-28 23:59:59.999999"]
