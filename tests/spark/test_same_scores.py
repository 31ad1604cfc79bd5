"""Champions score inside Spark as they do on DuckDB, from the bytes of the same artefacts."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from funnelcast import champions
from funnelcast.answers import Scale
from funnelcast.errors import UsageError
from funnelcast.families.family import Options
from funnelcast.settings import Settings
from tests.spark.conftest import Both, on_spark
from tests.spark.same import assert_same
from training.score import score
from training.score_in_spark import Task
from training.train import Request, train

MODELS = ("clv", "churn", "lead_scoring")


@pytest.fixture(scope="module")
def settings(both: Both, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose champions were trained on DuckDB."""
    settings = Settings.read({"FUNNELCAST_HOME": str(tmp_path_factory.mktemp("home")), "FUNNELCAST_THREADS": "2"})
    for name in MODELS:
        train(settings, both.duckdb, Request(name, options=Options(trials=1)))
    return settings


def said(message: str) -> None:
    """Hear what is going on."""
    assert message


@pytest.mark.parametrize("model", MODELS)
def test_scores_are_the_same_in_the_same_order(settings: Settings, both: Both, tmp_path: Path, model: str) -> None:
    one, other = tmp_path / "duckdb.parquet", tmp_path / "spark.parquet"
    document = score(settings, both.duckdb, model, one, as_of=None, progress=said)
    found = score(settings, both.spark, model, other, as_of=None, progress=said)
    assert found["rows"] == document["rows"] == len(pd.read_parquet(other))
    assert pq.read_schema(other).equals(pq.read_schema(one))
    assert pd.read_parquet(other)["contact_id"].tolist() == pd.read_parquet(one)["contact_id"].tolist()
    assert_same(pd.read_parquet(one), pd.read_parquet(other), "contact_id")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["duckdb.parquet", "spark.parquet"]


def test_workers_may_write_a_folder_of_their_own(settings: Settings, both: Both, tmp_path: Path) -> None:
    document = score(settings, both.spark, "clv", tmp_path / "clv", as_of=None, progress=said)
    score(settings, both.duckdb, "clv", tmp_path / "clv.parquet", as_of=None, progress=said)
    assert_same(pd.read_parquet(tmp_path / "clv.parquet"), pd.read_parquet(tmp_path / "clv"), "contact_id")
    assert document["rows"] == len(pd.read_parquet(tmp_path / "clv.parquet"))
    with pytest.raises(UsageError, match="such a folder already"):
        score(settings, both.spark, "clv", tmp_path / "clv", as_of=None, progress=said)
    with pytest.raises(UsageError, match=r"\.parquet or \.csv"):
        score(settings, both.duckdb, "clv", tmp_path / "other", as_of=None, progress=said)


def test_what_is_sent_to_workers_holds_no_object_of_a_model(settings: Settings, both: Both) -> None:
    champion = champions.load(settings, both.duckdb.source.name, "churn")
    sent = pickle.dumps(Task.of(champion, "contact_id", Scale(), None, 90.0))
    assert b"lightgbm" not in sent.replace(b"lightgbm.txt", b"")
    assert type(champion.model).__name__.encode() not in sent


def test_the_command_scores_with_a_spark_of_its_own(settings: Settings, both: Both, source: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.toml"
    text = source.read_text().split("[tables.")[0] + f'[tables.transactions]\npath = "{source.parent / "transactions.parquet"}"\n'
    few.write_text(text)
    command = [sys.executable, "-m", "funnelcast.cli", "score", "clv", "--source", str(on_spark(few)), "--out", "clv.csv", "--json"]
    environment = {**os.environ, "FUNNELCAST_HOME": str(settings.home), "FUNNELCAST_THREADS": "2", "FUNNELCAST_MEMORY": "1GB"}
    environment["TMPDIR"] = str(tmp_path)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    document = json.loads(done.stdout)
    assert document["rows"] == len(pd.read_csv(tmp_path / "clv.csv"))
    assert not list(tmp_path.glob("funnelcast*")), "scratch is gone"
