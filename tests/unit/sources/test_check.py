"""The rules of the data report, each with its count and its first offenders."""

from __future__ import annotations

import pandas as pd
import pytest

from funnelcast.errors import BadValues
from funnelcast.sources.check import check, report
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.sources.open import open_source
from funnelcast.terms import AsOf
from tests.unit.sources.company import Company, Said

CASES = {
    "duplicate key": ("contacts", "contact_id\na\nb\na\n", "error", "contact_id", "share their key with another row [2] 'a' 2 times"),
    "blank key": ("contacts", "contact_id,x\na,1\n,2\n", "error", "contact_id", "are blank [1] "),
    "below the lowest": (
        "spend",
        "date,channel,amount\n2025-01-01,ads,-2.5\n2025-01-02,ads,1\n",
        "error",
        "amount",
        "are below 0 [1] date 2025-01-01 00:00:00, channel 'ads', amount -2.5",
    ),
    "ended before started": (
        "subscriptions",
        "contact_id,started_at,ended_at\na,2025-02-01,2025-01-01\n",
        "error",
        "ended_at",
        "lie before started_at [1] contact_id 'a', started_at 2025-02-01 00:00:00, ended_at 2025-01-01 00:00:00",
    ),
    "closed before opened": (
        "deals",
        "deal_id,opened_at,closed_at,outcome\nd,2025-02-01,2025-01-01,won\n",
        "error",
        "closed_at",
        "lie before opened_at [1] deal_id 'd', opened_at 2025-02-01 00:00:00, closed_at 2025-01-01 00:00:00",
    ),
    "paid before issued": (
        "invoices",
        "invoice_id,contact_id,issued_at,due_at,amount,paid_at\ni,a,2025-02-01,2025-03-01,5,2025-01-31\n",
        "warning",
        "paid_at",
        "lie before issued_at [1] invoice_id 'i', contact_id 'a', issued_at 2025-02-01 00:00:00, paid_at 2025-01-31 00:00:00",
    ),
    "returns": (
        "transactions",
        "contact_id,occurred_at,amount\na,2025-01-01,-5\na,2025-01-02,7\n",
        "note",
        "amount",
        "are negative; taken as returns [1] contact_id 'a', occurred_at 2025-01-01 00:00:00, amount -5.0",
    ),
    "credit notes": (
        "invoices",
        "invoice_id,contact_id,issued_at,due_at,amount\ni,a,2025-02-01,2025-03-01,-5\n",
        "note",
        "amount",
        "are negative; taken as credit notes [1] invoice_id 'i', contact_id 'a', issued_at 2025-02-01 00:00:00, amount -5.0",
    ),
    "the future": (
        "transactions",
        "contact_id,occurred_at,amount\na,2199-01-01,5\n",
        "warning",
        "occurred_at",
        "lie in the future [1] contact_id 'a', occurred_at 2199-01-01 00:00:00",
    ),
    "known before it happened": (
        "transactions",
        "contact_id,occurred_at,amount,known_at\na,2025-01-02,5,2025-01-01\n",
        "warning",
        "known_at",
        "lie before occurred_at [1] contact_id 'a', occurred_at 2025-01-02 00:00:00, known_at 2025-01-01 00:00:00",
    ),
    "repeated rows": (
        "touchpoints",
        "contact_id,occurred_at,channel\na,2025-01-02,web\na,2025-01-02,web\n",
        "warning",
        "",
        "rows repeat another row exactly [1] ",
    ),
    "a score off its scale": (
        "touchpoints",
        "contact_id,occurred_at,channel,kind,score\na,2025-01-02,web,NPS,11\na,2025-01-02,web,nps,0\n",
        "warning",
        "score",
        "lie outside the scale of their kind (nps 0-10, csat 1-5, ces 1-7) [1] contact_id 'a', occurred_at 2025-01-02 00:00:00, score 11.0",
    ),
    "other currencies": (
        "sales",
        "date,amount,Devise\n2025-01-01,5,eur\n2025-01-02,6,USD\n2025-01-03,7,GBP\n2025-01-04,8,USD\n",
        "error",
        "Devise",
        "are in another currency than EUR [3] USD 2 times, GBP 1 times",
    ),
    "an unknown column in drop": (
        "contacts",
        "contact_id,x\na,1\n",
        "warning",
        "Commentaire",
        "stands in `drop`, but the file has no such column [0] ",
    ),
}

turns = {case: sum(CASES[other][0] == CASES[case][0] for other in list(CASES)[:number]) for number, case in enumerate(CASES)}
"""Which source a case goes into: cases of one table can't share one."""


def test_every_rule_says_what_how_many_and_which(company: Company, said: Said) -> None:
    for turn in range(max(turns.values()) + 1):
        cases = [case for case, number in turns.items() if number == turn]
        toml = "".join(f'[tables.{CASES[case][0]}]\npath = "{CASES[case][0]}.csv"\ndrop = ["Commentaire"]\n' for case in cases)
        files = {f"{CASES[case][0]}.csv": CASES[case][1] for case in cases}
        found = report(company.source(toml, files), threads=1)
        for case in cases:
            table, _, level, column, line = CASES[case]
            assert [text for text in said(found, level, table, column) if text.startswith(line)], (case, found)


def test_errors_stop_whoever_needs_the_facts(company: Company) -> None:
    with pytest.raises(BadValues, match=r"contacts, column contact_id: 2 of 3 rows share their key.*'a' 2 times.*`filter`"):
        open_source(company.source('[tables.contacts]\npath = "t.csv"\n', {"t.csv": "contact_id\na\nb\na\n"}), threads=1)


LATE = '[tables.subscriptions]\npath = "s.csv"\n[tables.transactions]\npath = "t.csv"\n'


def test_facts_after_the_declared_end_are_errors_but_an_agreed_end_of_a_subscription(company: Company, said: Said) -> None:
    files = {
        "s.csv": "contact_id,started_at,ended_at\na,2025-01-01,2026-06-30\n",
        "t.csv": "contact_id,occurred_at,amount\na,2025-12-31 23:59,5\na,2026-01-01,5\n",
    }
    found = report(company.source(LATE, files, observed_until="2025-12-31"), threads=1)
    assert said(found, "error", "transactions", "occurred_at") == [
        "lie after observed_until, 2025-12-31 [1] contact_id 'a', occurred_at 2026-01-01 00:00:00"
    ]
    assert len(said(found, "warning", "subscriptions", "ended_at")) == 1
    assert not said(found, "error", "subscriptions", "ended_at")


def test_facts_in_memory_are_held_against_the_same_rules(said: Said) -> None:
    frame = pd.DataFrame(
        {"contact_id": ["a", None], "occurred_at": pd.to_datetime(["2025-01-01", "2025-03-01"]), "amount": [1.0, float("nan")]}
    )
    facts = from_frames(Source("s"), {"transactions": frame})
    found = check(facts, observed_until=AsOf.parse("2025-02-01", "UTC"))
    assert [(finding.column, finding.rule, finding.count) for finding in found if finding.level == "error"] == [
        ("contact_id", "are blank", 1),
        ("amount", "are blank", 1),
        ("occurred_at", "lie after observed_until, 2025-01-31", 1),
    ]


def test_good_facts_have_no_errors_and_no_warnings(company: Company) -> None:
    text = "contact_id,occurred_at,amount\na,2025-01-31,5\nb,2025-02-01,6\n"
    found = report(company.source('[tables.transactions]\npath = "t.csv"\n', {"t.csv": text}), threads=1)
    assert {finding.level for finding in found} == {"note"}
