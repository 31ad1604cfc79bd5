"""The rows of requests: step by step and by the engine's SQL, from the same checked facts."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any, cast

import numpy as np
import pytest

from funnelcast.terms import AsOf
from serving.reading.contracts import FACTS
from serving.reading.request_facts import check, tables_of
from serving.rows import RowBuilder
from serving.store import State
from tests.service.conftest import Client

AS_OF = AsOf(datetime(2025, 3, 30, 2, 30), "Europe/Paris")  # noqa: DTZ001 (wall-clock)
PLACES: dict[str, dict[str, Any]] = {
    "transactions": {"amount": 12.5, "channel": "store"},
    "touchpoints": {"channel": "email", "kind": "Email_Open", "duration_minutes": 3},
    "subscriptions": {"monthly_amount": 9.9},
    "invoices": {"amount": 80.0, "due_at": "2025-02-01T00:00:00Z"},
    "deals": {"amount": 500.0},
}


def person(chance: random.Random, name: str, tables: set[str]) -> dict[str, Any]:
    """Draw a contact with facts in some tables."""
    found: dict[str, Any] = {"contact_id": name, "created_at": "2022-10-30T02:30:00+01:00"}
    for table in sorted(tables):
        clock = next(iter(field for field in FACTS[table].model_fields if field in {"occurred_at", "started_at", "issued_at", "opened_at"}))
        facts = [{clock: instant(chance), **dict(chance.sample(list(more.items()), chance.randint(0, len(more)))), **needed(table)}
                 for more in [PLACES[table]] for _ in range(chance.randint(0, 4))]  # fmt: skip
        found[table] = facts
    return found


def instant(chance: random.Random) -> str:
    return (
        f"{chance.choice([2023, 2024])}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}T{chance.randint(0, 23):02d}:15:00.5+02:00"
    )


def needed(table: str) -> dict[str, Any]:
    return {name: value for name, value in PLACES[table].items() if FACTS[table].model_fields[name].is_required()}


@pytest.mark.parametrize("model", ["churn", "lead_scoring", "clv"])
@pytest.mark.parametrize(
    "tables", [set(FACTS), {"touchpoints"}, {"transactions", "invoices"}, set[str]()], ids=lambda tables: "-".join(sorted(tables))
)
def test_rows_by_steps_are_the_engine_s(client: Client, monkeypatch: pytest.MonkeyPatch, model: str, tables: set[str]) -> None:
    state: State = cast("Any", client.app).state.store.state()
    served = state.model(model)
    builder = cast("RowBuilder", served.rows)
    chance = random.Random(len(tables))  # noqa: S311
    items = [person(chance, f"c{number}", tables) for number in range(30)]
    checked = check(items, [AS_OF] * len(items), {})
    assert not checked.faults
    contacts = list(checked.good.values())
    keys = [str(number) for number in range(len(contacts))]
    laid_out, columns = tables_of(contacts, keys, {}), list(served.champion.model.columns)
    few = builder.rows(keys, [AS_OF.at] * len(keys), laid_out, columns)
    monkeypatch.setattr("serving.rows.FEW_FACTS", -1)
    judged = builder.rows(keys, [AS_OF.at] * len(keys), laid_out, columns)
    assert list(few.columns) == list(judged.columns)
    known = [np.isfinite(few[name]).any() for name, kind in served.champion.model.columns.items() if kind == "number"]
    assert np.mean(known) > (0.7 if tables == set(FACTS) else -1)
    for name in few.columns:
        assert few[name].dtype == judged[name].dtype, name
        np.testing.assert_array_equal(few[name], judged[name], err_msg=name)


def test_a_fact_is_known_when_it_happens_unless_it_says() -> None:
    texts = ("1969-12-31T00:00:00Z", "1970-01-01T01:00:00+01:00", None)
    touches = [{"occurred_at": "2025-01-01T01:00:00+01:00", "channel": "web", "known_at": known} for known in texts]
    checked = check([{"contact_id": "a", "touchpoints": touches[start:]} for start in (0, 1, 2)], [AS_OF] * 3, {})
    epoch, happened = 3_600 * 1_000_000, 1_735_689_600 * 1_000_000 + 3_600 * 1_000_000
    day = 86_400 * 1_000_000
    assert tables_of(list(checked.good.values()), ["0", "1", "2"], {})["touchpoints"]["known_at"] == [
        epoch - day, epoch, happened, epoch, happened, happened
    ]  # fmt: skip
    at_zero = check(
        [{"contact_id": "a", "created_at": None, "touchpoints": [{**touches[0], "known_at": "1969-12-31T23:00:00Z"}]}], [AS_OF], {}
    )
    assert tables_of(list(at_zero.good.values()), ["0"], {})["touchpoints"]["known_at"] == [0]
