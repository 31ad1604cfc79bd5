from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.errors import TooFewRows
from funnelcast.families.family import Options
from funnelcast.families.payment_delay import FAMILY
from funnelcast.families.payment_delay.hazard import month_position, tents, weekday_of
from funnelcast.families.payment_delay.model import fit_rule
from funnelcast.families.payment_delay.plots import kaplan_meier
from funnelcast.families.payment_delay.prediction import DAYS, paid_by_day, pay_columns
from funnelcast.families.payment_delay.rows import COLUMNS, execute
from funnelcast.families.payment_delay.scoring import log_loss
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of
from tests.unit.families.case_payment_delay import case

SPEC = spec_of("payment_delay", label={"horizon_days": 30})
AS_OF = AsOf.parse("2026-04-01", "UTC")


def company(*invoices: tuple[str, str, str, str, str | None]) -> Facts:
    """Invoices as (id, contact, issued, due, paid)."""
    frame = pd.DataFrame(invoices, columns=["invoice_id", "contact_id", "issued_at", "due_at", "paid_at"])
    dates = {name: pd.to_datetime(frame[name]) for name in ("issued_at", "due_at", "paid_at")}
    return from_frames(Source("acme"), {"invoices": frame.assign(**dates, amount=100.0)})


def small() -> Facts:
    return company(
        ("a", "x", "2025-08-01", "2025-08-31", "2025-09-05"),  # 5 days late, long ago
        ("b", "x", "2026-01-01", "2026-01-31", "2026-02-10"),  # 10 late
        ("c", "x", "2026-01-05", "2026-02-04", "2026-02-10"),  # 6 late, on the same last day
        ("d", "x", "2026-02-01", "2026-03-03", None),  # 29 days overdue on 1 April
        ("e", "x", "2026-03-20", "2026-04-19", "2026-04-02"),  # paid after as_of: open then
        ("f", "y", "2026-03-31", "2026-04-30", None),  # nothing known of y
    )


def test_candidates_by_hand() -> None:
    rows = execute(FAMILY.candidates(small(), SPEC, None, AS_OF)).set_index("invoice_id")
    assert list(rows.index) == ["d", "e", "f"]
    expected: dict[str, list[float]] = {
        "age_days": [59, 12, 1],
        "terms_days": [30, 30, 30],
        "prior_count": [3, 3, 0],
        "prior_mean_delay": [7, 7, np.nan],
        "recent_count": [2, 2, 0],
        "recent_mean_delay": [8, 8, np.nan],
        "last_delay": [8, 8, np.nan],
        "share_late": [1, 1, np.nan],
        # d is itself overdue; to e it is another one
        "overdue_count": [0, 1, 0],
        "as_of_day": [20_544, 20_544, 20_544],
    }
    for column, values in expected.items():
        np.testing.assert_allclose(rows[column].to_numpy(np.float64), values, err_msg=column)


def test_candidates_of_a_cohort_are_the_same_rows() -> None:
    facts = small()
    every = FAMILY.candidates(facts, SPEC, None, AS_OF).execute()
    asked = every[["invoice_id", "as_of"]].query("invoice_id != 'd'")
    cohort = facts.backend.create_table("asked", asked)
    found = FAMILY.candidates(facts, SPEC, cohort, AS_OF).execute()
    pd.testing.assert_frame_equal(found, every[every["invoice_id"] != "d"].reset_index(drop=True))


def test_templates_are_the_past_year_s_invoices_as_new_ones() -> None:
    rows = execute(FAMILY.templates(small(), SPEC, AS_OF)).set_index("invoice_id")
    assert list(rows.index) == ["a", "b", "c", "d", "e", "f"]
    assert rows["age_days"].tolist() == [0.0] * 6
    assert rows["terms_days"].tolist() == [30.0] * 6
    assert rows["prior_count"].tolist() == [3.0] * 5 + [0.0]


def test_weekdays_and_the_place_in_the_month_by_hand() -> None:
    dates = [f"2026-04-{day:02d}" for day in (1, 5, 6, 25, 26, 27, 28)]
    days = np.array(dates, "datetime64[D]")
    assert weekday_of(days.astype(np.int64)).tolist() == [2, 6, 0, 5, 6, 0, 1]
    assert month_position(days.astype(np.int64)).tolist() == [0, 0, 1, 1, 2, 2, 3]
    middle = np.arange("2026-04-13", "2026-04-19", dtype="datetime64[D]").astype(np.int64)
    assert month_position(middle).tolist() == [1, 4, 4, 4, 4, 1]


def test_tents_interpolate_and_are_level_beyond_the_ends() -> None:
    knots, values = np.array([-1.0, 0.0, 4.0]), np.array([-9.0, -1.0, -0.25, 0.0, 3.0, 4.0, 70.0])
    at_knots = np.array([5.0, 1.0, 2.0])
    np.testing.assert_allclose(tents(values, knots) @ at_knots, np.interp(values, knots, at_knots), rtol=1e-12)


def test_kaplan_meier_by_hand() -> None:
    # paid on day 1, paid on day 3, censored after 2 days (days 0 and 1 seen), paid on day 3
    rows = pd.DataFrame({"age_days": 0.0, "terms_days": 30.0, "paid_days": [1, 3, np.nan, 3], "observed_days": [99.0, 99.0, 2.0, 99.0]})
    np.testing.assert_allclose(kaplan_meier(rows, 5), [1.0, 0.75, 0.75, 0.0, 0.0])


