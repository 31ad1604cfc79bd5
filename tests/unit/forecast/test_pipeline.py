from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from funnelcast.forecast import bookings, new_deals, shared_draws
from funnelcast.forecast.flows import NOT_YET, Flows
from funnelcast.forecast.new_deals import NewDealProcess
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.pipeline import WEEKS, PipelineInputs, by_part, draw_bookings, forecast_pipeline, month_of_weeks
from funnelcast.forecast.scenario import Scenario
from funnelcast.forecast.spend_effect import SpendEffect
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.terms import AsOf

AS_OF = AsOf(datetime.fromisoformat("2024-01-01"))
DRAWS = 4000


def predicted(won: Sequence[float], lost: float = 0.02, *, amount: float = 1000.0, spread: float = 0.4, sd: float = 0.0) -> pd.DataFrame:
    """What deal_outcome would say of deals with constant weekly hazards."""
    columns: dict[str, object] = {
        "expected_amount": amount,
        "amount_log_sd": spread,
        "dead_weight": [hazard == 0.0 for hazard in won],
        **{f"{name}_sd": sd for name in ("closing_month", "winning_month", "closing_level", "winning_level")},
    }
    for week in range(1, WEEKS + 1):
        columns[f"won_{week:02d}"] = list(won)
        columns[f"lost_{week:02d}"] = [lost if hazard else 0.0 for hazard in won]
    return pd.DataFrame(columns)


