"""[targets] of source.toml: numbers under the names of the figures, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from funnelcast.errors import BadSourceFile
from funnelcast.sources import source_file

HEAD = '[source]\nname = "acme"\n[tables.contacts]\npath = "contacts.csv"\n'


def read(folder: Path, targets: str) -> dict[str, float]:
    path = folder / "source.toml"
    path.write_text(f"{HEAD}{targets}\n", encoding="utf-8")
    return dict(source_file.read(path).source.targets)


def test_targets_are_read_by_their_figures(tmp_path: Path) -> None:
    assert read(tmp_path, "") == {}
    assert read(tmp_path, "[targets]\nsales = 250000\ncash = -1000.5\nchurn = 0.3") == {"sales": 250000.0, "cash": -1000.5, "churn": 0.3}


@pytest.mark.parametrize(("targets", "said"), [
    ("[targets]\nsale = 1", r"\[targets\] unknown key 'sale'; did you mean 'sales'\? Known: sales, pipeline, cash"),
    ('[targets]\nsales = "many"', r"\[targets\] sales must be a number"),
    ("[targets]\nsales = nan", r"\[targets\] sales must be a finite number"),
    ("[targets]\nchurn = 30", r"\[targets\] churn is a share such as 0.25; got 30"),
    ("[target]\nsales = 1", r"unknown section 'target'; did you mean 'targets'"),
])  # fmt: skip
def test_what_can_t_be_a_target_is_said(tmp_path: Path, targets: str, said: str) -> None:
    with pytest.raises(BadSourceFile, match=said):
        read(tmp_path, targets)
