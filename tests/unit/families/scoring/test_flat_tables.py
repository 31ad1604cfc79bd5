"""A table as somebody exports it, from the file to the model: it trains, and each column is read or has its reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.churn import FAMILY
from funnelcast.families.family import Development, Options
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of

ROWS = 600
SOURCE = '[source]\nname = "flat"\n[tables.contacts]\npath = "flat.csv"\n[labels.churn]\ncolumn = "Résilié ?"\npositive = "oui"\n'


def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    score, vip = rng.normal(size=ROWS), rng.random(ROWS) < 0.4
    since = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 2_000, ROWS), unit="D")
    gone = rng.random(ROWS) < 1 / (1 + np.exp(-(1.5 * score - 1.5 * vip + (since.year - 2022))))
    formats = rng.choice(["%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y %H:%M"], ROWS)
    amounts = [f"{100 * value + 500:,.2f} €".replace(",", "\u202f").replace(".", ",") for value in score]
    columns = {
        "Solde  moyen": np.where(rng.random(ROWS) < 0.05, "?", amounts),
        "Client VIP": np.where(vip, rng.choice(["Oui", "oui", "Yes", "1"], ROWS), rng.choice(["Non", "no", "0"], ROWS)),
        "Depuis": [date.strftime(way) for date, way in zip(since, formats, strict=True)],
        "as_of": rng.integers(0, 5, ROWS),
        "label": rng.choice(list("xyz"), ROWS),
        "probability": rng.random(ROWS).round(3),
        "order": rng.choice(["group", "select", "where"], ROWS),
        'dit "libre"; $ et $': rng.choice(["[a]", "{b}", "100 %"], ROWS),
        "2e avis": [f"avis n° {number}" for number in range(ROWS)],
        "Code": [f"P{number // 3}" for number in rng.permutation(ROWS)],
        "Pays": "FR",
        "Vide": "",
        "VIP (copie)": np.where(vip, "vrai", "faux"),
        "age": rng.integers(18, 80, ROWS),
        "Age": rng.choice(["jeune", "senior"], ROWS),
        "Résilié ?": np.where(gone, rng.choice(["oui", "Oui"], ROWS), "non"),
    }
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    folder: Path = tmp_path_factory.mktemp("flat")
    table().to_csv(folder / "flat.csv", sep=";", index=False, encoding="utf-8")
    (folder / "source.toml").write_text(SOURCE, encoding="utf-8")
    return open_source(folder / "source.toml", threads=1)


@pytest.fixture(scope="module")
def found(facts: Facts) -> Development:
    return FAMILY.develop(facts, spec_of("churn", folds={"groups": 2, "inner": 2}), AsOf.parse("2026-01-01", "UTC"), Options(trials=1))


def test_every_column_is_read_or_has_its_reason(facts: Facts, found: Development) -> None:
    read, left_out = set(found.model.columns), found.details["left_out"]
    named = {f"{name} (attribute)" if name == "label" else name for name in facts.attributes("contacts")}
    assert len(named) == table().shape[1] - 1
    assert isinstance(left_out, dict)
    assert read | set(left_out) == named
    assert left_out == {
        "2e avis": "identifier or free text: nearly every row has its own value",
        "Code": "too many values: none is in 6 rows or more",
        "Pays": "constant",
        "Vide": "empty",
        "VIP (copie)": "the same as Client VIP",
    }


def test_what_the_columns_say_is_found(found: Development) -> None:
    assert found.details["leak_suspects"] == []
    assert found.metrics["roc_auc"] > 0.85
    assert isinstance(found.details["contributions"], dict)
    assert set(list(found.details["contributions"])[:3]) == {"Solde  moyen", "Client VIP", "Depuis"}
