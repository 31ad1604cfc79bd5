"""A sales total is known in the last instant of its period: a cut at the period's end has it, a moment earlier it hasn't."""

from __future__ import annotations

import pandas as pd

from funnelcast.sources.as_of import cut
from funnelcast.sources.open import open_source
from funnelcast.terms import AsOf
from tests.unit.sources.company import Company, Rows

MOMENT = pd.Timedelta(microseconds=1)
TOML = '[tables.sales]\npath = "s.csv"\n'


ENDS = {
    "day": ("2025-01-01 2025-01-02 2025-01-05", "2025-01-02 2025-01-03 2025-01-06"),
    "week from Monday": ("2025-01-06 2025-01-13 2025-01-27", "2025-01-13 2025-01-20 2025-02-03"),
    "week to Sunday": ("2025-01-05 2025-01-12", "2025-01-06 2025-01-13"),
    "month": ("2025-01-01 2025-02-01 2025-12-01", "2025-02-01 2025-03-01 2026-01-01"),
    "month ends": ("2025-01-31 2025-02-28", "2025-02-01 2025-03-01"),
    "middle of the month": ("2025-01-15 2025-02-15", "2025-02-01 2025-03-01"),
    "quarter": ("2025-01-01 2025-04-01", "2025-04-01 2025-07-01"),
    "year": ("2024-01-01 2025-01-01", "2025-01-01 2026-01-01"),
}


def check_ends(company: Company, ends: dict[str, tuple[str, str]], country: str) -> None:
    text = "series,date,amount\n" + "".join(f"{series},{day},1\n" for series, (days, _) in ends.items() for day in days.split())
    facts = open_source(company.source(TOML, {"s.csv": text}, country=country), threads=1)
    known = facts.tables["sales"].select("series", "date", "known_at").execute().sort_values(["series", "date"])
    last_instants = {series: [f"{instant + MOMENT}" for instant in group["known_at"]] for series, group in known.groupby("series")}
    assert last_instants == {series: [f"{end} 00:00:00" for end in given.split()] for series, (_, given) in ends.items()}
    assert facts.observed_until is not None
    assert facts.observed_until.at.isoformat()[:10] == max(end for _, given in ends.values() for end in given.split())


def test_the_period_is_inferred_from_the_gaps(company: Company) -> None:
    check_ends(company, ENDS, "FR")


def test_a_week_begins_on_sunday_in_the_us(company: Company) -> None:
    check_ends(company, {"week from Sunday": ("2025-01-05 2025-01-12", "2025-01-12 2025-01-19")}, "US")


def test_a_lone_date_is_a_day(company: Company) -> None:
    check_ends(company, {"lone": ("2025-03-04", "2025-03-05")}, "FR")


def test_a_cut_at_the_end_of_a_period_has_its_total_and_a_moment_earlier_it_has_not(company: Company) -> None:
    facts = open_source(company.source(TOML, {"s.csv": "date,amount\n2025-01-01,1\n2025-02-01,1\n"}), threads=1)
    end = AsOf.parse("2025-02-01", "Europe/Paris")
    counts = [cut(facts, instant).tables["sales"].count().execute() for instant in (end, end.plus(-1e-9))]
    assert counts == [1, 0]


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
