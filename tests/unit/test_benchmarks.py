"""Every contender of a benchmark gives the same answer; no time is judged here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from benchmarks import __main__ as bench
from benchmarks import attribution, attribution_company, clv, clv_company, clv_summary, feature_set, projection, scoring
from benchmarks.large_company import draw
from benchmarks.measure import Row, apart, headline, keep
from funnelcast import champions
from funnelcast.champions import About
from funnelcast.families.attribution.paths import each_row
from funnelcast.families.attribution.shapley import shapley
from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.families.scoring.model import ScoringModel
from funnelcast.sources.open import open_source
from tests.unit.families.scoring_company import SPECS, earlier, facts
from training.train import default_as_of


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("company")
    draw(folder, contacts=1_500, touchpoints=30_000, transactions=4_500)
    contenders = {"own": feature_set.by_funnelcast, "sql": feature_set.by_hand, "pandas": feature_set.by_pandas}
    return {name: feature_set.by_contact(contender(folder)()) for name, contender in contenders.items()}


@pytest.mark.parametrize("other", ["sql", "pandas"])
def test_features_by_hand_are_those_of_the_library(answers: dict[str, pd.DataFrame], other: str) -> None:
    own = answers["own"]
    assert own.shape == (1_500, 65)
    assert feature_set.differing(own, answers[other]) == []


def test_a_value_that_differs_is_named(answers: dict[str, pd.DataFrame]) -> None:
    own, changed = answers["own"], answers["sql"].copy()
    changed["visits_365d"] += np.arange(len(own)) == 3
    changed["spend"] = changed["spend"] * (1 + 1e-6 * (changed["spend"] == changed["spend"].max()))
    changed["sector"] = changed["sector"].where(np.arange(len(own)) != 5, "another")
    assert feature_set.differing(own, changed) == ["spend", "visits_365d", "sector"]
    assert feature_set.differing(own, changed.drop(columns="spend")) == ["spend"]


def test_the_same_seed_draws_the_same_company(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        draw(tmp_path / name, contacts=50, touchpoints=400, transactions=60, seed=3)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["contacts.parquet", "touchpoints.parquet", "transactions.parquet"]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes() for name in files)


@cache
def fitted() -> ScoringModel:
    return CHURN.fit(earlier(CHURN), SPECS["churn"])


@pytest.fixture
def case(tmp_path: Path) -> scoring.Case:
    candidates = scoring.candidates_of(facts())
    about = About("bench", "churn", "churn", "challenger", "0" * 32, "2025-01-01", "", {}, {}, {}, np.linspace(0, 1, 101).tolist())
    found = scoring.Case(tmp_path / "home", "bench", scoring.write_rows(candidates, 700, tmp_path / "rows.parquet"))
    champions.export(found.settings(), champions.artefact(fitted(), about), version=1)
    return scoring.with_large_trees(found, candidates, tmp_path / "large")


def test_the_file_holds_what_the_model_says_of_the_rows(case: scoring.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "BATCH_ROWS", 90)  # more batches than are under way at once
    written = pq.read_table(scoring.by_funnelcast(case)()).to_pandas().set_index("contact_id")
    rows, model = pq.read_table(case.features).to_pandas().set_index("contact_id"), case.model()
    expected = model.predict(rows[list(model.columns)])
    pd.testing.assert_frame_equal(written[list(expected)], expected, check_exact=True)
    assert written["grade"].isin(list("ABCDE")).all()
    raw = scoring.by_trees(case)() + model.start.log_odds(rows)
    assert model.calibrator.probability(raw) == pytest.approx(written["probability"].to_numpy(), abs=1e-12)


def test_a_run_apart_gives_its_time_its_memory_and_what_was_kept() -> None:
    cost = apart(partial(partial, np.ones, 30_000_000), np.sum)
    assert cost.kept == 30_000_000
    assert cost.seconds > 0
    assert 0.24 < cost.gigabytes < 2.0


def test_the_clv_summary_by_hand_and_by_lifetimes_is_that_of_the_library(tmp_path: Path) -> None:
    file = clv_company.write(tmp_path, customers=2_000).with_name("transactions.parquet")
    assert 8 < pq.read_metadata(file).num_rows / 2_000 < 12
    own, hand, theirs = (
        feature_set.by_contact(contender(file)())
        for contender in (clv_summary.by_funnelcast, clv_summary.by_hand, clv_summary.by_lifetimes)
    )
    assert len(own) == 2_000
    assert feature_set.differing(own, hand) == []
    assert feature_set.differing(own[list(theirs)], theirs) == []
    again = clv_company.write(tmp_path, customers=2_000).with_name("transactions.parquet")
    assert feature_set.by_contact(clv_summary.by_funnelcast(again)()).equals(own)


def test_fits_and_values_are_those_of_lifetimes(tmp_path: Path) -> None:
    frame, file = clv_company.known(3_000), tmp_path / "customers.parquet"
    frame.to_parquet(file, index=False)
    np.testing.assert_allclose(clv.fit_by_funnelcast(file)(), clv.fit_by_lifetimes(file)(), atol=1e-3)
    by_month, by_day = (clv.value_by_funnelcast(frame, by_month=by_month) for by_month in (True, False))
    np.testing.assert_allclose(by_month, clv.value_by_lifetimes(frame)(), rtol=1e-9)
    assert (by_month < by_day).all()


def test_the_drawn_transactions_end_where_they_are_summarised(tmp_path: Path) -> None:
    facts = open_source(clv_company.write(tmp_path, customers=500))
    assert default_as_of(facts) == clv_company.AS_OF
    assert facts.source.name == "buyers500"


def test_credits_of_touchpoints_are_those_of_their_paths_and_of_a_dense_solve(tmp_path: Path) -> None:
    attribution_company.draw(tmp_path, journeys=3_000)
    rows = attribution.given(tmp_path)
    assert rows["conversions"].between(0, 1).all()
    credit, grouped = attribution.by_funnelcast(tmp_path)(), attribution.by_funnelcast(tmp_path, grouped=True)()
    from_touchpoints, counted = attribution.from_touchpoints(tmp_path)(), attribution.by_funnelcast(tmp_path, value=False)()
    for other in (grouped, from_touchpoints, counted):
        np.testing.assert_allclose(other.conversions, credit.conversions, rtol=1e-12)
    np.testing.assert_array_equal(grouped.value, credit.value)
    np.testing.assert_allclose(from_touchpoints.value, credit.value, rtol=1e-9)
    np.testing.assert_allclose(credit.removal_effect, attribution.dense_removal_effects(rows), rtol=0, atol=1e-12)
    document = attribution.with_intervals(tmp_path)()
    assert document["replicates"] == attribution.REPLICATES
    assert sum(row["conversions"] for row in document["credits"]) == pytest.approx(rows["conversions"].sum())


def test_shapley_by_all_coalitions_is_that_of_the_formula(tmp_path: Path) -> None:
    attribution_company.draw(tmp_path, journeys=500, channels=14)
    made = shapley(each_row(attribution.given(tmp_path)))
    values = sum((part.values()[0] for part in made.parts), np.zeros(14))
    np.testing.assert_allclose(attribution.shapley_by_subsets(made), values, rtol=1e-9)


def test_cash_in_loops_is_that_of_the_library() -> None:
    company = projection.draw(deals=100, invoices=400, draws=500)
    assert company.cash is not None
    open_ones = projection.receivables(company.cash, 500)
    by_loop = projection.receivables_by_hand(company.cash, 500)
    # standard errors of the differences: 0.1 % here, 0.5 % with deals and new invoices
    np.testing.assert_allclose(open_ones.mean(), by_loop.mean(), rtol=0.005)
    whole = projection.forecast(company)
    np.testing.assert_allclose(projection.receipts(whole).mean(), projection.receipts_by_hand(company).mean(), rtol=0.03)


def test_the_table_names_every_comparison() -> None:
    assert {"clv", "attribution", "feature_set", "service", "scoring", "projection"} <= set(bench.PARTS)


def test_one_table_has_the_rows_of_all_parts_and_names_what_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fails(_: int) -> Iterator[Row]:
        yield Row("before the fault", "other", 1.0, 2.0, 2.0, "")
        message = "no such server"
        raise OSError(message)

    def absent(contacts: int) -> Iterator[Row]:
        yield Row(f"{contacts} paths", "what isn't here", 0.5, math.nan, math.nan, "a | b")

    monkeypatch.setattr(bench, "PARTS", {"fails": fails, "absent": absent})
    monkeypatch.setattr(bench, "LIBRARIES", ("numpy", "no-such-library"))
    kept = tmp_path / "RESULTS.md"
    kept.write_text("# Measured\n\n<!-- bench -->\nold\n<!-- /bench -->\n\nwhat else was\n", encoding="utf-8")
    monkeypatch.setattr(bench, "RESULTS", kept)
    assert bench.main(["--only", "fails", "absent", "--contacts", "7", "--keep"]) == 1
    said = capsys.readouterr()
    assert said.out.count("┏") == 1
    assert "before the fault" in said.out
    assert "no-such-library not installed" in said.out
    assert "not measured: fails: OSError: no such server" in said.err
    assert "old" in kept.read_text(encoding="utf-8")  # a table with a hole replaces none
    assert bench.main(["--only", "absent", "--contacts", "7", "--keep"]) == 0
    text = kept.read_text(encoding="utf-8")
    assert "| 7 paths | what isn't here | 0.500 s | – | – | a / b |" in text
    assert text.startswith("# Measured\n\n<!-- bench -->\n`make bench` on 20")
    assert text.endswith("<!-- /bench -->\n\nwhat else was\n")
    assert "old" not in text


def test_results_hold_the_place_of_the_table(tmp_path: Path) -> None:
    copy = tmp_path / "RESULTS.md"
    copy.write_text(bench.RESULTS.read_text(encoding="utf-8"), encoding="utf-8")
    keep(copy, f"`make bench` on {headline(('numpy',))}", [Row("a", "b", 1.0, 2.0, 2.0, "c")])
    assert "| a | b | 1.000 s | 2.000 s | 2.00 | c |\n<!-- /bench -->" in copy.read_text(encoding="utf-8")
