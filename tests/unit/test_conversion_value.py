from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.artefacts import to_json
from funnelcast.conversion_value import DOCUMENT, ConversionValue
from funnelcast.families.table import Table

CONVERTS = pd.DataFrame({"channel": ["store"] * 5 + ["web"] * 20 + [None] * 5, "worth": [400.0] * 5 + [100.0] * 20 + [200.0] * 5})


def test_few_converts_hardly_move_a_channel_from_the_common_mean() -> None:
    value = ConversionValue.of_converts(CONVERTS)
    assert value is not None
    # the sum of all is 5000; each channel stands beside 20 converts of the common mean
    mean = 5_000 / 30
    assert value.overall == pytest.approx(mean)
    assert dict(value.by_channel) == pytest.approx({"store": (2_000 + 20 * mean) / 25, "web": (2_000 + 20 * mean) / 40})
    assert value.converts == 30


def test_a_channel_that_brought_nobody_takes_the_common_mean() -> None:
    value = ConversionValue.of_converts(CONVERTS)
    assert value is not None
    rows = Table({"source_channel": np.array(["web", "fair", None], dtype=object)}, 3)
    assert value.of_rows(rows).tolist() == [value.by_channel["web"], value.overall, value.overall]
    assert value.of_rows(Table({}, 3)).tolist() == [value.overall] * 3
    nobody = Table({"source_channel": np.array([np.nan, np.nan])}, 2)
    assert value.of_rows(nobody).tolist() == [value.overall] * 2
    assert value.of_rows(rows.at(np.arange(0))).tolist() == []


def test_without_converts_nothing_is_told() -> None:
    assert ConversionValue.of_converts(CONVERTS.iloc[:0]) is None
    assert ConversionValue.of_files({}) is None
    assert ConversionValue.of_files({f"{DOCUMENT}.json": to_json(None)}) is None


def test_a_snapshot_gives_the_very_same_table_back() -> None:
    value = ConversionValue.of_converts(CONVERTS.assign(worth=np.sqrt(np.arange(30.0))))
    assert value is not None
    assert ConversionValue.of_files({f"{DOCUMENT}.json": to_json(value.document())}) == value
