"""Batch score equals service score: the same contacts, scored from the tables and from their raw facts in a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from pydantic import BaseModel

from funnelcast.sources.as_of import cut
from serving.contracts import CLOCKS, Contact, Deal, Invoice, Subscription, Touchpoint, Transaction
from tests.service.conftest import Client, Served
from training.score import stream
from training.train import default_as_of

SHAPES: Mapping[str, type[BaseModel]] = {
    "transactions": Transaction,
    "touchpoints": Touchpoint,
    "subscriptions": Subscription,
    "invoices": Invoice,
    "deals": Deal,
}
CONTACTS = 200
TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def known(served: Served) -> dict[str, pd.DataFrame]:
    """What was known of everyone before as_of, by table."""
    facts = cut(served.facts, default_as_of(served.facts))
    return {name: facts.table(name).execute() for name in ("contacts", *CLOCKS)}


@pytest.mark.parametrize(("model", "path", "key"), [
    ("churn", "/v1/churn/score", "scores"),
    ("lead_scoring", "/v1/leads/score", "scores"),
    ("clv", "/v1/clv/predict", "predictions"),
])  # fmt: skip
def test_service_scores_as_the_batch_does(
    client: Client, served: Served, known: dict[str, pd.DataFrame], model: str, path: str, key: str
) -> None:
    champion, as_of = served.champion(model), default_as_of(served.facts)
    batches = list(stream(served.settings, served.facts, champion, as_of))
    batch = pd.concat(batches).set_index("contact_id").iloc[:CONTACTS]
    zone = ZoneInfo(served.facts.source.timezone)
    lists = ("transactions",) if model == "clv" else tuple(CLOCKS)
    items = [item_of(name, known, lists, zone) for name in batch.index]
    if model == "clv":
        items = [{"contact_id": item["contact_id"], "transactions": item["transactions"]} for item in items]
    assert sum(len(item.get(name, ())) for item in items for name in lists) > 2 * len(items)
    answers = client.answer(path, {"contacts": items, "as_of": as_of.isoformat()})[key]
    assert [answer.get("error") for answer in answers] == [None] * len(items)
    columns = [{**answer, **{f"next_{state}": chance for state, chance in answer.pop("channel_next", {}).items()}} for answer in answers]
    service = pd.DataFrame(columns).set_index("contact_id")
    assert len(service) == len(batch) >= 150
    for column in batch.columns:
        pd.testing.assert_series_equal(
            service[column], batch[column], check_names=False, check_dtype=False, check_index_type=False, rtol=0, atol=TOLERANCE
        )


def item_of(name: str, known: Mapping[str, pd.DataFrame], lists: tuple[str, ...], zone: ZoneInfo) -> dict[str, Any]:
    """Write one contact's facts as a request carries them."""
    contacts = known["contacts"]
    rows = contacts[contacts["contact_id"] == name].to_dict("records")
    attributes = set(contacts.columns) - set(contacts.columns[contacts.columns.str.endswith("known_at")]) - set(Contact.model_fields)
    item: dict[str, Any] = {"contact_id": name}
    if rows:
        item |= fields_of(rows[0], Contact, zone)
        item["attributes"] = {column: rows[0][column] for column in attributes if not pd.isna(rows[0][column])}
    for table in lists:
        facts = known[table]
        item[table] = [fields_of(row, SHAPES[table], zone) for row in facts[facts["contact_id"] == name].to_dict("records")]
    return item


def fields_of(row: Mapping[Any, Any], shape: type[BaseModel], zone: ZoneInfo) -> dict[str, Any]:
    """Give the columns of a row that a request can carry, wall-clock times with their offset."""
    given = {column: row[column] for column in shape.model_fields if column in row and not pd.isna(row[column])}
    return {column: value.replace(tzinfo=zone).isoformat() if isinstance(value, pd.Timestamp) else value for column, value in given.items()}
