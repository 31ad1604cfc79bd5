"""What replaces BG/NBD where its hold-out contradicts it, on simulated retailers whose truth is known."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from funnelcast.errors import ModelError
from funnelcast.families.clv import FAMILY
from funnelcast.families.clv.choice import replacement
from funnelcast.families.clv.choice.members import FITS, History, fit_member, trend, with_dropout_prior
from funnelcast.families.clv.choice.replacement import Replacement, Trial
from funnelcast.families.clv.choice.windows import choice_window, window_of
from funnelcast.families.clv.model import MEMBERS, ClvModel
from funnelcast.families.clv.process.fitting import fit_bg_nbd
from funnelcast.families.clv.process.likelihood import Purchases, bg_nbd
from funnelcast.families.clv.process.maximum import highest
from funnelcast.families.clv.process.parameters import BgNbd, Floats, TrendBgNbd
from funnelcast.families.clv.process.predictions import discounted_purchases, expected_purchases, p_alive
from funnelcast.families.family import Development, Options
from funnelcast.sources.facts import Facts
from tests.unit.families.battery import spec_of
from tests.unit.families.clv.retailers import at, slowing

SPEC = spec_of("clv", label={"horizon_days": 365}, options={"interval_draws": 50}, folds={"origins": 0})


@pytest.fixture(scope="module")
def retailer() -> Facts:
    return slowing()


@pytest.fixture(scope="module")
def history(retailer: Facts) -> History:
    return History(retailer, at(365), 7.0, 365.0)


@pytest.fixture(scope="module")
def developed(retailer: Facts) -> Development:
    return FAMILY.develop(retailer, SPEC, at(365), Options())


def slope(function: partial[tuple[float, Floats]], point: Floats) -> Floats:
    steps = np.eye(len(point)) * 1e-5
    return np.array([(function(point + step)[0] - function(point - step)[0]) / 2e-5 for step in steps])


def test_every_member_has_a_place_in_the_artefact() -> None:
    assert set(MEMBERS) == {"bg_nbd", *FITS}


@pytest.mark.parametrize("name", list(FITS))
def test_a_member_stands_where_its_objective_is_highest(name: str, history: History) -> None:
    process, fitted = fit_member(name, history)
    assert process.document().keys() == MEMBERS[name].of_logarithms(fitted.logarithms).document().keys()
    assert np.isfinite(fitted.covariance).all()
    assert np.linalg.eigvalsh(fitted.covariance).min() > 0


def test_the_prior_pulls_dropout_that_nothing_speaks_for_to_the_usual(history: History) -> None:
    objective = partial(with_dropout_prior, likelihood=partial(bg_nbd, data=history.purchases))
    point = np.log([0.5, 20.0, 0.7, 3.0])
    np.testing.assert_allclose(objective(point)[1], slope(objective, point), rtol=1e-5)
    without = BgNbd(1.0, 10.0, 1e-4, 500.0)
    usual = BgNbd(1.0, 10.0, 0.75, 2.25)

    def nothing(_: Floats) -> tuple[float, Floats]:
        return 0.0, np.zeros(4)

    assert with_dropout_prior(usual.logarithms(), nothing)[0] == pytest.approx(0.0, abs=1e-12)
    assert with_dropout_prior(without.logarithms(), nothing)[0] < -50


def test_a_thousand_customers_outweigh_the_prior() -> None:
    random = np.random.default_rng(3)
    x = np.floor(random.exponential(3, 1000))
    T = np.full(1000, 52.0)
    data = Purchases(x, np.where(x > 0, T * random.beta(2, 1, 1000), 0.0), T, np.ones(1000))
    plain, _ = fit_bg_nbd(data)
    fitted = highest(partial(with_dropout_prior, likelihood=partial(bg_nbd, data=data)), plain.logarithms())
    moved = expected_purchases(BgNbd.of_logarithms(fitted.logarithms), x, data.t_x, T, 52.0).sum()
    assert moved == pytest.approx(expected_purchases(plain, x, data.t_x, T, 52.0).sum(), rel=0.02)


def test_the_window_counts_what_came_in_it_alone(history: History) -> None:
    data = history.within_window
    # Half of a year's history: customers of the second half alone have the net weight of a customer.
    table = history.facts.table("transactions")
    known = table.filter(table.occurred_at < at(365).at)
    first = known.group_by("contact_id").aggregate(first=known.occurred_at.min()).execute()["first"]
    new = first >= pd.Timestamp(at(365 - 182).at)
    assert data.customers == new.sum() > 0
    # The objective is the sum of the logarithms of conditional densities.
    point = np.log([0.8, 5.0, 0.5, 4.0])
    later = bg_nbd(point, history.purchases)[0]
    earlier = bg_nbd(point, History(history.facts, at(365 - 182), 7.0, 365.0).purchases)[0]
    assert bg_nbd(point, data)[0] == pytest.approx(later - earlier, rel=1e-9)


def test_a_window_without_a_maximum_is_said_to_have_none(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    # What was known less what came: its likelihood grows without bounds.
    now = history.purchases
    monkeypatch.setattr(History, "within_window", Purchases(now.x, now.t_x, now.T, -now.weight))
    with pytest.raises(ModelError, match="has no maximum"):
        fit_member("bg_nbd_recent", History(history.facts, at(365), 7.0, 365.0))


def test_without_a_trend_it_is_bg_nbd_and_its_gradient_is_right(history: History) -> None:
    data, since = history.purchases, history.time_since_purchases
    point = np.log([0.8, 5.0, 0.5, 4.0])
    assert trend(np.append(point, 0.0), data, since)[0] == pytest.approx(bg_nbd(point, data)[0], rel=1e-12)
    bent = np.append(point, -0.01)
    np.testing.assert_allclose(trend(bent, data, since)[1], slope(partial(trend, data=data, since=since), bent), rtol=1e-5)


def test_the_time_since_purchases_by_hand(history: History) -> None:
    table = history.facts.table("transactions")
    days = table.filter(table.occurred_at < at(365).at).execute()
    days = days.assign(day=days["occurred_at"].dt.floor("D"))[["contact_id", "day"]].drop_duplicates()
    repeats = days[days["day"] > days.groupby("contact_id")["day"].transform("min")]
    since = (pd.Timestamp(at(365).at) - repeats["day"]).dt.days - 1
    assert history.time_since_purchases == pytest.approx(since.sum() / 7)


def test_the_trend_is_recovered(history: History) -> None:
    process, fitted = fit_member("bg_nbd_trend", history)
    assert isinstance(process, TrendBgNbd)
    deviation = np.sqrt(fitted.covariance[4, 4])
    assert abs(np.log(process.pace) - np.log(0.5) / (365 / 7)) < 3 * deviation
    assert deviation < 0.2 / (365 / 7)


def test_a_fall_goes_on_and_a_rise_does_not() -> None:
    x, t_x, T = np.array([0.0, 3.0, 40.0]), np.array([0.0, 20.0, 51.0]), np.array([40.0, 52.0, 52.0])
    plain = BgNbd(0.8, 8.0, 0.7, 3.0)
    falls, rises, stays = (TrendBgNbd(0.8, 8.0, 0.7, 3.0, pace) for pace in (0.99, 1.01, 1.0))
    for formula in (expected_purchases, partial(discounted_purchases, delta=0.002)):
        np.testing.assert_allclose(formula(stays, x, t_x, T, 104.0), formula(plain, x, t_x, T, 104.0), rtol=1e-12)
        ahead = formula(falls, x, t_x, T, 5200.0) / formula(falls, x, t_x, T, 1000.0)
        assert (ahead < 1.01).all()
        clock = rises.today, x, rises.seen(t_x, T), rises.elapsed(T)
        np.testing.assert_allclose(formula(rises, x, t_x, T, 104.0), formula(*clock, 104.0), rtol=1e-12)
    np.testing.assert_allclose(p_alive(stays, x, t_x, T), p_alive(plain, x, t_x, T), rtol=1e-12)


def test_where_rates_fall_bg_nbd_is_replaced_and_its_parameters_stay_on_record(developed: Development) -> None:
    details = developed.details
    assert details["member"] == "bg_nbd_trend"
    assert abs(developed.metrics["bias_pct"]) < 15
    assert isinstance(developed.model, ClvModel)
    assert developed.model is developed.judged
    parameters, tried = details["parameters"], details["members"]
    assert isinstance(parameters, dict)
    assert set(parameters) == {"r", "alpha", "a", "b", "p", "q", "v"}
    assert isinstance(tried, dict)
    rows: dict[str, Any] = {row["member"]: row for row in cast("list[dict[str, Any]]", tried["tried"])}
    assert list(rows) == list(MEMBERS)
    assert rows["bg_nbd"]["judged_bias_pct"] > 25
    assert "ships in its place" in str(tried["said"])
    assert any("BG/NBD and its replacement" in section for section in developed.sections)


def test_the_gate_holds_the_replacement_to_the_stricter_limit(developed: Development) -> None:
    gates = developed.details["gates"]
    assert isinstance(gates, list)
    gate = gates[0]
    assert isinstance(gate, dict)
    assert (gate["threshold"], gate["passed"], gate["value"]) == (15.0, True, developed.metrics["bias_pct"])


def test_what_replaces_it_is_fitted_anew_at_as_of(retailer: Facts) -> None:
    found = FAMILY.develop(retailer, SPEC, at(730), Options())
    assert found.details["member"] == "bg_nbd_trend"
    judged, shipped = (json.loads(model.files()["model.json"]) for model in (found.judged, found.model))
    assert judged["kind"] == shipped["kind"] == "bg_nbd_trend"
    assert judged["process"] != shipped["process"]
    assert found.details["member_parameters"] == shipped["process"]


def test_a_sudden_slump_leaves_nothing_to_ship(retailer: Facts) -> None:
    table = retailer.table("transactions")
    number = table.contact_id.substr(1).cast("int64")
    slump = table.filter((table.occurred_at < at(365).at) | (number % 6 == 0))
    found = FAMILY.develop(retailer.with_tables({"transactions": slump}, None).with_observation(at(730)), SPEC, at(365), Options())
    gates, tried = found.details["gates"], found.details["members"]
    assert isinstance(gates, list)
    assert isinstance(gates[0], dict)
    assert gates[0]["passed"] is False
    assert isinstance(tried, dict)
    assert str(tried["said"]).endswith("The model is not fit to ship.")
    assert found.details["member"] == "bg_nbd"


def test_the_choice_ends_where_the_newest_hold_out_begins(retailer: Facts) -> None:
    newest = window_of(retailer, at(365))
    choice = choice_window(retailer, newest)
    assert choice is not None
    # One year of history before a hold-out of one year: a third of it.
    assert (choice.end, round(choice.days)) == (newest.start, 121)
    quarter = choice_window(retailer, window_of(retailer, at(640)))
    assert quarter is not None
    assert quarter.days == 90
    assert choice_window(retailer, window_of(retailer, at(15))) is None


def trial(bias: float, later: float | None = None, member: str = "other") -> Trial:
    judged_on = None if later is None else {"bias_pct": later, "crps": 1.0}
    return Trial(member, chosen_on={"bias_pct": bias, "crps": 1.0}, judged_on=judged_on)


@pytest.mark.parametrize(
    ("bias", "of_plain", "later", "holds"),
    [
        (5.0, 20.0, 45.0, True),  # a quarter of 45 is 11
        (8.0, 20.0, 45.0, False),  # two fifths are 18
        (-14.0, 20.0, 45.0, True),  # errs the other way
        (-16.0, 20.0, 45.0, False),
        (14.0, 40.0, 30.0, True),
        (16.0, 60.0, 30.0, False),
        (3.0, 2.0, 45.0, False),  # where BG/NBD doesn't fail, nobody shows to do better
        (-5.0, -20.0, -45.0, True),
    ],
)
def test_a_member_holds_within_the_limit_and_leaves_little_of_the_error(bias: float, of_plain: float, later: float, holds: bool) -> None:
    assert replacement.holds(trial(bias), trial(of_plain, later), 15.0) is holds


def test_the_card_gives_every_member_a_row() -> None:
    section = Replacement("said", None, (trial(10.0), Trial("lost", said="not fitted: why"))).section()
    assert section.splitlines()[-2:] == ["| other | +10.0 % | 1.0000 |  |  |  |", "| lost |  |  |  |  | not fitted: why |"]