def inputs(
    won: Sequence[float] = (0.05, 0.10, 0.0, 0.02), *, sd: float = 0.0, spread: float = 0.4, per_week: float = 3.0, noise: float = 0.0
) -> PipelineInputs:
    count = len(won)
    names = {"deal_id": [f"d{place}" for place in range(count)], "contact_id": [f"c{place}" for place in range(count)], "owner": None}
    channels = {"channel": ["web", "fair"] * (count // 2) + ["web"] * (count % 2)}
    newcomers = pd.concat([predicted([0.04] * WEEKS, sd=sd).assign(channel=channel, week=range(WEEKS)) for channel in ("fair", "web")])
    process = NewDealProcess(
        channels=("fair", "web"),
        expected=np.tile([[per_week], [2 * per_week]], (1, WEEKS)),
        dispersion=noise,
        level_factor=np.full((1, WEEKS), noise),
        amounts=np.tile(np.linspace(500.0, 1500.0, new_deals.QUANTILES), (2, 1)),
        amount_level_sd=np.full(2, noise),
        own_amounts=np.array([True, True]),
    )
    frame = pd.concat([pd.DataFrame({**names, **channels}), predicted(won, sd=sd, spread=spread)], axis=1)
    return PipelineInputs(AS_OF, "EUR", frame, newcomers.reset_index(drop=True), process)


def both(given: PipelineInputs, days: int, draws: int, seed: int, scenario: Scenario | None = None) -> tuple[Flows, Flows]:
    drawn = draw_bookings(given, days, draws, seed, scenario or Scenario())
    return drawn.opened, drawn.new


def incidence(won: float, lost: float, weeks: int) -> float:
    """P(won within so many weeks), summed by hand."""
    return sum(won * (1 - won - lost) ** week for week in range(weeks))


@pytest.mark.parametrize("days", [28, 91, 364])
def test_draws_of_open_deals_have_the_cumulative_incidence_of_their_hazards(days: int) -> None:
    opened = draw_bookings(inputs(), days, DRAWS, 1).opened
    for place, hazard in enumerate((0.05, 0.10, 0.0, 0.02)):
        own = opened.of([f"d{place}"])
        expected = incidence(hazard, 0.02, days // 7) if hazard else 0.0
        assert own.size / DRAWS == pytest.approx(expected, abs=3.5 * np.sqrt(expected * (1 - expected) / DRAWS) + 1e-12)
        if hazard:
            assert own.amount.mean() == pytest.approx(1000.0, abs=4 * 420.0 / np.sqrt(own.size))
    assert opened.day.min() >= 0
    assert opened.day.max() < days


def test_a_deal_is_won_once_and_belongs_to_itself() -> None:
    opened, new = both(inputs((0.4, 0.5)), 364, 500, 1)
    assert np.unique(opened.draw.astype(np.int64) * 2 + opened.lineage).size == opened.size
    assert (new.lineage == NOT_YET).all()


def test_weeks_of_wins_follow_the_hazards() -> None:
    opened = draw_bookings(inputs((0.05,)), 140, 40_000, 3).opened
    by_week = np.bincount(opened.day // 7, minlength=20) / 40_000
    exact = 0.05 * 0.93 ** np.arange(20)
    assert np.abs(by_week - exact).max() < 4 * np.sqrt(0.05 / 40_000)
    # within a week no day is favoured but for the fading hazard
    assert np.bincount(opened.day % 7).std() / np.bincount(opened.day % 7).mean() < 0.05


def test_new_deals_bring_what_their_counts_and_hazards_say() -> None:
    new = draw_bookings(inputs(), 56, DRAWS, 2).new
    # opened uniformly in week w, won j weeks later: half a week's share falls into the next
    wins = sum(9.0 * 0.04 * 0.94 ** (week - opened) * (1.0 if opened < week else 0.5) for week in range(8) for opened in range(week + 1))
    half = sum(9.0 * 0.04 * 0.94 ** (week - opened - 1) * 0.5 for week in range(8) for opened in range(week))
    full = sum(9.0 * 0.04 * 0.94 ** (week - opened) * 0.5 for week in range(8) for opened in range(week + 1))
    assert half + full == pytest.approx(wins, rel=0.04)
    assert new.size / DRAWS == pytest.approx(half + full, rel=0.03)
    assert new.amount.mean() == pytest.approx(1000.0, rel=0.02)


def test_shared_shocks_widen_the_sum_but_hardly_move_its_mean() -> None:
    deals = [0.05] * 400
    calm, shaken = (draw_bookings(inputs(deals, sd=sd, spread=0.1), 28, DRAWS, 4).opened.totals() for sd in (0.0, 0.2))
    assert calm.std() == pytest.approx(1000 * np.sqrt(400 * incidence(0.05, 0.02, 4) * (1 - incidence(0.05, 0.02, 4))), rel=0.06)
    assert shaken.std() > 2.5 * calm.std()
    assert shaken.mean() == pytest.approx(calm.mean(), rel=0.03)


def test_the_same_seed_gives_the_same_draws_whatever_the_order_of_the_deals() -> None:
    given = inputs(sd=0.2)
    turned = PipelineInputs(AS_OF, "EUR", given.open_deals.iloc[::-1].reset_index(drop=True), given.newcomers, given.process)
    straight, reverse = (draw_bookings(one, 91, 300, 9).opened for one in (given, turned))
    for name in ("d0", "d1", "d3"):
        np.testing.assert_array_equal(straight.of([name]).totals(), reverse.of([name]).totals())
    other = draw_bookings(given, 91, 300, 10).opened
    assert not np.array_equal(other.totals(), straight.totals())


def test_a_scenario_changes_only_what_it_is_about() -> None:
    given = inputs(sd=0.2, noise=0.1)
    base_open, base_new = both(given, 91, 1000, 5)
    better_open, better_new = both(given, 91, 1000, 5, Scenario(win_rate={"web": 1.2}))
    assert (better_open.of(["d0"]).totals() >= base_open.of(["d0"]).totals()).all()
    assert better_open.of(["d0"]).size > base_open.of(["d0"]).size
    np.testing.assert_array_equal(better_open.of(["d1"]).totals(), base_open.of(["d1"]).totals())
    assert (better_new.totals() >= base_new.totals() - 1e-9).all()
    fewer_open, fewer_new = both(given, 91, 1000, 5, Scenario(new_deals={"*": 0.5}))
    np.testing.assert_array_equal(fewer_open.totals(), base_open.totals())
    assert (fewer_new.totals() <= base_new.totals() + 1e-9).all()
    assert fewer_new.size == pytest.approx(base_new.size / 2, rel=0.05)


def test_a_change_of_spend_changes_new_deals_by_its_effect_and_nothing_else() -> None:
    given = inputs(sd=0.2, noise=0.1)
    spend = SpendEffect(0.5, 0.1, {"web": 900.0, "fair": 0.0})
    given = replace(given, process=replace(given.process, spend=spend))
    base_open, base_new = both(given, 91, DRAWS, 5)
    more_open, more_new = both(given, 91, DRAWS, 5, Scenario(spend={"*": 2.0}))
    less_open, less_new = both(given, 91, DRAWS, 5, Scenario(spend={"web": 0.0}))
    np.testing.assert_array_equal(more_open.totals(), base_open.totals())
    np.testing.assert_array_equal(less_open.totals(), base_open.totals())
    # two thirds of the deals come from the web, the only channel with a spend; E exp(b x) of a normal b
    for new, response in ((more_new, np.log(1.5)), (less_new, -np.log(2.0))):
        expected = 1 / 3 + 2 / 3 * np.exp(0.5 * response + (0.1 * response) ** 2 / 2)
        assert new.size / base_new.size == pytest.approx(expected, rel=0.02)
    assert (more_new.totals() >= base_new.totals() - 1e-9).all()
    assert (less_new.totals() <= base_new.totals() + 1e-9).all()
    periods = calendar(AS_OF, "week", 2)
    document = forecast_pipeline(given, periods, 100, 1).document()
    assert document["spend"] == spend.said()
    assert forecast_pipeline(inputs(), periods, 100, 1).document()["spend"] is None


def test_channels_that_share_their_amounts_share_the_doubt_of_them() -> None:
    given = inputs(per_week=200.0)
    doubtful = replace(given.process, amount_level_sd=np.full(2, 0.3))
    apart, shared = (
        draw_bookings(replace(given, process=replace(doubtful, own_amounts=np.full(2, own))), 91, DRAWS, 5).new.totals()
        for own in (True, False)
    )
    # one third and two thirds of the deals: sqrt(1/9 + 4/9) of the spread where the channels err apart
    assert shared.std() / shared.mean() == pytest.approx(0.31, abs=0.02)
    assert apart.std() / apart.mean() == pytest.approx(0.31 * np.sqrt(5.0) / 3.0, abs=0.02)


def test_a_slip_moves_every_win_and_a_lost_customer_takes_their_deals() -> None:
    given = inputs()
    base = draw_bookings(given, 91, 500, 6).opened
    late = draw_bookings(given, 91, 500, 6, Scenario(slip_weeks=3)).opened
    np.testing.assert_allclose(late.by_period([0, 21, 91])[:, 0], 0.0)
    np.testing.assert_allclose(late.by_period([21, 91])[:, 0], base.by_period([0, 70])[:, 0])
    early = draw_bookings(given, 91, 500, 6, Scenario(slip_weeks=-2)).opened
    np.testing.assert_allclose(early.by_period([0, 77])[:, 0], base.by_period([0, 91])[:, 0])
    without = draw_bookings(given, 91, 500, 6, Scenario(lost_customers=frozenset({"c1"}))).opened
    np.testing.assert_allclose(without.totals(), base.totals() - base.of(["d1"]).totals())


def test_the_forecast_adds_up_and_names_what_hangs_on_three_deals_and_what_is_dead() -> None:
    given = inputs((0.05, 0.10, 0.0, 0.02, 0.03, 0.04))
    periods = calendar(AsOf(datetime.fromisoformat("2024-01-03")), "week", 4)
    given = PipelineInputs(AsOf(datetime.fromisoformat("2024-01-03")), "EUR", given.open_deals, given.newcomers, given.process)
    found = forecast_pipeline(given, periods, 800, 1)
    document = found.document()
    assert found.parts["open_deals"].shape == (800, 5)
    concentration = document["concentration"]
    assert isinstance(concentration, dict)
    assert concentration["largest"] == ["d1", "d0", "d5"]
    total, without = document["total"], concentration["without"]
    assert isinstance(total, dict)
    assert isinstance(without, dict)
    assert concentration["with"] == pytest.approx({name: value for name, value in total.items() if name != "parts"})
    assert 0 < float(str(without["mean"])) < float(str(total["mean"]))
    assert document["dead_weight"] == {"deals": 1, "of": 6, "amount": 1000.0, "largest": ["d2"]}


def test_rebuilt_from_its_files_it_draws_the_very_same() -> None:
    given = inputs(sd=0.1, noise=0.1)
    again = PipelineInputs.rebuild(given.files())
    for one, other in zip(both(given, 60, 200, 1), both(again, 60, 200, 1), strict=True):
        np.testing.assert_array_equal(one.amount, other.amount)
        np.testing.assert_array_equal(one.day, other.day)
    assert again.files() == given.files()


def test_without_open_deals_the_new_ones_remain_and_the_lack_is_named() -> None:
    given = inputs()
    empty = PipelineInputs(AS_OF, "EUR", given.open_deals.iloc[:0], given.newcomers, given.process)
    found = forecast_pipeline(empty, calendar(AS_OF, "week", 2), 100, 1)
    assert found.parts["open_deals"].sum() == 0
    assert found.parts["new_deals"].sum() > 0
    assert "open_deals: no deal is open" in found.missing


def test_months_of_weeks() -> None:
    # the weeks of 1, 8, 15 and 22 January; that of 29 January has its middle on 1 February
    assert month_of_weeks(AS_OF, 6).tolist() == [0, 0, 0, 0, 1, 1]


def test_words_are_fair_and_their_own() -> None:
    bits = shared_draws.words(shared_draws.keys_of(["a", "b"], 1), 50_000)
    for draw, mean, sd in ((shared_draws.exponentials, 1.0, 1.0), (shared_draws.uniforms, 0.5, 12**-0.5), (shared_draws.normals, 0.0, 1.0)):
        values = draw(bits)
        assert values.mean(axis=1) == pytest.approx(mean, abs=4 * sd / np.sqrt(50_000))
        assert values.std(axis=1) == pytest.approx(sd, rel=0.02)
        assert abs(np.asarray(np.corrcoef(values))[0, 1]) < 0.02
    together = np.corrcoef([shared_draws.exponentials(bits)[0], shared_draws.uniforms(bits)[0], shared_draws.normals(bits)[0]])
    assert np.abs(together - np.eye(3)).max() < 0.02
    np.testing.assert_array_equal(bits[0], shared_draws.words(shared_draws.keys_of(["a"], 1), 50_000)[0])


def deals_opened(weekly: Sequence[int], amount: float = 100.0) -> pd.DataFrame:
    starts = [AS_OF.at - timedelta(weeks=len(weekly) - week) + timedelta(days=1) for week, count in enumerate(weekly) for _ in range(count)]
    return pd.DataFrame({"deal_id": [f"n{place}" for place in range(len(starts))], "opened_at": starts, "amount": amount, "channel": "web"})


def process_of(weekly: Sequence[int]) -> NewDealProcess:
    deals = deals_opened(weekly)
    events = pd.DataFrame({"deal_id": deals["deal_id"], "occurred_at": deals["opened_at"], "stage": "open"})
    return new_deals.estimate(cut(from_frames(Source("n"), {"deals": deals, "deal_events": events}), AS_OF), AS_OF, WEEKS)


def test_the_level_of_new_deals_is_that_of_late() -> None:
    found = process_of([5] * 30 + [20] * 30)
    assert found.channels == ("web",)
    assert found.expected[0, 0] == pytest.approx(20.0, rel=0.12)
    assert process_of([10] * 60).expected[0] == pytest.approx(np.full(WEEKS, 10.0), rel=0.1)
    assert process_of([10] * 60).amounts == pytest.approx(np.full((1, new_deals.QUANTILES), 100.0))


def test_the_doubt_about_the_level_does_not_raise_what_is_expected() -> None:
    # three a week, always; so few leave the level in doubt, more so in half a year, but they go on as three a week
    found = process_of([2, 3, 4] * 26)
    assert np.sqrt((found.level_factor[:, 25] ** 2).sum()) > 0.25
    assert found.expected[0, :26] == pytest.approx(np.full(26, 3.0), rel=0.02)


def test_a_season_of_two_years_goes_on() -> None:
    wave = [round(20 + 15 * np.sin(2 * np.pi * (week - 3) / 52.18)) for week in range(156)]
    found = process_of(wave).expected[0]
    ahead = [20 + 15 * np.sin(2 * np.pi * (156 + week - 3) / 52.18) for week in range(WEEKS)]
    assert np.corrcoef(found, ahead)[0, 1] > 0.95


def test_one_new_deal_is_answered_with_wide_draws() -> None:
    found = process_of([1])
    assert np.isfinite(found.expected).all()
    assert np.sqrt((found.level_factor**2).sum(axis=0)).min() > 0.7
    assert any("only 1 weeks" in said for said in found.missing)
    assert any("known from 1 deals" in said for said in found.missing)


def test_a_channel_s_share_of_nothing_is_not_divided() -> None:
    hazards = bookings.NewHazards(
        expected=np.full((1, 4), 1e-9),
        dispersion=0.0,
        level_factor=np.zeros((1, 4)),
        won=np.zeros((1, 4, 4)),
        lost=np.zeros((1, 4, 4)),
        amounts=np.zeros((1, 5)),
        amount_level_sd=np.zeros(1),
        own_amounts=np.array([True]),
        count_multiplier=np.ones(1),
        win_multiplier=np.full(1, 100.0),
        spend_response=np.zeros(1),
        spend_effect=(0.0, 0.0),
    )
    shocks = bookings.draw_shocks(bookings.ShockSizes(0.1, 0.1, 0.1, 0.1), np.zeros(4, dtype=np.int64), 50, 1)
    assert all(flows.size == 0 for flows in bookings.new_deals(hazards, shocks, 50, 1))


def test_a_longer_horizon_begins_with_the_same_weeks() -> None:
    given = inputs(sd=0.1, noise=0.2)
    for short, long in zip(both(given, 63, 300, 7), both(given, 280, 300, 7), strict=True):
        np.testing.assert_allclose(short.by_period([0, 7, 21, 56]), long.by_period([0, 7, 21, 56]), rtol=1e-12)


def test_a_slip_to_earlier_weeks_moves_the_very_same_wins() -> None:
    given = inputs(sd=0.1, noise=0.2)
    plan, early = both(given, 91, 300, 7)[1], both(given, 77, 300, 7, Scenario(slip_weeks=-2))[1]
    np.testing.assert_allclose(early.by_period([7, 28, 77]), plan.by_period([21, 42, 91]), rtol=1e-12)


@pytest.mark.parametrize("part", ["channel", "owner"])
def test_parts_add_up_to_the_whole_in_every_draw(part: str) -> None:
    given = inputs(sd=0.1, noise=0.2)
    given.open_deals["owner"] = ["ann", "bob", None, "ann"]
    drawn = draw_bookings(given, 91, 300, 7)
    parts = by_part(given, drawn, part)
    assert sorted(parts) == {"channel": ["fair", "web"], "owner": ["ann", "bob", "new_deals", "unknown"]}[part]
    for name, whole in (("open_deals", drawn.opened), ("new_deals", drawn.new)):
        np.testing.assert_allclose(sum(one[name].by_period([0, 28, 91]) for one in parts.values()), whole.by_period([0, 28, 91]), rtol=1e-9)
