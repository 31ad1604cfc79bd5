"""How customers were won, on a few rows worked by hand."""

from __future__ import annotations

import ibis
import pandas as pd
import pytest

from funnelcast.families.clv.acquisition import acquired, channels_used, untold
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf

AS_OF = AsOf.parse("2025-03-01", "UTC")
BOUGHT = [
    ("touched", "2025-01-10 10:00", "web"),
    ("touched", "2025-02-10 10:00", "phone"),
    ("walked_in", "2025-01-05 10:00", "store"),
    ("surfed_in", "2025-01-05 10:00", "web"),
    ("offline_first", "2025-01-10 10:00", "store"),
    ("unsaid", "2025-01-10 10:00", None),
    ("unsaid", "2025-01-20 10:00", "store"),
    ("returned", "2025-01-08 10:00", "store"),
    ("later", "2025-03-01 00:00", "web"),
]
MET = [
    ("touched", "2025-01-01 10:00", "email"),
    ("touched", "2025-01-10 10:00", "email"),
    ("touched", "2025-01-11 10:00", "store"),  # after the first purchase
    ("offline_first", "2025-01-02 10:00", "event"),
    ("offline_first", "2025-01-03 10:00", "search"),
    ("surfed_in", "2025-01-20 10:00", "store"),
    ("nobody", "2025-01-20 10:00", "store"),
]


def company(*, touches: bool = True, sources: bool = False, channels: bool = True) -> Facts:
    bought = pd.DataFrame(BOUGHT, columns=["contact_id", "occurred_at", "channel"]).assign(amount=10.0)
    bought["occurred_at"] = pd.to_datetime(bought["occurred_at"])
    bought.loc[bought.contact_id == "returned", "amount"] = -10.0
    tables = {"transactions": bought if channels else bought.drop(columns="channel")}
    if touches:
        met = pd.DataFrame(MET, columns=["contact_id", "occurred_at", "channel"])
        tables["touchpoints"] = met.assign(occurred_at=pd.to_datetime(met["occurred_at"]))
    if sources:
        tables["contacts"] = pd.DataFrame({"contact_id": ["touched", "walked_in"], "source_channel": ["fair", None]})
    return from_frames(Source("acme"), tables)


def told(facts: Facts, column: str, as_of: AsOf = AS_OF) -> dict[str, object]:
    rows = acquired(facts, as_of).order_by("contact_id").execute()
    return {str(name): value for name, value in zip(rows["contact_id"], rows[column], strict=True)}


def test_the_journey_ends_with_the_first_purchase() -> None:
    assert told(company(), "journey_type") == {
        "offline_first": "mixed_started_offline",
        "surfed_in": "online",
        "touched": "online",
        "unsaid": None,
        "walked_in": "offline",
    }


def test_who_had_no_touch_is_not_told_apart_by_journey_where_touches_are_brought() -> None:
    met = {"offline_first": "mixed_started_offline", "touched": "online"}
    assert told(company(), "touched_journey") == {**dict.fromkeys(("surfed_in", "unsaid", "walked_in")), **met}
    bare = company(touches=False)
    assert told(bare, "touched_journey") == told(bare, "journey_type") == {**told(bare, "journey_type"), "touched": "online"}


def test_the_channel_is_that_of_the_first_purchase_unless_the_company_says_who_brought_whom() -> None:
    by_purchase = {"offline_first": "store", "surfed_in": "web", "touched": "web", "unsaid": None, "walked_in": "store"}
    assert told(company(), "acquisition_channel") == by_purchase
    assert told(company(touches=False), "acquisition_channel") == by_purchase
    said = told(company(sources=True), "acquisition_channel")
    assert said == {**dict.fromkeys(by_purchase), "touched": "fair"}


def test_channels_of_touches_and_purchases_are_counted_once() -> None:
    rows = channels_used(company(), AS_OF).execute().set_index("contact_id")["channels_used"]
    assert rows.to_dict() == {"touched": 4, "walked_in": 1, "surfed_in": 2, "offline_first": 3, "unsaid": 1, "returned": 1, "nobody": 1}


def test_what_comes_later_changes_nothing() -> None:
    early = AsOf.parse("2025-01-10 10:00", "UTC")
    assert told(company(), "journey_type", early) == {"surfed_in": "online", "walked_in": "offline"}
    one = ibis.memtable(pd.DataFrame({"contact_id": ["touched"], "as_of": pd.to_datetime(["2025-01-15"])}))
    assert acquired(company(), AS_OF, one).execute()["journey_type"].tolist() == ["online"]
    assert channels_used(company(), AS_OF, one).execute()["channels_used"].tolist() == [3]


@pytest.mark.parametrize(
    ("facts", "lacking"),
    [
        (company(touches=False, channels=False), {"acquisition_channel", "journey_type", "touched_journey", "channels_used"}),
        (company(touches=False, channels=False, sources=True), {"journey_type", "touched_journey", "channels_used"}),
        (company(channels=False), {"acquisition_channel"}),
        (company(), set()),
    ],
)
def test_what_the_facts_cannot_tell_is_named_and_null(facts: Facts, lacking: set[str]) -> None:
    assert set(untold(facts)) == lacking
    rows = acquired(facts, AS_OF).execute()
    for name in lacking - {"channels_used"}:
        assert rows[name].isna().all()
