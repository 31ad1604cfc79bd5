from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import clv_company
from funnelcast.cli import main
from funnelcast.errors import UsageError
from funnelcast.families.clv.summary import summarise
from funnelcast.settings import Settings
from funnelcast.sources.open import open_source


def test_a_size_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"FUNNELCAST_MEMORY is 'much': give a size such as 2GB"):
        Settings.read({"FUNNELCAST_MEMORY": "much"})
    assert Settings.read({}).memory is None


def test_the_engine_keeps_to_its_memory_and_answers_the_same(tmp_path: Path) -> None:
    source, memory = clv_company.write(tmp_path, customers=20_000), Settings.read({"FUNNELCAST_MEMORY": "24MiB"}).memory
    bounded, free = open_source(source, 2, memory), open_source(source, 2)
    connection: Any = bounded.backend
    assert connection.raw_sql("select current_setting('memory_limit')").fetchone() == ("24.0 MiB",)
    answers = [summarise(facts, clv_company.AS_OF).order_by("contact_id").to_pyarrow() for facts in (bounded, free)]
    assert answers[0].equals(answers[1])
    assert len(answers[0]) == 20_000


def test_the_command_line_says_so_in_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FUNNELCAST_MEMORY", "much")
    assert main(["models"]) == 1
    assert capsys.readouterr().err == "funnelcast: FUNNELCAST_MEMORY is 'much': give a size such as 2GB.\n"
