"""One Spark for all tests of this folder; they skip where there is none."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from funnelcast.simulate import simulate
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source

CONTACTS = 500


# pyspark leaves the sockets open by which answers come
SOCKETS = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Overlook them here, and nowhere else."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(SOCKETS)


@dataclass(frozen=True)
class Both:
    """One company's facts, held by either engine."""

    duckdb: Facts
    spark: Facts


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Spark on two cores that wastes no time on what only large data needs."""
    if find_spec("pyspark") is None:
        pytest.skip("pyspark isn't installed: `make test-spark` brings it")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("there is no Java")
    from pyspark.sql import SparkSession  # noqa: PLC0415 (an extra)

    settings = {
        "spark.master": "local[2]",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "FATAL",
    }
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = SparkSession.builder.config(map=settings).getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated company's source.toml."""
    return simulate(tmp_path_factory.mktemp("company"), contacts=CONTACTS, seed=5)


@pytest.fixture(scope="session")
def both(session: Any, source: Path) -> Both:
    return Both(open_source(source), open_source(on_spark(source)))


def on_spark(source: Path) -> Path:
    """Write the same source.toml beside itself, for Spark."""
    path = source.with_name("spark.toml")
    path.write_text(source.read_text().replace("[source]\n", '[source]\nbackend = "pyspark"\n', 1))
    return path
