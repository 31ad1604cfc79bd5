from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.monitor.inflow import contacts, price, touches
from funnelcast.monitor.watched import Watched, watched
from funnelcast.simulate import Company
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf
from tests.unit.forecast.sales.series import MONDAY, SOURCE

WEEKS = 80
UNTIL = AsOf(MONDAY + timedelta(days=7 * WEEKS), "Europe/Paris")


def rows(week: int, count: int, **columns: Any) -> pd.DataFrame:
    """So many facts of one week, spread over its days."""
    when = [MONDAY + timedelta(days=7 * week + place % 7) for place in range(count)]
    return pd.DataFrame({"contact_id": [f"c{place}" for place in range(count)], "occurred_at": when}).assign(**columns)


def touched() -> Facts:
    frames = [rows(week, 30, channel="web", kind="visit") for week in range(WEEKS)]
    frames += [rows(week, 10, channel="store", kind="store_visit") for week in range(WEEKS)]
    frames += [rows(week, 9, channel="phone", kind="call") for week in range(WEEKS)]  # fewer than ten a week
    return from_frames(SOURCE, {"touchpoints": pd.concat(frames, ignore_index=True)})


def test_touches_are_watched_in_all_and_as_shares_of_all() -> None:
    found = {(flow.history.name, flow.kind): flow for flow in touches(touched(), UNTIL)}
    assert list(found) == [("", ""), ("store", "store_visit"), ("web", "visit")]
    assert found["", ""].unit == "count"
    assert found["", ""].history.values.tolist() == [49.0] * WEEKS
    assert found["store", "store_visit"].history.values == pytest.approx([10 / 49] * WEEKS)


def test_a_channel_that_fell_silent_lately_is_still_watched() -> None:
    frames = [rows(week, 30, channel="web") for week in range(WEEKS)] + [rows(week, 10, channel="store") for week in range(WEEKS - 4)]
    found = {flow.history.name: flow.history for flow in touches(from_frames(SOURCE, {"touchpoints": pd.concat(frames)}), UNTIL)}
    assert found["store"].values[-5:].tolist() == [0.25, 0.0, 0.0, 0.0, 0.0]


def test_contacts_are_watched_by_the_channel_that_brought_them() -> None:
    frames = [rows(week, 9).assign(source_channel=["search"] * 6 + ["social"] * 3) for week in range(WEEKS)]
    table = pd.concat(frames, ignore_index=True).rename(columns={"occurred_at": "created_at"})
    facts = from_frames(SOURCE, {"contacts": table.assign(contact_id=[str(place) for place in range(len(table))])})
    found = {flow.history.name: flow.history.values[-1] for flow in contacts(facts, UNTIL)}
    assert found == pytest.approx({"": 9.0, "search": 2 / 3, "social": 1 / 3})
    assert contacts(from_frames(SOURCE, {"contacts": table.drop(columns="source_channel").drop_duplicates("contact_id")}), UNTIL) == []


def test_the_price_compares_each_contact_with_itself() -> None:
    """Ten contacts pay from 10 to 10,000; all prices rise by a tenth in the last week, in which only the rich buy."""
    pays = np.geomspace(10.0, 10_000.0, 10)
    frames = [rows(week, 10, amount=pays) for week in range(WEEKS - 1)] + [rows(WEEKS - 1, 10, amount=1.1 * pays).tail(5)]
    (found,) = price(from_frames(SOURCE, {"transactions": pd.concat(frames)}), UNTIL)
    assert found.unit == "index"
    assert found.history.values == pytest.approx([1.0] * (WEEKS - 2) + [1.1])  # the first week has no purchase before it
    assert found.worth is not None
    assert found.worth[-1] == pytest.approx(1.1 * pays[5:].sum())


def test_a_week_of_four_purchases_lies_between_its_neighbours() -> None:
    amounts = {5: 2.0, 6: 50.0, 7: 2.0}
    frames = [rows(week, 4 if week == 6 else 10, amount=amounts.get(week, 1.0)) for week in range(WEEKS)]
    (found,) = price(from_frames(SOURCE, {"transactions": pd.concat(frames)}), UNTIL)
    five, six, seven = found.history.values[4:7]
    assert six == pytest.approx(np.sqrt(five * seven))


def test_series_end_with_the_last_week_that_is_known_and_the_company_has_all_of_them(company: Company) -> None:
    facts = company.facts()
    as_of = AsOf.parse("2025-07-01", "Europe/Paris")
    found: dict[str, list[Watched]] = {}
    for one in watched(facts, as_of):
        found.setdefault(one.quantity, []).append(one)
    assert {"touches", "contacts", "price"} <= found.keys()
    assert {one.unit for one in found["touches"]} == {"count", "share"}
    # a quarter of the shops' visits are known up to five days late
    assert {one.history.end for one in found["touches"]} == {pd.Timestamp("2025-06-23").to_pydatetime()}
    known = cut(facts, as_of).table("touchpoints").execute()
    week = known[(known.occurred_at >= "2025-06-16") & (known.occurred_at < "2025-06-23")]
    whole = next(one for one in found["touches"] if one.unit == "count")
    assert whole.history.values[-1] == len(week)
