"""The short version of ``python -m benchmarks.planted_drift``: one company, one day."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.planted_drift import PERIOD_DAYS, PERIODS, PLANTS, delay, heard, plant
from funnelcast.simulate import simulate
from funnelcast.sources.open import open_source
from funnelcast.terms import AsOf

DAY = datetime.fromisoformat("2025-07-07")
AS_OF = AsOf(DAY + timedelta(days=PERIODS * PERIOD_DAYS), "Europe/Paris")
SEED = 5
FLOWS = ("mix", "price", "tracking")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("planted"), 6_000, SEED, 36)


@pytest.fixture(scope="module")
def quiet(source: Path) -> list[dict[str, Any]]:
    return heard(open_source(source), AS_OF)


@pytest.mark.parametrize("name", FLOWS)
def test_what_is_planted_is_named_within_two_periods_and_only_where_it_was_planted(
    name: str, source: Path, quiet: list[dict[str, Any]]
) -> None:
    assert delay(quiet, PLANTS[name], DAY) == np.inf
    kept = plant(source.parent, name, DAY, SEED)
    found = heard(open_source(source), AS_OF)
    kept.rename(source.parent / f"{PLANTS[name].table}.parquet")
    assert delay(found, PLANTS[name], DAY) <= PERIODS * PERIOD_DAYS
    alert = next(one for one in found if PLANTS[name].named(one))
    says = {
        "mix": ("New contacts by s", "Nouveaux contacts par s", "budgets"),
        "price": ("Price: from 2025-", "Prix : du ", "price list"),
        "tracking": ("Visits to the shop (store): −", "Visites en magasin (store) : −", "tag"),
    }[name]
    assert alert["text"]["en"].startswith(says[0])
    assert alert["text"]["fr"].startswith(says[1])
    assert says[2] in alert["action"]["en"]
    assert (alert["effect"] is None) == (name != "price")  # a price times what was bought is money; a share is none
    assert all(text["en"].endswith(".") and text["fr"].endswith(".") for text in (alert["text"], alert["effect_text"], alert["action"]))
    assert abs(alert["change"]) > 0.05
    if name == "price":
        assert 0 < alert["effect"] < 0.25 * PERIODS * PERIOD_DAYS * 3_000
