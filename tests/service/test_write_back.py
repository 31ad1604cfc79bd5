"""Scores as a CRM imports them: its own record ids, plain cells, and no flag on anyone who opted out."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from funnelcast.errors import UsageError
from funnelcast.spreadsheet import Cell
from tests.service.conftest import Served
from training.lists import Ask, make_list
from training.score import stream
from training.train import default_as_of
from training.write_back import CRMS, _write, write_back

FIRST = {"hubspot": "Record ID", "pipedrive": "Person - ID", "salesforce": "Id"}
NAMES = {
    "churn": ["probability", "grade", "expected_loss", "to_contact", "updated_at"],
    "lead_scoring": ["probability", "grade", "expected_value", "to_contact", "updated_at"],
    "clv": ["amount", "low", "high", "p_alive", "updated_at"],
}
AMOUNT = {"churn": "expected_loss", "lead_scoring": "expected_value", "clv": "clv"}


def silent(_: str) -> None:
    """Say nothing."""


def written(served: Served, model: str, crm: str, out: Path) -> tuple[dict[str, Any], list[dict[str, str]]]:
    document = write_back(served.settings, served.facts, model, crm, out, as_of=None, progress=silent)
    with out.open(encoding="utf-8", newline="") as file:
        return document, list(csv.DictReader(file))


def answers(served: Served, model: str) -> pd.DataFrame:
    return pd.concat(list(stream(served.settings, served.facts, served.champion(model), default_as_of(served.facts)))).set_index(
        "contact_id"
    )


@pytest.mark.parametrize(("model", "crm"), [("churn", "hubspot"), ("lead_scoring", "pipedrive"), ("clv", "salesforce")])
def test_every_record_gets_the_scores_that_it_has_over_http(served: Served, model: str, crm: str, tmp_path: Path) -> None:
    document, rows = written(served, model, crm, tmp_path / "scores.csv")
    form = {"hubspot": "{}", "pipedrive": "Person - {}", "salesforce": "{}__c"}[crm]
    headers = [form.format(f"funnelcast_{model}_{name}") for name in NAMES[model]]
    assert list(rows[0]) == [FIRST[crm], *headers]
    expected = answers(served, model)
    contacts = set(served.facts.tables["contacts"].contact_id.to_pyarrow().to_pylist())
    assert [row[FIRST[crm]] for row in rows] == sorted(set(expected.index) & contacts)
    assert document["rows"] == len(rows)
    assert document["unmatched"] == len(set(expected.index) - contacts)
    amount = form.format(f"funnelcast_{model}_{'amount' if model == 'clv' else AMOUNT[model]}")
    for row in rows:
        truth = expected.loc[row[FIRST[crm]]]
        assert row[amount] == ("" if pd.isna(truth[AMOUNT[model]]) else repr(round(float(truth[AMOUNT[model]]), 2)))
        assert row[headers[-1]] == "2026-01-01"
        if model != "clv":
            assert float(row[headers[0]]) == pytest.approx(truth["probability"], abs=5e-5)
            assert row[headers[1]] == truth["grade"]


@pytest.mark.parametrize("model", ["churn", "lead_scoring"])
def test_the_flag_is_that_of_the_list_and_nobody_who_opted_out_carries_it(served: Served, model: str, tmp_path: Path) -> None:
    _, rows = written(served, model, "hubspot", tmp_path / "scores.csv")
    flagged = {row["Record ID"] for row in rows if row[f"funnelcast_{model}_to_contact"] == "true"}
    assert {row[f"funnelcast_{model}_to_contact"] for row in rows} == {"true", "false"}
    listed: Any = make_list(served.settings, served.facts, Ask(model), as_of=None, progress=silent)["list"]
    assert flagged == {row["contact_id"] for row in listed}
    contacts = served.facts.tables["contacts"]
    opted_out = set(contacts.filter(contacts.opted_out_at.notnull()).contact_id.to_pyarrow().to_pylist())
    assert opted_out & {row["Record ID"] for row in rows}
    assert not opted_out & flagged


def test_cells_are_plain_and_leads_of_salesforce_stand_apart(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["003A", 0.5, "2026-01-01"], ["00QB", 1234.5, "2026-01-01"], ["=1+1", None, "2026-01-01"]]
    files = _write(
        tmp_path / "churn.csv", rows, ["Id", "funnelcast_churn_probability__c", "funnelcast_churn_updated_at__c"], CRMS["salesforce"]
    )
    assert [path.name for path in files] == ["churn-leads.csv", "churn.csv"]
    head = b'"Id","funnelcast_churn_probability__c","funnelcast_churn_updated_at__c"\r\n'
    assert files[0].read_bytes() == head + b'"00QB","1234.5","2026-01-01"\r\n'
    assert files[1].read_bytes() == head + b'"003A","0.5","2026-01-01"\r\n"\'=1+1","","2026-01-01"\r\n'
    assert [path.name for path in _write(tmp_path / "none.csv", [], ["Id"], CRMS["salesforce"])] == ["none.csv"]


def test_what_no_crm_takes_is_refused_before_anything_is_scored(served: Served, tmp_path: Path) -> None:
    for model, name, reason in (
        ("deal_outcome", "deals.csv", "scores no contacts"),
        ("churn", "churn.parquet", r"end the file's name in \.csv"),
    ):
        with pytest.raises(UsageError, match=reason):
            write_back(served.settings, served.facts, model, "hubspot", tmp_path / name, as_of=None, progress=silent)
    assert not list(tmp_path.iterdir())
