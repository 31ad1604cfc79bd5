"""Facts that arrive under another id find their contact, and what doesn't is reported."""

from __future__ import annotations

from funnelcast.sources.check import report
from funnelcast.sources.open import open_source
from tests.unit.sources.company import Company, Rows, Said

TOML = "".join(f'[tables.{name}]\npath = "{name}.csv"\n' for name in ("contacts", "identities", "touchpoints", "transactions", "deals"))
FILES: dict[str, str | bytes] = {
    "contacts.csv": "contact_id\nC1\nC2\n",
    "identities.csv": "identity,contact_id\nJean@Example.org,C1\ncookie-7,C1\n0612345678,C2\n",
    "touchpoints.csv": "contact_id,occurred_at,channel\n"
    "cookie-7,2025-01-01,web\nCOOKIE-7,2025-01-02,web\njean@example.ORG,2025-01-03,email\nC2,2025-01-04,web\n",
    "transactions.csv": "contact_id,occurred_at,amount\n0612345678,2025-01-01,5\nstranger,2025-01-02,6\nstranger,2025-01-03,7\n",
    "deals.csv": "deal_id,contact_id,opened_at\n1,cookie-7,2025-01-01\n2,,2025-01-02\n",
}


def test_every_other_id_is_replaced_by_the_contacts_own(company: Company, rows: Rows, said: Said) -> None:
    facts = open_source(company.source(TOML, FILES), threads=1)
    assert [row["contact_id"] for row in rows(facts, "touchpoints", "occurred_at", "contact_id")] == ["C1", "COOKIE-7", "C1", "C2"]
    assert [row["contact_id"] for row in rows(facts, "transactions", "occurred_at", "contact_id")] == ["C2", "stranger", "stranger"]
    assert [row["contact_id"] for row in rows(facts, "deals", "deal_id", "contact_id")] == ["C1", None]
    assert facts.tables["touchpoints"].count().execute() == 4
    resolved = "rows found their contact through identities [{}] "
    assert said(facts.findings, "note", "touchpoints", "contact_id") == [resolved.format(2)]
    assert said(facts.findings, "note", "transactions", "contact_id") == [resolved.format(1)]
    assert said(facts.findings, "note", "deals", "contact_id") == [resolved.format(1), "every row belongs to a contact [0] "]
    assert said(facts.findings, "warning", "touchpoints", "contact_id") == [
        "rows belong to no contact (1 ids); they stay unmatched [1] 'COOKIE-7'"
    ]
    assert said(facts.findings, "warning", "transactions", "contact_id") == [
        "rows belong to no contact (1 ids); they stay unmatched [2] 'stranger'"
    ]


def test_an_identity_of_two_contacts_is_refused(company: Company, said: Said) -> None:
    files = {**FILES, "identities.csv": "identity,contact_id\nx,C1\nx,C2\n"}
    toml = '[tables.identities]\npath = "identities.csv"\n'
    assert said(report(company.source(toml, files), 1), "error", "identities", "identity") == [
        "share their key with another row [2] 'x' 2 times"
    ]
