"""A company that brings one table sees a page that makes sense; names from its data are texts, whatever they look like."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Dialog, Route

from funnelcast.families.family import Options
from funnelcast.sources.open import open_source
from tests.dashboard.conftest import Open, serving
from tests.dashboard.watched import BROKEN, LANGS, VIEWS
from training.recording import register
from training.refresh import refresh
from training.train import Request, fit

if TYPE_CHECKING:
    from funnelcast.tracking import Tracker

HOSTILE = '<a href="https://example.com/">x</a><img src=x onerror="alert(1)">'


def totals(folder: Path) -> str:
    """Two years of daily totals, and nothing else."""
    days = pd.date_range("2024-01-01", "2025-12-31")
    amounts = 1_000 + 200 * np.sin(np.arange(len(days)) * 2 * np.pi / 7) + np.random.default_rng(1).normal(0, 50, len(days))
    pd.DataFrame({"date": days.date, "amount": amounts.round(2)}).to_csv(folder / "facts.csv", index=False)
    return '[tables.sales]\npath = "facts.csv"\n'


def labels(folder: Path) -> str:
    """Contacts of whom the file says who left, and nothing else."""
    drawn = np.random.default_rng(2)
    months = drawn.integers(1, 60, 600)
    left = drawn.random(600) < 1 / (1 + np.exp(0.08 * months - 1))
    rows = {
        "contact_id": [f"c{one}" for one in range(600)],
        "months": months,
        "plan": drawn.choice(["a", "b"], 600),
        "Churn": np.where(left, "Yes", "No"),
    }
    pd.DataFrame(rows).to_csv(folder / "facts.csv", index=False)
    return '[tables.contacts]\npath = "facts.csv"\n[labels.churn]\ncolumn = "Churn"\npositive = "Yes"\n'


COMPANIES: dict[str, tuple[Callable[[Path], str], tuple[str, ...]]] = {"totals": (totals, ()), "labels": (labels, ("churn",))}
LACKS = {
    "totals": ("people", {"en": "purchases or subscriptions by customer", "fr": "achats ou des abonnements par client"}),
    "labels": ("forecast", {"en": "purchases with date and amount", "fr": "achats avec date et montant"}),
}
"""A view that such a company sees empty, and what it reads there."""


@pytest.fixture(scope="module", params=COMPANIES)
def company(chromium: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The name of a company of one table, and the address of its service."""
    from tests.service.conftest import Ledger, home_at  # noqa: PLC0415 (seconds of imports)

    folder = tmp_path_factory.mktemp(request.param)
    write, models = COMPANIES[request.param]
    settings, source = home_at(folder / "home"), folder / "source.toml"
    source.write_text(f'[source]\nname = "{request.param}"\ncurrency = "EUR"\n{write(folder)}')
    facts = open_source(source, threads=1)
    for model in models:
        fitted = fit(settings, facts, Request(model, options=Options(trials=1, threads=1)))
        assert register(cast("Tracker", Ledger()), "0" * 8, fitted, promote=True)[1] is not None
    refresh(settings, facts, as_of=None, progress=lambda _: None)
    with serving(settings.home, source) as address:
        yield request.param, address


@pytest.mark.parametrize("lang", LANGS)
def test_one_table_gets_a_page_that_makes_sense(company: tuple[str, str], opened: Open, lang: str) -> None:
    name, address = company
    with opened(lang, 360, at=address) as watched:
        watched.settle()
        for view in VIEWS:
            watched.show(view)
            watched.charts()
            watched.picture(f"{name}-{view}")
            said = watched.page.locator("main").inner_text()
            assert len(said) > 60, view
            assert BROKEN.findall(watched.texts()) == []
            assert watched.too_wide() == []
        assert {status for status, _, _ in watched.answers} <= {200, 304}
        assert watched.complaints == []
        assert watched.hosts == {address.removeprefix("http://")}


@pytest.mark.parametrize("lang", LANGS)
def test_what_it_allows_is_shown_and_the_rest_is_named(company: tuple[str, str], opened: Open, lang: str) -> None:
    name, address = company
    empty, reason = LACKS[name]
    with opened(lang, at=address) as watched:
        watched.settle("forecast" if name == "totals" else "people")  # whoever opens the page first sees what there is
        watched.show("forecast")
        assert [chart.name for chart in watched.charts() if chart.marks] == (["sales"] if name == "totals" else [])
        watched.show("people")
        assert (watched.page.locator("main tbody tr[data-id]").count() > 5) == (name == "labels")
        watched.show(empty)
        assert reason[lang] in watched.page.locator("main").inner_text()
        watched.page.evaluate("looking.unfold()")
        gaps = [gap["reason"][lang] for gap in httpx.get(f"{address}/v1/overview").json()["missing"]]
        assert len(gaps) > 3
        assert [gap for gap in gaps if gap not in watched.texts()] == []


def test_names_from_the_data_are_texts(opened: Open) -> None:
    def disguise(route: Route) -> None:
        answer = route.fetch()
        told = answer.text().replace('"store"', json.dumps(HOSTILE))
        document = json.loads(told)
        for row in document.get("list", []):
            row["contact_id"] = HOSTILE
        route.fulfill(response=answer, json=document)

    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    with opened("en") as watched:
        watched.page.on("dialog", note)
        watched.page.route("**/v1/**", disguise)
        watched.page.reload()
        for view in VIEWS:
            watched.show(view)
            charts = watched.charts()
            if view in {"forecast", "people", "channels"}:
                assert HOSTILE in watched.texts(), view
            if view == "channels":
                assert sum(HOSTILE in label["said"] for chart in charts for label in chart.labels) >= 2
            assert watched.page.locator("img, a[href*='example.com']").count() == 0
        assert dialogs == []
        assert watched.complaints == []
