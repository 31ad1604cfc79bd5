"""[alerts] of source.toml, and the amounts that the data report gives of the rows it warns of."""

from __future__ import annotations

from pathlib import Path

import pytest

from funnelcast.errors import BadSourceFile
from funnelcast.sources.check import report
from funnelcast.sources.source_file import read
from tests.unit.sources.company import Company

TABLES = """
[tables.contacts]
path = "contacts.csv"
[tables.transactions]
path = "transactions.csv"
[tables.touchpoints]
path = "touchpoints.csv"
[tables.deals]
path = "deals.csv"
[tables.invoices]
path = "invoices.csv"
"""
FILES = {
    "contacts.csv": "contact_id\nC1\n",
    "transactions.csv": (
        "contact_id,occurred_at,amount\nC1,2025-01-01,5\nstranger,2025-01-02,6\nstranger,2025-01-03,7.5\nC1,2199-01-01,90\n"
    ),
    "touchpoints.csv": "contact_id,occurred_at,channel\nstranger,2025-01-02,web\n",
    "deals.csv": "deal_id,contact_id,opened_at,amount,outcome\nd1,C1,2025-01-01,1000,won\n",
    "invoices.csv": (
        "invoice_id,contact_id,issued_at,due_at,amount,deal_id,paid_at\n"
        "i1,C1,2025-01-01,2025-02-01,300,d9,\ni2,C1,2025-03-01,2025-04-01,40,d1,2025-02-01\n"
    ),
}


def given(folder: Path, section: str) -> float:
    path = folder / "source.toml"
    path.write_text(f'[source]\nname = "a"\n[tables.spend]\npath = "x.csv"\n{section}', encoding="utf-8")
    return read(path).source.false_alarms_per_month


def test_the_budget_is_one_a_month_where_nothing_else_is_said(tmp_path: Path) -> None:
    assert given(tmp_path, "") == 1.0
    assert given(tmp_path, "[alerts]\nper_month = 0.25\n") == 0.25


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("[alerts]\nper_month = 0\n", ("[alerts] per_month", "got 0")),
        ("[alerts]\nper_month = nan\n", ("[alerts] per_month", "got nan")),
        ("[alerts]\nper_month = 101\n", ("[alerts] per_month", "at most 100")),
        ('[alerts]\nper_month = "few"\n', ("[alerts] per_month", "number")),
        ("[alerts]\nper_week = 1\n", ("[alerts]", "per_week", "Known: per_month")),
        ("[alert]\nper_month = 1\n", ("'alert'", "'alerts'")),
    ],
)
def test_what_cannot_be_a_budget_is_refused_by_name(tmp_path: Path, section: str, words: tuple[str, ...]) -> None:
    with pytest.raises(BadSourceFile) as error:
        given(tmp_path, section)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_warning_tells_what_its_rows_add_up_to_where_they_carry_amounts(company: Company) -> None:
    found = report(company.source(TABLES, FILES), threads=1)
    amounts = {(one.table, one.column, one.rule.split(",")[0]): one.amount for one in found if one.level == "warning"}
    assert amounts == {
        ("transactions", "contact_id", "rows belong to no contact (1 ids); they stay unmatched"): 13.5,
        ("touchpoints", "contact_id", "rows belong to no contact (1 ids); they stay unmatched"): None,
        ("transactions", "occurred_at", "lie in the future"): 90.0,
        ("deals", "outcome", "is won or lost without closed_at; taken as open"): 1000.0,
        ("invoices", "deal_id", "belong to no deal"): 300.0,
        ("invoices", "paid_at", "lie before issued_at"): 40.0,
    }


def test_rows_that_repeat_others_tell_what_is_too_much(company: Company) -> None:
    file = {"transactions.csv": "contact_id,occurred_at,amount\na,2025-01-01,5\na,2025-01-01,5\na,2025-01-01,5\nb,2025-01-01,7\n"}
    found = report(company.source('[tables.transactions]\npath = "transactions.csv"\n', file), threads=1)
    assert [(one.rule, one.count, one.amount) for one in found if one.level == "warning"] == [("rows repeat another row exactly", 2, 10.0)]
