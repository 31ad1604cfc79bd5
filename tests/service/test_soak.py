"""Under load no answer is lost or mixed while champions are promoted and a worker is killed: some seconds of `make soak`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.soak import MODEL, Plan, soak
from funnelcast import champions
from funnelcast.artefacts import read_folder
from tests.service.conftest import Served


def test_promotions_and_a_kill_under_load(served: Served, tmp_path: Path) -> None:
    home = served.copied(tmp_path, ("churn", "clv"))
    versions = two_versions(read_folder(home.champions / "demo" / served.champion(MODEL).folder))

    def promote(version: int) -> None:
        champions.export(home, versions[version], version)

    plan = Plan(seconds=12.0, promote_every=4.0, kill_every=7.0, capacity_seconds=1.0)
    report = soak(home, served.source, plan, tuple(versions), promote)
    assert report.breaches == []
    assert report.answers > 100
    assert report.killed == 1
    assert len(report.pick_up_seconds) == 2


def two_versions(files: Mapping[str, bytes]) -> dict[int, Mapping[str, bytes]]:
    """Give the champion, and one that thinks purchases worth half as much."""
    document = json.loads(files["model.json"])
    document["terms"]["margin"] /= 2
    return {101: files, 102: {**files, "model.json": json.dumps(document).encode()}}
