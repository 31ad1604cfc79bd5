"""Lists as the page and a spreadsheet read them: cut down, written out, and never with anyone who opted out."""

from __future__ import annotations

import csv
import io
from typing import Any

import pandas as pd
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.spreadsheet import Cell, csv_of
from serving.app import build_app
from serving.lists import COLUMNS, FILTERS, LISTS
from tests.service.conftest import Client, Served

NAMES = tuple(LISTS)


def table(content: bytes, delimiter: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


@pytest.mark.parametrize("name", NAMES)
def test_a_list_is_the_snapshot_s_with_what_it_can_be_cut_by(client: Client, served: Served, name: str) -> None:
    stored = served.snapshot().document(f"lists/{LISTS[name]}")
    answer = client.answer(f"/v1/lists/{name}")
    assert answer["list"] == stored["list"]
    assert answer["total"] == len(stored["list"]) > 3
    assert {key: answer[key] for key in ("summary", "assumptions", "left_out")} == {
        key: stored[key] for key in ("summary", "assumptions", "left_out")
    }
    for key in FILTERS:
        assert answer["filters"].get(key, []) == sorted({item[key] for item in stored["list"]} - {None})
    assert set(COLUMNS[name]) == set(stored["list"][0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", FILTERS)
def test_a_filter_leaves_those_of_its_value_in_their_order(client: Client, name: str, key: str) -> None:
    whole = client.answer(f"/v1/lists/{name}")
    parts = 0
    for value in whole["filters"].get(key, []):
        answer = client.answer(f"/v1/lists/{name}?{key}={value}")
        assert answer["list"] == [item for item in whole["list"] if item[key] == value]
        assert (answer["total"], answer["filters"]) == (whole["total"], whole["filters"])
        parts += len(answer["list"])
    assert parts == sum(item[key] is not None for item in whole["list"])


def test_filters_hold_together(client: Client) -> None:
    whole = client.answer("/v1/lists/churn")["list"]
    chosen = whole[0]
    answer = client.answer(f"/v1/lists/churn?channel={chosen['channel']}&segment={chosen['segment']}")
    assert answer["list"] == [item for item in whole if (item["channel"], item["segment"]) == (chosen["channel"], chosen["segment"])]
    assert client.answer("/v1/lists/churn?owner=nobody")["list"] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("lang", "delimiter", "decimal"), [("en", ",", "."), ("fr", ";", ",")])
def test_the_table_holds_the_same_rows_in_the_same_order(client: Client, name: str, lang: str, delimiter: str, decimal: str) -> None:
    response = client.get(f"/v1/lists/{name}?format=csv&lang={lang}")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    day = client.answer(f"/v1/lists/{name}")["as_of"][:10]
    assert response.headers["content-disposition"] == f'attachment; filename="demo-{name}-{day}.csv"'
    rows, items = table(response.content, delimiter), client.answer(f"/v1/lists/{name}")["list"]
    assert list(rows[0]) == COLUMNS[name]
    assert len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        for column, cell in row.items():
            value = item[column]
            if value is None:
                assert cell == ""
            elif isinstance(value, list):
                assert cell == " | ".join(reason["text"][lang] for reason in value)
            elif isinstance(value, str):
                assert cell == value
            else:
                assert cell.count("." if decimal == "," else ",") == 0
                assert float(cell.replace(decimal, ".")) == value


def test_an_empty_list_is_a_header_alone(client: Client) -> None:
    content = client.get("/v1/lists/leads?format=csv&owner=nobody").content
    assert content.decode().split("\r\n") == [",".join(f'"{name}"' for name in COLUMNS["leads"]), ""]


CELLS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**9), 10**9), st.text(max_size=20))


@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=5), lang=st.sampled_from(["en", "fr"]))
def test_no_cell_is_run_and_every_cell_comes_back(rows: list[tuple[Cell, Cell]], lang: str) -> None:
    delimiter, decimal = {"en": (",", "."), "fr": (";", ",")}[lang]
    read = list(csv.reader(io.StringIO(csv_of(["a", "b"], rows, lang).decode("utf-8-sig"), newline=""), delimiter=delimiter))
    assert read[0] == ["a", "b"]
    for cells, row in zip(read[1:], rows, strict=True):
        for said, cell in zip(cells, row, strict=True):
            if isinstance(cell, str):
                assert said.removeprefix("'") == cell.removeprefix("'")
                assert not said.strip().startswith(("=", "+", "-", "@"))
                assert not said.startswith(("\t", "\r", "\n"))
            else:
                assert (float(said.replace(decimal, ".")) if said else None) == cell


