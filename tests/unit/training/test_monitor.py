"""What the monitor finds is kept as a run: the report for people, and the document that it was made from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from funnelcast.settings import Settings
from funnelcast.simulate import company
from funnelcast.terminal import show
from training.monitor import monitored


def test_a_company_without_champions_is_told_so_and_its_report_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.read({"FUNNELCAST_HOME": str(tmp_path)})
    document = monitored(settings, company(300, seed=2, months=18).facts())
    report = Path(str(document["report"]))
    assert document["performance"] == {}
    assert report.read_text().lstrip().lower().startswith("<!doctype html")
    kept = json.loads((report.parent / "monitor.json").read_bytes())
    assert kept == {name: value for name, value in document.items() if name not in {"run_id", "report"}}
    show("monitor", document)
    assert f"MLflow run {document['run_id']}" in capsys.readouterr().out
