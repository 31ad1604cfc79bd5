"""CLV by segment in the snapshot: the same customers and values as the scores beside it."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from tests.service.conftest import Served


def test_segments_sum_the_scores_of_the_snapshot(served: Served) -> None:
    document = served.snapshot().document("clv_segments")
    scores = pd.read_parquet(io.BytesIO(served.snapshot().folder("scores")["clv.parquet"]))
    assert document["as_of"] == served.as_of
    assert document["currency"] == "EUR"
    assert document["version"] == served.champion("clv").version
    assert set(document["tables"]) == {"acquisition_channel", "journey_type", "channels_used"}
    for table in document["tables"].values():
        assert table["title"]["fr"]
        assert sum(row["customers"] for row in table["segments"]) == len(scores)
        assert sum(row["total_clv"] for row in table["segments"]) == pytest.approx(scores["clv"].sum(), rel=1e-9)
        for row in table["segments"]:
            assert row["holdout"] is None
            assert row["total_p10"] <= row["total_clv"] <= row["total_p90"] or row["customers"] < 20
