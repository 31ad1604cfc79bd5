"""A company that brings one table gets every answer that it allows, and a plain statement of what is missing for the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from funnelcast.cli import main
from funnelcast.settings import Settings
from funnelcast.simulate import Company
from funnelcast.snapshots import latest

ANSWERS = {
    "invoices": ({"payment_delay"}, {"attribution", "sales", "pipeline"}),
    "deals": ({"deal_outcome"}, {"attribution", "sales"}),
}
UNTOLD = {"journeys", "lists/invoices", "lists/deals"}
"""Without touches, and without a balance whose shortfall an invoice or a deal could change."""
FIGURES = {"invoices": [], "deals": ["pipeline", "velocity"]}
NEEDED = {"churn": "transactions", "clv": "transactions", "lead_scoring": "contacts", "deal_outcome": "deals", "payment_delay": "invoices"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize("table", sorted(ANSWERS))
def test_one_table_gets_what_it_allows(
    table: str, company: Company, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNNELCAST_HOME", str(home))
    source = home / f"{table}.toml"
    rows = company.tables[table].to_pandas()
    rows.loc[:, [name for name in rows.columns if name != "contact_id" or table == "invoices"]].to_csv(home / f"{table}.csv", index=False)
    source.write_text(f'[source]\nname = "{table}-only"\n[tables.{table}]\npath = "{table}.csv"\n')
    trained = run(capsys, "train", "all", "--source", str(source))
    models, missing = ANSWERS[table]
    assert {one["model"] for one in trained["trained"]} == models
    for failure in trained["failed"]:
        if failure["model"] in NEEDED:
            assert f"needs the table {NEEDED[failure['model']]}, which" in failure["reason"]
    refreshed = run(capsys, "refresh", "--source", str(source))
    assert set(refreshed["missing"]) == missing | UNTOLD
    assert set(refreshed["scored"]) == models
    overview = latest(Settings.read(), f"{table}-only").document("overview")
    assert [figure["name"] for figure in overview["figures"]] == FIGURES[table]
    assert "transactions" in next(one["reason"]["fr"] for one in overview["missing"] if one["name"] == "sales")
    forecast = run(capsys, "forecast", "cash", "--source", str(source), "--weeks", "13")
    assert pd.DataFrame(forecast["periods"])["p50"].sum() > 0
    assert any(reason.startswith("balance") for reason in forecast["missing"])


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)
