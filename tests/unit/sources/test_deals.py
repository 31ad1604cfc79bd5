"""Deals and their stage history, each derived from the other where a company has only one of them."""

from __future__ import annotations

from funnelcast.sources.open import open_source
from tests.unit.sources.company import Company, Rows, Said

DEALS = '[tables.deals]\npath = "d.csv"\n'
EVENTS = '[tables.deal_events]\npath = "e.csv"\n'
CURRENT = (
    "deal_id,opened_at,amount,closed_at,outcome,closed_amount,closed_at_known_at,product\n"
    "1,2025-01-01,100,2025-02-01,WON,90,2025-02-05,x\n"
    "2,2025-01-02,200,2025-02-02,Lost,0,,y\n"
    "3,2025-01-03,300,,Engaging,,,x\n"
    "4,2025-01-04,400,2025-02-04,gagné,350,,x\n"
    "5,2025-01-05,500,,won,500,,x\n"
)


def test_the_stage_history_of_deals_of_which_only_the_present_is_known(company: Company, rows: Rows) -> None:
    facts = open_source(company.source(DEALS, {"d.csv": CURRENT}), threads=1)
    assert rows(facts, "deal_events", "deal_id", "occurred_at", "stage", "amount", "known_at") == [
        event("1", "2025-01-01", "open", 100.0, "2025-01-01"),
        event("1", "2025-02-01", "won", 90.0, "2025-02-05"),
        event("2", "2025-01-02", "open", 200.0, "2025-01-02"),
        event("2", "2025-02-02", "lost", 0.0, "2025-02-02"),
        event("3", "2025-01-03", "open", 300.0, "2025-01-03"),
        event("4", "2025-01-04", "open", 400.0, "2025-01-04"),
        event("5", "2025-01-05", "open", 500.0, "2025-01-05"),
    ]
    assert facts.brought["deal_events"] == {"deal_id", "occurred_at", "stage", "amount", "known_at"}


def event(deal: str, day: str, stage: str, amount: float, known: str) -> dict[str, object]:
    return {"deal_id": deal, "occurred_at": f"{day} 00:00:00", "stage": stage, "amount": amount, "known_at": f"{known} 00:00:00"}


def test_won_and_lost_in_any_case_close_a_deal_and_anything_else_leaves_it_open(company: Company, rows: Rows, said: Said) -> None:
    facts = open_source(company.source(DEALS, {"d.csv": CURRENT}), threads=1)
    assert rows(facts, "deals", "deal_id", "closed_at", "outcome", "closed_amount", "closed_at_known_at") == [
        closed("1", "2025-02-01 00:00:00", "won", 90.0, "2025-02-05 00:00:00"),
        closed("2", "2025-02-02 00:00:00", "lost", 0.0, "2025-02-02 00:00:00"),
        *(closed(deal, None, None, None, None) for deal in "345"),
    ]
    assert facts.attributes("deals") == ("product",)
    assert said(facts.findings, "warning", "deals", "outcome") == [
        "has closed_at and an outcome that is neither won nor lost; taken as open [1] 'gagné'",
        "is won or lost without closed_at; taken as open [1] 'won'",
    ]


def closed(deal: str, at: str | None, outcome: str | None, amount: float | None, known: str | None) -> dict[str, object]:
    return {"deal_id": deal, "closed_at": at, "outcome": outcome, "closed_amount": amount, "closed_at_known_at": known}


def test_deals_without_an_end_get_it_from_their_events(company: Company, rows: Rows) -> None:
    deals = "deal_id,opened_at,amount\n" + "".join(f"{number},2025-01-0{number},{number}00\n" for number in range(1, 7))
    events = (
        "deal_id,occurred_at,stage,amount,known_at\n"
        "1,2025-01-10,Proposal,150,\n1,2025-02-01,Won,,2025-02-03\n"  # the last known amount
        "2,2025-02-02,LOST,,\n"
        "3,2025-02-03,won,330,\n"
        "4,2025-02-04,lost,,\n4,2025-02-09,Proposal,,\n"  # opened again
        "5,2025-02-05,won,,\n"  # the amount at opening
        "6,2025-01-09,Proposal,,\n"
    )
    facts = open_source(company.source(DEALS + EVENTS, {"d.csv": deals, "e.csv": events}), threads=1)
    assert rows(facts, "deals", "deal_id", "closed_at", "outcome", "closed_amount", "closed_at_known_at") == [
        closed("1", "2025-02-01 00:00:00", "won", 150.0, "2025-02-03 00:00:00"),
        closed("2", "2025-02-02 00:00:00", "lost", None, "2025-02-02 00:00:00"),
        closed("3", "2025-02-03 00:00:00", "won", 330.0, "2025-02-03 00:00:00"),
        closed("4", None, None, None, None),
        closed("5", "2025-02-05 00:00:00", "won", 500.0, "2025-02-05 00:00:00"),
        closed("6", None, None, None, None),
    ]
    assert {"closed_at", "outcome", "closed_amount"} <= facts.brought["deals"]
    stages = {row["stage"] for row in rows(facts, "deal_events", "stage")}
    assert stages == {"Proposal", "won", "lost"}


def test_deals_that_know_their_end_keep_it_beside_events(company: Company, rows: Rows, said: Said) -> None:
    files = {
        "d.csv": "deal_id,opened_at,closed_at,outcome,closed_amount\n1,2025-01-01,2025-03-01,won,7\n",
        "e.csv": "deal_id,occurred_at,stage\n1,2025-02-01,lost\n9,2025-02-01,lost\n",
    }
    facts = open_source(company.source(DEALS + EVENTS, files), threads=1)
    assert rows(facts, "deals", "closed_at", "outcome") == [{"closed_at": "2025-03-01 00:00:00", "outcome": "won"}]
    assert said(facts.findings, "warning", "deal_events", "deal_id") == ["belong to no deal [1] '9'"]
