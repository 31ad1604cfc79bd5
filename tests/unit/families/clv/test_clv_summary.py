"""The rules of the summary, on a few rows worked by hand."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

from funnelcast.errors import MissingTable
from funnelcast.families.clv.summary import bought_between, compress, compress_purchases, definition, rules, summarise
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf

AS_OF = AsOf.parse("2025-03-01", "Europe/Paris")


def facts(*rows: tuple[str, str, float], known_at: dict[int, str] | None = None) -> Facts:
    frame = pd.DataFrame(rows, columns=["contact_id", "occurred_at", "amount"])
    frame["occurred_at"] = pd.to_datetime(frame["occurred_at"], format="ISO8601")
    frame["known_at"] = frame["occurred_at"]
    for row, instant in (known_at or {}).items():
        frame.loc[row, "known_at"] = pd.Timestamp(instant)
    return from_frames(Source("acme", timezone="Europe/Paris"), {"transactions": frame})


def one(given: Facts, as_of: AsOf = AS_OF) -> dict[str, float]:
    rows = summarise(given, as_of).execute()
    assert len(rows) == 1
    return {name: float(rows[name].iloc[0]) for name in ("frequency", "recency", "T", "monetary_value", "first_value")}


def test_purchases_of_one_day_are_one_and_age_ends_on_the_last_whole_day() -> None:
    given = facts(("a", "2025-01-01 09:00", 10), ("a", "2025-01-01 23:59", 5), ("a", "2025-01-11 00:00", 20), ("a", "2025-01-31 12:00", 40))
    assert one(given) == {"frequency": 2.0, "recency": 30.0, "T": 58.0, "monetary_value": 30.0, "first_value": 15.0}


def test_an_as_of_within_a_day_counts_to_the_day_before_and_never_below_the_recency() -> None:
    given = facts(("a", "2025-01-01 09:00", 10), ("a", "2025-01-11 08:00", 20))
    assert one(given, AsOf.parse("2025-01-20T15:00", "Europe/Paris"))["T"] == 18.0
    late = one(given, AsOf.parse("2025-01-11T15:00", "Europe/Paris"))
    assert (late["recency"], late["T"]) == (10.0, 10.0)
    assert one(given, AsOf.parse("2025-01-01T15:00", "Europe/Paris"))["T"] == 0.0


def test_the_cut_is_half_open_and_by_when_it_was_known() -> None:
    given = facts(
        ("a", "2025-01-01", 10), ("a", "2025-02-01", 20), ("a", "2025-02-28", 30), ("a", "2025-03-01", 40), known_at={1: "2025-03-01 00:00"}
    )
    assert one(given) == {"frequency": 1.0, "recency": 58.0, "T": 58.0, "monetary_value": 30.0, "first_value": 10.0}


def test_returns_are_subtracted_on_the_day_and_are_no_purchase_alone() -> None:
    given = facts(
        ("a", "2025-01-01", 10),
        ("a", "2025-01-05", 50),
        ("a", "2025-01-05", -20),
        ("a", "2025-01-09", -30),
        ("a", "2025-01-12", 8),
        ("a", "2025-01-12", -8),
        ("a", "2025-01-20", 0),
    )
    # Purchase days: the 1st, 5th, 12th and 20th; only the 5th is a repeat of positive value.
    assert one(given) == {"frequency": 3.0, "recency": 19.0, "T": 58.0, "monetary_value": 30.0, "first_value": 10.0}
    report = rules(given, AS_OF)
    assert (report["transactions"], report["zero_amounts"], report["negative_amounts"]) == (7, 1, 3)
    assert report["returned_share"] == pytest.approx(58 / 68)


def test_who_has_only_returned_is_no_customer() -> None:
    assert summarise(facts(("a", "2025-01-01", -5), ("b", "2025-01-02", 5)), AS_OF).contact_id.execute().tolist() == ["b"]


def test_a_cohort_sees_each_member_at_its_own_as_of() -> None:
    given = facts(
        ("a", "2025-01-01", 10), ("a", "2025-01-11", 30), ("b", "2025-01-01", 10), ("b", "2025-01-11", 30), ("c", "2025-01-05", 1)
    )
    cohort = ibis.memtable(
        pd.DataFrame({"contact_id": ["a", "b", "nobody"], "as_of": pd.to_datetime(["2025-01-11", "2025-01-12", "2025-01-12"])})
    )
    rows = summarise(given, AS_OF, cohort).order_by("contact_id").execute()
    assert rows["contact_id"].tolist() == ["a", "b"]
    assert rows["frequency"].tolist() == [0.0, 1.0]
    assert rows["T"].tolist() == [9.0, 10.0]


def test_everyone_at_as_of_equals_a_cohort_of_everyone() -> None:
    random = np.random.default_rng(5)
    days = pd.Timestamp("2024-06-01") + pd.to_timedelta(random.integers(0, 300 * 24, 400), unit="h")
    names = [f"c{number}" for number in random.integers(0, 60, 400)]
    given = facts(*((name, str(day), float(value)) for name, day, value in zip(names, days, random.uniform(-5, 50, 400), strict=True)))
    everyone = summarise(given, AS_OF).order_by("contact_id").execute()
    cohort = ibis.memtable(pd.DataFrame({"contact_id": sorted(set(names)), "as_of": pd.Timestamp(AS_OF.at)}))
    pd.testing.assert_frame_equal(summarise(given, AS_OF, cohort).order_by("contact_id").execute(), everyone)


def test_against_a_plain_loop_over_the_rows() -> None:
    random = np.random.default_rng(6)
    rows = [
        (
            f"c{random.integers(0, 30)}",
            f"2025-0{random.integers(1, 3)}-{random.integers(1, 29):02d} 10:00",
            round(float(random.uniform(-10, 60)), 2),
        )
        for _ in range(300)
    ]
    found = summarise(facts(*rows), AS_OF).order_by("contact_id").execute().set_index("contact_id")
    for contact in sorted({name for name, _, _ in rows}):
        days: dict[str, list[float]] = {}
        for name, when, amount in rows:
            if name == contact:
                days.setdefault(when[:10], []).append(amount)
        bought = sorted((day, sum(amounts)) for day, amounts in days.items() if max(amounts) >= 0)
        if not bought:
            assert contact not in found.index
            continue
        positive = [value for _, value in bought[1:] if value > 0]
        first, last = pd.Timestamp(bought[0][0]), pd.Timestamp(bought[-1][0])
        row = found.loc[contact]
        assert row["frequency"] == len(bought) - 1
        assert row["recency"] == (last - first).days
        assert row["T"] == (pd.Timestamp("2025-02-28") - first).days
        assert row["monetary_value"] == pytest.approx(np.mean(positive) if positive else 0.0, abs=1e-9)


def test_the_order_of_the_rows_changes_no_bit() -> None:
    random = np.random.default_rng(7)
    amounts = np.round(random.uniform(0.01, 1e9, 300), 2) * random.choice([1.0, 1e-6], 300)
    rows = [(f"c{number % 5}", f"2025-02-{1 + number % 4:02d}", float(value)) for number, value in enumerate(amounts)]
    shuffled = [rows[place] for place in random.permutation(len(rows))]
    own, other = (summarise(facts(*given), AS_OF).order_by("contact_id").execute() for given in (rows, shuffled))
    pd.testing.assert_frame_equal(own, other, check_exact=True)


def test_compressed_in_the_engine_as_in_python() -> None:
    given = facts(*((f"c{number}", f"2025-01-{1 + number % 3:02d}", 5.0) for number in range(9)), ("c0", "2025-01-20", 7.0))
    summary = summarise(given, AS_OF)
    in_engine = compress_purchases(summary, 7.0)
    in_python = compress(summary.execute(), "frequency", "recency", "T")
    np.testing.assert_array_equal(in_engine.weight, in_python["weight"])
    np.testing.assert_allclose(in_engine.T, in_python["T"] / 7)
    assert in_engine.customers == 9
    assert in_engine.weight.tolist() == [3.0, 3.0, 2.0, 1.0]


def test_the_hold_out_counts_purchase_days_in_its_half_open_window() -> None:
    given = facts(
        ("a", "2025-02-27", 1), ("a", "2025-03-01", 2), ("a", "2025-03-01 20:00", 3), ("a", "2025-03-09", 4), ("a", "2025-03-10", 5)
    )
    rows = bought_between(given, AS_OF, AsOf.parse("2025-03-10", "Europe/Paris")).execute()
    assert rows["purchases"].tolist() == [2.0]
    assert rows["spent"].tolist() == [9.0]


def test_without_transactions_the_missing_table_is_named() -> None:
    with pytest.raises(MissingTable, match=r"Customer lifetime value needs the table transactions"):
        summarise(from_frames(Source("acme"), {"contacts": pd.DataFrame({"contact_id": ["a"]})}), AS_OF)


def test_the_definition_is_the_sql_of_the_summary() -> None:
    assert "monetary_value" in definition()
    assert definition() == definition()
