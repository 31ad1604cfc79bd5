"""Where customers buy now and next: states on one clock, chances that add up, and companies that don't tell them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelcast import features
from funnelcast.cohorts import every_contact
from funnelcast.errors import WrongColumns
from funnelcast.families.churn import FAMILY
from funnelcast.families.churn.channels import COLUMNS, NEXT_COLUMNS, Moves, channel_state, fit_moves, shared_out
from funnelcast.families.churn.model import ChurnModel
from funnelcast.families.family import Options
from funnelcast.families.scoring.rows import Dated, Rows, dated_rows
from funnelcast.labels import NEXT_STATE, STATES, next_channels
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of
from tests.unit.families.scoring_company import SPECS, earlier, newest

T = AsOf.parse("2024-07-01", "UTC")
H = 90
DAY = 86_400
SPEC = spec_of("churn", label={"horizon_days": 60}, folds={"spacing_days": 60, "history_days": 60, "count": 2})


def company(bought: Sequence[tuple[str, pd.Timestamp, float, str | None]], *, channels: bool = True) -> Facts:
    frame = pd.DataFrame(bought, columns=["contact_id", "occurred_at", "amount", "channel"])
    frame["occurred_at"] = frame["occurred_at"].astype("datetime64[us]")
    frame["channel"] = frame["channel"].astype(object).where(frame["channel"].notna(), None)
    found = from_frames(Source("sides"), {"transactions": frame if channels else frame.drop(columns="channel")})
    return found.with_observation(AsOf.parse("2025-01-01", "UTC"))


def after(seconds: int) -> pd.Timestamp:
    return pd.Timestamp(T.at) + pd.Timedelta(seconds=seconds)


def states_now(facts: Facts, as_of: AsOf) -> dict[str, str | None]:
    rows = features.build(facts, every_contact(facts, [as_of], "transactions")).execute().set_index("contact_id")
    return dict(zip(rows.index, channel_state(rows, H), strict=True))


def states_next(facts: Facts, as_of: AsOf) -> dict[str, str | None]:
    rows = next_channels(facts, every_contact(facts, [as_of], "transactions"), H).execute()
    return {row.contact_id: row.next_state if isinstance(row.next_state, str) else None for row in rows.itertuples()}


def test_the_present_state_looks_at_the_half_open_horizon_before_as_of() -> None:
    instant, first = pd.Timedelta(seconds=1), pd.Timestamp(T.plus(-H).at)
    now = pd.Timestamp(T.at)
    found = states_now(
        company(
            [
                ("first", first, 9.0, "web"),
                ("before", first - instant, 9.0, "web"),
                ("last", now - instant, 9.0, "store"),
                ("sides", first, 9.0, "web"),
                ("sides", now - instant, 0.0, "phone"),
                ("returned", first, -9.0, "store"),
                ("returned", first - instant, 9.0, "store"),
                ("untold", first, 9.0, None),
                ("half", first, 9.0, None),
                ("half", first, 9.0, "web"),
            ]
        ),
        T,
    )
    expected = {"first": "online", "before": "dormant", "last": "offline", "sides": "both", "returned": "dormant", "half": "online"}
    assert found == {**expected, "untold": None}


def test_the_present_state_is_the_next_state_of_one_horizon_ago() -> None:
    """Both on one clock, for random purchases of which many lie at the ends of the window."""
    rng = np.random.default_rng(2)
    edges = np.array([-H * DAY - 1, -H * DAY, -1, 0])
    bought = [("old", after(-3 * H * DAY), 1.0, "web")]
    for contact in range(600):
        for _ in range(rng.integers(1, 5)):
            seconds = rng.choice(edges) if rng.random() < 0.5 else rng.integers(-2 * H * DAY, DAY)
            channel = rng.choice(np.array(["web", "store", None], dtype=object))
            bought.append((f"c{contact}", after(int(seconds)), float(rng.choice([-5.0, 0.0, 5.0])), channel))
    facts = company(bought)
    asked = states_now(facts, T)
    assert asked == states_next(facts, T.plus(-H))
    assert len(asked) == 601
    assert set(asked.values()) == {*STATES, None}


def test_who_never_bought_is_dormant_and_without_channels_nobody_has_a_state() -> None:
    rows = pd.DataFrame({"days_since_purchase": [np.nan], "days_since_online_purchase": [np.nan], "days_since_offline_purchase": [np.nan]})
    assert list(channel_state(rows, H)) == ["dormant"]
    assert list(channel_state(rows[["days_since_purchase"]], H)) == [None]


@given(
    leaves=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20),
    odds=st.tuples(*[st.floats(1e-12, 1.0)] * 3),
)
def test_the_four_add_up_to_one_to_the_last_bit(leaves: list[float], odds: tuple[float, float, float]) -> None:
    dormant = np.array(leaves)
    chances = np.tile(np.array(odds) / sum(odds), (dormant.size, 1))
    shares = shared_out(dormant, chances)
    assert (shares[:, 3] == dormant).all()
    assert (shares >= 0).all()
    assert (((shares[:, 0] + shares[:, 1]) + shares[:, 2]) + shares[:, 3] == 1.0).all()
    np.testing.assert_allclose(shares[:, :3], (1 - dormant)[:, None] * chances, atol=1e-15)


def fitted(rows: pd.DataFrame) -> ChurnModel:
    model = FAMILY.fit(rows, SPECS["churn"])
    assert isinstance(model, ChurnModel)
    return model


@pytest.fixture(scope="module")
def model() -> ChurnModel:
    return fitted(earlier(FAMILY))


def test_dormant_is_the_churn_probability_and_the_rest_is_shared_out(model: ChurnModel) -> None:
    rows = newest(FAMILY)[list(model.columns)]
    predicted = model.predict(rows)
    assert (predicted["next_dormant"] == predicted["probability"]).all()
    assert (predicted[list(NEXT_COLUMNS)].sum(axis=1) == 1.0).all()
    assert (predicted[list(NEXT_COLUMNS)] >= 0).all(axis=None)
    assert predicted["next_both"].std() > 0.01


def test_the_score_is_what_it_would_be_without_moves(model: ChurnModel) -> None:
    rows = newest(FAMILY)
    bare = fitted(earlier(FAMILY).drop(columns=NEXT_STATE))
    assert bare.moves is None
    assert "channels.json" not in bare.files()
    scores = bare.predict(rows[list(bare.columns)])
    pd.testing.assert_frame_equal(model.predict(rows[list(model.columns)])[list(scores.columns)], scores, check_exact=True)
    assert list(scores.columns) == ["probability", "low", "high"]


def test_the_moves_travel_in_the_artefact(model: ChurnModel) -> None:
    assert model.moves is not None
    assert model.moves.horizon_days == 90
    rebuilt = FAMILY.rebuild(model.files())
    assert rebuilt.moves == model.moves
    assert set(COLUMNS) <= set(rebuilt.columns)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_only_the_moves_read_is_checked_as_any_other(model: ChurnModel, column: str) -> None:
    blind = ChurnModel.of(fitted(earlier(FAMILY).iloc[:1].drop(columns=NEXT_STATE)), model.moves)  # a base rate: it reads nothing
    rows = newest(FAMILY)[list(blind.columns)].head(3)
    assert blind.predict(rows).notna().all(axis=None)
    with pytest.raises(WrongColumns, match=column):
        blind.predict(rows.drop(columns=column))
    with pytest.raises(WrongColumns, match=column):
        blind.predict(rows.assign(**{column: "often"}))


def test_at_the_fit_as_many_are_expected_on_each_side_as_bought_there() -> None:
    """The likelihood equation of the intercepts, which aren't shrunk: observed plus half a row equals expected plus the added rows'."""
    rows = earlier(FAMILY)
    moves = fit_moves(rows, 90)
    assert moves is not None
    buyers = rows[rows[NEXT_STATE].isin(STATES[:3])]
    average = np.exp([0.0, moves.offline[0], moves.both[0]])
    expected = moves.chances(buyers).sum(axis=0) + 1.5 * average / average.sum()
    observed = np.array([(buyers[NEXT_STATE] == state).sum() for state in STATES[:3]]) + 0.5
    np.testing.assert_allclose(expected, observed, rtol=1e-6)


def buyers_of(counts: dict[str, int], seed: int = 1) -> pd.DataFrame:
    """Buyers whose features say nothing about where they buy next."""
    rng = np.random.default_rng(seed)
    size = sum(counts.values())
    columns = {name: rng.integers(0, 100, size).astype(float) for name in COLUMNS} | {COLUMNS[2]: rng.random(size)}
    return pd.DataFrame({**columns, NEXT_STATE: rng.permutation(np.repeat(list(counts), list(counts.values())))})


def test_few_buyers_are_shrunk_to_the_companys_shares() -> None:
    rows = buyers_of({"online": 12, "offline": 8, "both": 2})
    moves = fit_moves(rows, 90)
    assert moves is not None
    chances = moves.chances(buyers_of({"online": 200}, seed=2))
    assert chances.min() > 0.005
    np.testing.assert_allclose(chances.mean(axis=0), np.array([12.5, 8.5, 2.5]) / 23.5, atol=0.06)


@pytest.mark.parametrize("counts", [{"online": 500}, {"offline": 500}, {"online": 500, "offline": 6, "both": 3}, {"dormant": 50}])
def test_where_one_side_has_next_to_no_purchases_there_are_no_moves(counts: dict[str, int]) -> None:
    assert fit_moves(buyers_of(counts), 90) is None


def test_a_constant_column_and_one_that_nobody_fills_are_no_obstacle() -> None:
    rows = buyers_of({"online": 60, "offline": 60}).assign(**{COLUMNS[0]: 5.0, COLUMNS[2]: np.nan})
    moves = fit_moves(rows, 90)
    assert moves is not None
    unseen = rows.head(4).assign(**{COLUMNS[0]: np.array([400.0, np.nan, 0.0, 5.0]), COLUMNS[3]: np.array([np.nan] * 4)})
    assert np.isfinite(moves.chances(unseen)).all()
    assert moves == Moves.of(moves.document())


def rows_of(facts: Facts) -> Rows:
    assert facts.observed_until is not None
    dated = Dated(lambda cut, dates: FAMILY.cohort(cut, SPEC, list(dates)), FAMILY.label(facts, SPEC), FAMILY.clock_table(facts, SPEC))
    return dated_rows(facts, SPEC, facts.observed_until, dated)


def shop(channels: Sequence[str | None], *, brought: bool = True) -> Facts:
    """Two years of a shop whose purchases are made on any of these channels alike."""
    rng = np.random.default_rng(3)
    start = pd.Timestamp("2023-01-01")
    days = [(f"c{contact}", day) for contact in range(120) for day in np.cumsum(rng.exponential(rng.choice([15.0, 80.0]), 30))]
    bought = [(name, start + pd.Timedelta(days=day), 5.0, rng.choice(np.array(channels))) for name, day in days if day < 730]
    return company(bought, channels=brought)


@pytest.mark.parametrize(("channels", "brought"), [(["web"], True), (["store"], True), ([None], True), (["web", "store"], False)])
def test_a_company_of_one_side_or_without_channels_is_scored_all_the_same(channels: list[str | None], *, brought: bool) -> None:
    rows = rows_of(shop(channels, brought=brought))
    model = FAMILY.fit(rows.earlier, SPEC)
    assert isinstance(model, ChurnModel)
    assert model.moves is None
    assert list(model.predict(rows.newest[list(model.columns)]).columns) == ["probability", "low", "high"]
    assert (NEXT_STATE in rows.newest) == brought


@pytest.mark.parametrize(("channels", "there"), [(["web", "store"], True), (["web"], False)])
def test_a_run_shows_the_moves_where_there_are_any(channels: list[str | None], *, there: bool) -> None:
    facts = shop(channels)
    assert facts.observed_until is not None
    found = FAMILY.develop(facts, SPEC, facts.observed_until, Options(trials=1))
    assert ("channel_moves" in found.details) == ("channel_moves" in found.plots) == there
    for model in (found.model, found.baseline, found.judged, found.judged_baseline):
        assert isinstance(model, ChurnModel)
        assert (model.moves is not None) == there
    if there:
        moves: Any = found.details["channel_moves"]
        assert moves["as_of"] == str(found.newest["as_of"].iloc[0])[:10]
        assert moves["total"]["contacts"] == len(found.newest)
        assert found.plots["channel_moves"]().axes


def test_an_attribute_of_the_same_name_is_kept_apart() -> None:
    bought = shop(["web", "store"])
    contacts = pd.DataFrame({"contact_id": [f"c{contact}" for contact in range(120)], NEXT_STATE: [float(c % 7) for c in range(120)]})
    facts = from_frames(bought.source, {"transactions": bought.table("transactions").execute(), "contacts": contacts})
    rows = rows_of(facts.with_observation(bought.observed_until)).newest
    assert set(rows[NEXT_STATE]) <= set(STATES)
    assert rows[f"{NEXT_STATE} (attribute)"].notna().all()