def test_the_distribution_is_whole_and_the_quantiles_are_its_own() -> None:
    entry = case()
    rows = entry.held_out()[list(COLUMNS)]
    model = FAMILY.fit(entry.rows(), SPEC)
    paid, never = paid_by_day(model, rows)
    assert (paid >= 0).all()
    assert (paid.sum(axis=1) + never <= 1.0 + 1e-9).all()
    found = model.predict(rows)
    np.testing.assert_allclose(found[pay_columns()].sum(axis=1), paid.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found["p_paid"], paid[:, :30].sum(axis=1), rtol=1e-9)
    median = (found["expected_days"] - rows["age_days"]).to_numpy(np.int64)
    by_then = np.cumsum(paid, axis=1)
    every = np.arange(len(rows))
    assert (by_then[every, median] >= 0.5).all()
    assert (by_then[every, np.maximum(median - 1, 0)][median > 0] < 0.5).all()


def test_an_older_invoice_is_predicted_as_the_same_one_that_is_still_open() -> None:
    # P(paid on day 40 + d | open on day 40) of a new invoice is P(paid on day d) of the one that is 40 days old
    model = FAMILY.fit(case().rows(), SPEC)
    new = case().held_out()[list(COLUMNS)].head(20).assign(prior_count=5.0)
    older = new.assign(age_days=40.0, as_of_day=new["as_of_day"] + 40.0)
    first, _ = paid_by_day(model, new)
    then, _ = paid_by_day(model, older)
    still_open = 1.0 - first[:, :40].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(then[:, : DAYS - 40], first[:, 40:] / still_open, rtol=1e-6, atol=1e-12)


def test_the_loss_is_minus_the_log_of_what_was_seen() -> None:
    model = FAMILY.fit(case().rows(), SPEC)
    row = case().held_out().head(1)
    paid, _ = paid_by_day(model, row[list(COLUMNS)])
    on_day_30 = log_loss(model, row.assign(paid_days=30.0, observed_days=200.0))
    open_after_35 = log_loss(model, row.assign(paid_days=np.nan, observed_days=35.0))
    np.testing.assert_allclose(on_day_30, -np.log(paid[:, 30]), rtol=1e-12)
    np.testing.assert_allclose(open_after_35, -np.log(1.0 - paid[:, :35].sum(axis=1)), rtol=1e-9)


def test_an_invoice_a_year_overdue_is_lost() -> None:
    model = FAMILY.fit(case().rows(), SPEC)
    rows = case().held_out()[list(COLUMNS)].head(2).assign(age_days=[395.0, 394.0])
    paid, never = paid_by_day(model, rows)
    assert never[0] == 1.0
    assert not paid[0].any()
    assert paid[1, 0] > 0.0
    assert not paid[1, 1:].any()


def test_the_rule_s_errors_are_its_own() -> None:
    rows = pd.concat([case().rows()] * 3).assign(last_delay=0.0, paid_days=33.0, observed_days=400.0)
    rule = fit_rule(rows, "last_delay", 30)
    found = rule.predict(rows[list(COLUMNS)].head(3).assign(last_delay=[0.0, 10.0, -10.0]))
    assert np.abs(found["expected_days"].to_numpy() - np.array([33.0, 43.0, 23.0])).max() <= 2.0


def test_one_open_invoice_gives_a_wide_answer() -> None:
    facts = company(("only", "x", "2026-03-20", "2026-04-19", None))
    development = FAMILY.develop(facts, SPEC, AS_OF, Options())
    rows = execute(FAMILY.candidates(facts, SPEC, None, AS_OF))
    found = development.model.predict(rows[list(COLUMNS)])
    assert np.isfinite(found.to_numpy()).all()
    assert found["days_p90"].iloc[0] - found["days_p10"].iloc[0] >= 25
    assert 0.0 < found["p_never"].iloc[0] < 0.4
    assert development.details["median_delay_days"] is None
    assert development.details["dso"] == 90.0


def test_no_invoice_before_as_of_is_refused() -> None:
    facts = company(("only", "x", "2026-05-20", "2026-06-19", None))
    with pytest.raises(TooFewRows, match="0 invoices known"):
        FAMILY.develop(facts, SPEC, AS_OF, Options())


def test_the_fingerprint_is_that_of_the_columns_definition() -> None:
    model, baseline = FAMILY.fit(case().rows(), SPEC), FAMILY.fit_baseline(case().rows(), SPEC)
    assert FAMILY.fingerprint(model) == FAMILY.fingerprint(baseline)
    assert len(FAMILY.fingerprint(model)) == 64


def test_develop_beats_last_time_where_customers_keep_their_pace() -> None:
    generator = np.random.default_rng(4)
    first = AsOf.parse("2024-01-01", "UTC").at
    rows: list[tuple[Any, ...]] = []
    for customer in range(70):
        pace = generator.normal(5.0, 12.0)
        for number in range(18):
            issued = first + timedelta(days=int(30 * number + generator.integers(0, 20)))
            late = round(pace + generator.normal(0.0, 7.0))
            paid = issued + timedelta(days=max(30 + late, 0))
            rows.append((f"i{customer}-{number}", f"c{customer}", issued, issued + timedelta(days=30), paid))
    development = FAMILY.develop(company(*rows), SPEC, AsOf.parse("2025-03-01", "UTC"), Options())
    assert development.judged is development.model
    assert development.newest["as_of"].min() >= pd.Timestamp("2025-03-01")
    model, last = development.metrics, development.baseline_metrics
    assert model["log_loss"] < last["log_loss"] - 0.1
    assert model["mean_absolute_error"] < last["mean_absolute_error"] - 0.5
    assert 0.68 < model["coverage_80"] < 0.92
    for make in development.plots.values():
        assert make().axes[0].get_xlabel()