@pytest.mark.parametrize("cell", ["=1+1", "+33 6", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1", "\uff1d1"])
def test_what_a_spreadsheet_would_run_is_text(cell: str) -> None:
    assert next(csv.reader([csv_of(["a"], [[cell]], "en").decode().split("\r\n", 1)[1]]))[0].startswith("'")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("lang=de", "lang"),
        ("format=xlsx", "format"),
        ("chanel=store", "chanel"),
        ("channel=a&channel=b", "channel"),
        ("channel=" + "x" * 600, "channel"),
    ],
)
def test_rubbish_in_a_query_names_its_parameter(client: Client, query: str, field: str) -> None:
    response = client.get(f"/v1/lists/churn?{query}")
    assert response.status_code == 422
    assert response.json()["field"] == field


def test_a_list_whose_model_was_never_trained_says_what_to_run(served: Served, portal: BlockingPortal) -> None:
    app = build_app(served.settings, served.source, keyless=True)
    planned = app.state.store.state().planned()
    kept = {path: content for path, content in planned.files.items() if path != "lists/churn.json"}
    object.__setattr__(planned, "files", kept)
    response = Client(app, portal).get("/v1/lists/churn")
    assert response.status_code == 404
    assert "`funnelcast train churn`" in response.json()["detail"]


def test_nobody_who_opted_out_is_on_any_list(client: Client, served: Served) -> None:
    contacts = pd.read_parquet(served.source.parent / "contacts.parquet")
    gone = set(contacts.loc[contacts["opted_out_at"].notna(), "contact_id"])
    items: list[dict[str, Any]] = [item for name in NAMES for item in client.answer(f"/v1/lists/{name}")["list"]]
    assert gone
    assert len(items) > 50
    assert not gone & {item["contact_id"] for item in items}


def test_invoices_and_deals_are_ordered_by_what_they_change_and_say_what_is_known_of_them(client: Client, served: Served) -> None:
    invoices, deals = (client.answer(f"/v1/lists/{name}") for name in ("invoices", "deals"))
    for answer in (invoices, deals):
        order = [(-item["effect"], -item["effect_below_floor"], -item["amount"]) for item in answer["list"]]
        assert order == sorted(order)
        assert len(order) <= 20
        forecast = client.answer("/v1/forecast/cash", {"weeks": 13})["shortfall"]
        assert answer["shortfall"] == {key: forecast[key] for key in ("probability", "probability_below_floor")}
    written = pd.read_parquet(served.source.parent / "invoices.parquet").set_index("invoice_id")
    for item in invoices["list"]:
        row = written.loc[item["invoice_id"]]
        assert (item["contact_id"], item["due_at"][:10]) == (row["contact_id"], str(row["due_at"])[:10])
        assert item["days_late"] == max(0, (pd.Timestamp(served.as_of[:10]) - row["due_at"]).days)
        assert (item["expected_paid_at"] is None) == (item["p_never"] >= 0.5)
    known = pd.read_parquet(served.source.parent / "deals.parquet").set_index("deal_id")
    for item in deals["list"]:
        assert item["owner"] == known.loc[item["deal_id"], "owner"]
        assert 0 <= item["probability"] <= 1
        assert (item["stage"] == "won") == (item["probability"] == 1.0)


def test_the_parts_of_a_list_hold_what_the_company_says(client: Client, served: Served) -> None:
    contacts = pd.read_parquet(served.source.parent / "contacts.parquet").set_index("contact_id")
    deals = pd.read_parquet(served.source.parent / "deals.parquet").sort_values("opened_at")
    owners = deals.dropna(subset="owner").groupby("contact_id")["owner"].last()
    for name in ("churn", "leads"):
        for item in client.answer(f"/v1/lists/{name}")["list"]:
            assert item["channel"] == contacts.loc[item["contact_id"], "source_channel"]
            assert item["owner"] == owners.get(item["contact_id"])
    assert {item["segment"] for item in client.answer("/v1/lists/churn")["list"]} <= {"online", "offline", "both", "dormant"}
