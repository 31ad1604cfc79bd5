"""A flat table that states its outcome needs no ids: its rows are numbered, and that is said."""

from __future__ import annotations

import pytest

from funnelcast.errors import BadValues, MissingColumn
from funnelcast.sources.check import report
from funnelcast.sources.open import open_source
from tests.unit.sources.company import Company, Rows, Said

CONTACTS = '[tables.contacts]\npath = "c.csv"\n'
LABEL = '[labels.churn]\ncolumn = "Gone"\npositive = "oui"\n'
TEXT = "Age;Gone\n31;oui\n;\n42;non\n31;oui\n"


def test_rows_without_ids_are_numbered_in_their_order(company: Company, rows: Rows, said: Said) -> None:
    facts = open_source(company.source(CONTACTS + "filter = \"Age > 31 or Gone = 'oui'\"\n" + LABEL, {"c.csv": TEXT}), threads=1)
    assert rows(facts, "contacts", "contact_id", "Age", "Gone") == [
        {"contact_id": "0000000001", "Age": 31.0, "Gone": "oui"},
        {"contact_id": "0000000003", "Age": 42.0, "Gone": "non"},
        {"contact_id": "0000000004", "Age": 31.0, "Gone": "oui"},
    ]
    assert facts.attributes("contacts") == ("Age",)
    assert said(facts.findings, "note", "contacts", "contact_id") == [
        "rows are numbered, for no column is contact_id; map the one that identifies a contact, where there is one [0] "
    ]


def test_a_check_shows_the_note(company: Company, said: Said) -> None:
    found = report(company.source(CONTACTS + LABEL, {"c.csv": TEXT}), threads=1)
    assert {finding.level for finding in found} == {"note"}
    assert len(said(found, "note", "contacts", "contact_id")) == 1


@pytest.mark.parametrize(
    ("extra", "files"),
    [
        ("", {}),
        (
            LABEL + '[tables.transactions]\npath = "t.csv"\n',
            {"t.csv": "contact_id,occurred_at,amount\na,2025-01-01,5\nb,2025-01-02,5\n"},
        ),
    ],
)
def test_ids_are_needed_without_a_stated_outcome_and_where_another_table_names_contacts(
    company: Company, extra: str, files: dict[str, str]
) -> None:
    with pytest.raises(MissingColumn, match="no column 'contact_id'"):
        open_source(company.source(CONTACTS + extra, {"c.csv": TEXT, **files}), threads=1)


DUPLICATES = "contact_id,Gone\na,oui\na,non\nb,oui\n"


def test_ids_that_rows_share_are_refused_with_the_way_out(company: Company, rows: Rows) -> None:
    with pytest.raises(BadValues, match=r"2 of 3 rows share their key.*'a' 2 times.*put the file's id into `drop`: the rows are"):
        open_source(company.source(CONTACTS + LABEL, {"c.csv": DUPLICATES}), threads=1)
    facts = open_source(company.source(CONTACTS + 'drop = ["contact_id"]\n' + LABEL, {"c.csv": DUPLICATES}), threads=1)
    assert [row["contact_id"] for row in rows(facts, "contacts", "contact_id")] == ["0000000001", "0000000002", "0000000003"]


def test_without_a_stated_outcome_shared_ids_have_no_such_way_out(company: Company) -> None:
    with pytest.raises(BadValues, match=r"leave repeated ones out with `filter`\.$"):
        open_source(company.source(CONTACTS, {"c.csv": DUPLICATES}), threads=1)


def test_an_outcome_is_recognised_whatever_its_capitals(company: Company, rows: Rows) -> None:
    text = "Gone\nOUI\n oui \nnon\nNon\nÉTÉ\n"
    facts = open_source(company.source(CONTACTS + LABEL, {"c.csv": text}), threads=1)
    assert [row["Gone"] for row in rows(facts, "contacts", "contact_id", "Gone")] == ["oui", "oui", "non", "Non", "ÉTÉ"]


def test_an_attribute_called_as_the_clock_of_the_cut_is_set_apart(company: Company, said: Said) -> None:
    text = "As_Of,as_of (attribute),Gone\n1,a,oui\n2,b,non\n"
    facts = open_source(company.source(CONTACTS + LABEL, {"c.csv": text}), threads=1)
    assert facts.attributes("contacts") == ("As_Of (attribute)_2", "as_of (attribute)")
    assert len(said(facts.findings, "note", "contacts", "As_Of")) == 1


def test_an_attribute_may_be_an_amount_in_any_currency(company: Company, rows: Rows) -> None:
    text = "Total;Gone\n$1,234.50;oui\n£2;non\nUSD 3.25;non\n"
    facts = open_source(company.source(CONTACTS + LABEL, {"c.csv": text}), threads=1)
    assert rows(facts, "contacts", "Total") == [{"Total": 1234.5}, {"Total": 2.0}, {"Total": 3.25}]
