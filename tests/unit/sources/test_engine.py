"""What holds the facts, where it can't be had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from funnelcast.errors import BadSourceFile
from funnelcast.sources.open import open_source
from funnelcast.sources.spark import _megabytes


def test_spark_that_is_not_installed_is_asked_for_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("pyspark", "pyspark.errors", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "source.toml"
    path.write_text('[source]\nname = "acme"\nbackend = "pyspark"\n[tables.contacts]\npath = "c.parquet"\n')
    with pytest.raises(BadSourceFile, match=r'source.toml: backend = "pyspark" needs Java 17 or 21 and the extra `spark`'):
        open_source(path)


@pytest.mark.parametrize(
    ("given", "java"), [("2GB", "2048m"), ("1.5 GiB", "1536m"), ("512MB", "512m"), ("1TB", "1048576m"), ("2048KB", "2m")]
)
def test_a_size_is_written_as_java_writes_it(given: str, java: str) -> None:
    assert _megabytes(given) == java
