"""The lists on the page, in the clipboard and in the file are those of the service."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.dashboard.conftest import Open
from tests.dashboard.formats import number_in
from tests.dashboard.watched import LANGS, Watched

IDS = {"churn": "contact_id", "leads": "contact_id", "invoices": "invoice_id", "deals": "deal_id"}


@pytest.fixture(scope="module", params=LANGS)
def window(request: pytest.FixtureRequest, opened: Open) -> Iterator[Watched]:
    with opened(request.param, permissions=["clipboard-read", "clipboard-write"]) as watched:
        watched.show("people")
        yield watched


def asked(window: Watched, name: str, **query: str) -> dict[str, Any]:
    answer = httpx.get(f"{window.address}/v1/lists/{name}", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def shown(window: Watched) -> list[str]:
    """Give the ids in the table, all of them."""
    more = window.page.locator("main .more button").first
    if more.is_visible():
        more.click()
    return ids(window)


def ids(window: Watched) -> list[str]:
    found: list[str] = window.page.locator("main tbody tr[data-id]").evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
    return found


@pytest.mark.parametrize("name", IDS)
def test_the_table_holds_the_list_in_its_order(window: Watched, name: str) -> None:
    window.press("pick", name)
    rows = asked(window, name)["list"]
    assert len(rows) > 3
    assert shown(window) == [row[IDS[name]] for row in rows]


@pytest.mark.parametrize("name", IDS)
def test_the_file_holds_the_list(window: Watched, name: str) -> None:
    window.press("pick", name)
    rows = asked(window, name)["list"]
    with window.page.expect_download() as started:
        window.page.locator("[data-action=csv]").click()
    file = started.value
    day = asked(window, name)["as_of"][:10]
    assert file.suggested_filename.endswith(f"-{name}-{day}.csv")
    text = file.path().read_text(encoding="utf-8-sig")
    found = list(csv.DictReader(text.splitlines(), delimiter=";" if window.lang == "fr" else ","))
    assert len(found) == len(rows) > 3
    for cells, row in zip(found, rows, strict=True):
        assert set(cells) == set(row)
        for column, value in row.items():
            assert _same(cells[column], value, window.lang), (column, cells[column], value)


def _same(cell: str, value: Any, lang: str) -> bool:
    """Say whether a cell says what the service says."""
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell.lower() in {str(value).lower(), str(int(value))}
    if isinstance(value, (int, float)):
        return number_in(cell, lang) == pytest.approx(value, abs=0.006)
    if isinstance(value, list):
        return cell == " | ".join(reason["text"][lang] if isinstance(reason["text"], dict) else reason["text"] for reason in value)
    return cell == str(value)


@pytest.mark.parametrize("name", ["churn", "deals"])
def test_a_filter_leaves_whom_it_names(window: Watched, name: str) -> None:
    window.press("pick", name)
    whole = asked(window, name)
    kinds = [kind for kind, values in whole["filters"].items() if len(values) > 1]
    assert kinds
    for kind in kinds:
        value = whole["filters"][kind][0]
        window.page.locator(f"select[name={kind}]").select_option(value)
        window.settle("people")
        kept = asked(window, name, **{kind: value})["list"]
        assert 0 < len(kept) < len(whole["list"])
        assert kept == [row for row in whole["list"] if row[kind] == value]
        assert shown(window) == [row[IDS[name]] for row in kept]
        with window.page.expect_download() as started:
            window.page.locator("[data-action=csv]").click()
        assert len(started.value.path().read_text(encoding="utf-8-sig").splitlines()) == len(kept) + 1
        window.page.locator(f"select[name={kind}]").select_option("")
        window.settle("people")
    assert len(shown(window)) == len(whole["list"])


def test_what_is_copied_is_the_list(window: Watched) -> None:
    window.press("pick", "leads")
    rows = asked(window, "leads")["list"]
    window.page.evaluate("navigator.clipboard.writeText('')")
    window.page.locator("[data-action=copy]").click()
    expect(window.page.locator(".shown")).to_contain_text(str(len(rows)))
    head, *lines = window.page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [line.split("\t")[0] for line in lines] == [row["contact_id"] for row in rows]
    assert {len(line.split("\t")) for line in lines} == {len(head.split("\t"))}


def test_a_table_sorts_by_its_headings(window: Watched) -> None:
    window.press("pick", "churn")
    shown(window)
    heading = window.page.locator("main th button").nth(1)
    heading.click()
    assert window.page.locator("main th").nth(1).get_attribute("aria-sort") == "descending"
    found = ids(window)
    losses = {row["contact_id"]: row["expected_loss"] for row in asked(window, "churn")["list"]}
    assert len(found) > 3
    assert all(losses[one] >= losses[other] for one, other in pairwise(found))
    heading.click()
    assert ids(window)[0] == min(losses, key=lambda one: losses[one])
