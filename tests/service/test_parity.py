"""Batch score equals service score: the same contacts, scored from the tables and from their raw facts in a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from pydantic import BaseModel

from funnelcast.simulate import simulate
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from serving.reading.contracts import CLOCKS, Contact, Deal, Invoice, Subscription, Touchpoint, Transaction
from tests.service.conftest import Client, Served
from training.score import stream
from training.train import default_as_of

Known = Mapping[str, Mapping[Any, pd.DataFrame]]
SHAPES: Mapping[str, type[BaseModel]] = {
    "transactions": Transaction,
    "touchpoints": Touchpoint,
    "subscriptions": Subscription,
    "invoices": Invoice,
    "deals": Deal,
}
CONTACTS = 1_000
TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """A demo company of another seed, which the same champions score: it has a thousand open leads."""
    return open_source(simulate(tmp_path_factory.mktemp("company"), contacts=8_300, seed=2))


@pytest.fixture(scope="module")
def known(larger: Facts) -> Known:
    """What was known of its contacts."""
    return known_of(larger)


@pytest.mark.parametrize(("model", "path"), [
    ("churn", "/v1/churn/score"),
    ("lead_scoring", "/v1/leads/score"),
    ("clv", "/v1/clv/predict"),
])  # fmt: skip
def test_service_scores_a_thousand_as_the_batch_does(
    client: Client, served: Served, larger: Facts, known: Known, model: str, path: str
) -> None:
    batch, service = both(client, served, larger, known, model, path)
    assert len(service) == len(batch) == CONTACTS
    # what a conversion is worth is the last refresh's, and that was of the company in service
    require_equal(service, batch.drop(columns=["expected_value", "grade"] if model == "lead_scoring" else []))


def test_leads_are_worth_to_the_service_what_they_are_to_the_batch(client: Client, served: Served) -> None:
    batch, service = both(client, served, served.facts, known_of(served.facts), "lead_scoring", "/v1/leads/score")
    assert len(service) == len(batch) >= 150
    assert batch["expected_value"].notna().all()
    require_equal(service, batch)


def both(client: Client, served: Served, facts: Facts, known: Known, model: str, path: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score a company's contacts from its tables, and from their facts in a request."""
    champion, as_of = served.champion(model), default_as_of(facts)
    batch = pd.concat(list(stream(served.settings, facts, champion, as_of))).set_index("contact_id").iloc[:CONTACTS]
    zone = ZoneInfo(facts.source.timezone)
    lists = ("transactions",) if model == "clv" else tuple(CLOCKS)
    items = [item_of(name, known, lists, zone) for name in batch.index]
    if model == "clv":
        items = [{"contact_id": item["contact_id"], "transactions": item["transactions"]} for item in items]
    assert sum(len(item.get(name, ())) for item in items for name in lists) > 2 * len(items)
    reply = client.answer(path, {"contacts": items, "as_of": as_of.isoformat()})
    answers = reply.get("scores") or reply["predictions"]
    assert [answer.get("error") for answer in answers] == [None] * len(items)
    columns = [{**answer, **{f"next_{state}": chance for state, chance in answer.pop("channel_next", {}).items()}} for answer in answers]
    return batch, pd.DataFrame(columns).set_index("contact_id")


def require_equal(service: pd.DataFrame, batch: pd.DataFrame) -> None:
    for column in batch.columns:
        pd.testing.assert_series_equal(
            service[column], batch[column], check_names=False, check_dtype=False, check_index_type=False, rtol=0, atol=TOLERANCE
        )


def known_of(facts: Facts) -> Known:
    """Give what was known of each contact before as_of, by table."""
    tables = cut(facts, default_as_of(facts))
    frames = {name: tables.table(name).execute() for name in ("contacts", *CLOCKS)}
    return {name: dict(list(frame.groupby("contact_id"))) for name, frame in frames.items()}


def item_of(name: str, known: Known, lists: tuple[str, ...], zone: ZoneInfo) -> dict[str, Any]:
    """Write one contact's facts as a request carries them."""
    item: dict[str, Any] = {"contact_id": name}
    if name in known["contacts"]:
        contact = known["contacts"][name]
        attributes = set(contact.columns) - set(contact.columns[contact.columns.str.endswith("known_at")]) - set(Contact.model_fields)
        (row,) = contact.to_dict("records")
        item |= fields_of(row, Contact, zone)
        item["attributes"] = {column: row[column] for column in attributes if not pd.isna(row[column])}
    for table in lists:
        rows = known[table][name].to_dict("records") if name in known[table] else []
        item[table] = [fields_of(row, SHAPES[table], zone) for row in rows]
    return item


def fields_of(row: Mapping[Any, Any], shape: type[BaseModel], zone: ZoneInfo) -> dict[str, Any]:
    """Give the columns of a row that a request can carry, wall-clock times with their offset."""
    given = {column: row[column] for column in shape.model_fields if column in row and not pd.isna(row[column])}
    return {column: value.replace(tzinfo=zone).isoformat() if isinstance(value, pd.Timestamp) else value for column, value in given.items()}
