"""The features of few rows, step by step, against the engine's SQL of the same expressions."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast import features
from funnelcast.features.few_rows import Column, Untranslatable, column, translate, unknown
from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES

READ = ("contacts", "transactions", "touchpoints", "subscriptions", "invoices", "deals")
TYPES: dict[str, dict[str, str]] = {name: {column: TABLES[name].type_of(column) for column in TABLES[name].names} for name in READ}
COHORT = {"contact_id": "string", "as_of": "timestamp"}
ALL_TYPES: Mapping[str, Mapping[str, str]] = {**TYPES, "cohort": COHORT}
T = datetime(2026, 1, 1)  # noqa: DTZ001 (wall-clock)
WORDS = {
    "kind": ["visit", "email_open", "Store_Visit", "webinar", "call", "nps", "csat", "ces", "other"],
    "channel": ["web", "store", "email", "phone"],
    "outcome": ["won", "Lost", "other"],
}
Rows = Mapping[str, list[Any]]

unbound = {name: ibis.table(types, name=name) for name, types in TYPES.items()}
source = Source("few", offline=frozenset({"store", "phone"}))
company = Facts(source, ibis.duckdb.connect(), unbound, {name: frozenset(types) for name, types in TYPES.items()})
expression = features.build(company, ibis.table(COHORT, name="cohort"))
program = translate(expression)
SQL = str(ibis.to_sql(expression, dialect="duckdb"))


def drawn(seed: int, contacts: int) -> dict[str, Rows]:
    """Any facts of a few contacts: known and unknown, early and late, at as_of itself and after it."""
    chance = random.Random(seed)  # noqa: S311
    names = [f"c{place}" for place in range(contacts)]

    def value(name: str, kind: str) -> Any:
        if name == "contact_id":
            return chance.choice([*names, "else"])
        if chance.random() < 0.2:
            return None
        if kind == "timestamp":
            return T - timedelta(days=chance.choice([0, 1, 30, 90, chance.uniform(-20, 500)]))
        if kind == "string":
            return chance.choice(WORDS.get(name, ["", "a", "B"]))
        return chance.choice([0.0, 1.0, -7.0, round(chance.uniform(-10, 200), 2), chance.uniform(0, 9), 1e13])

    found: dict[str, Rows] = {"cohort": {"contact_id": names, "as_of": [T] * contacts}}
    for table, types in TYPES.items():
        size = chance.choice([0, contacts, 6 * contacts])
        found[table] = {name: [value(name, kind) for _ in range(size)] for name, kind in types.items()}
    own = [chance.choice([name, "else"]) for name in names]
    found["contacts"] = {
        name: (own if name == "contact_id" else [value(name, kind) for _ in names]) for name, kind in TYPES["contacts"].items()
    }
    return found


def by_engine(sql: str, tables: Mapping[str, Rows], types: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    arrow = {"string": pa.string(), "timestamp": pa.timestamp("us"), "float64": pa.float64(), "int64": pa.int64(), "boolean": pa.bool_()}
    with duckdb.connect(config={"threads": 1}) as connection:
        for name, rows in tables.items():
            connection.register(name, pa.table({column: pa.array(rows[column], arrow[kind]) for column, kind in types[name].items()}))
        found: list[dict[str, Any]] = connection.execute(sql).to_arrow_table().to_pylist()
    return found


def by_steps(tables: Mapping[str, Rows], types: Mapping[str, Mapping[str, str]], steps: Any = program) -> list[dict[str, Any]]:
    found = steps.run(
        lambda table, name: column(tables[table][name], types[table][name]), lambda table: len(next(iter(tables[table].values())))
    )
    return rows_of(found)


def rows_of(found: Mapping[str, Column]) -> list[dict[str, Any]]:
    size = next(iter(found.values())).values.shape[0]
    known = {name: np.ones(size, bool) if one.known is None else one.known for name, one in found.items()}
    return [
        {
            name: one.values[row].item() if hasattr(one.values[row], "item") else one.values[row]
            for name, one in found.items()
            if known[name][row]
        }
        for row in range(size)
    ]


def plain(rows: list[dict[str, Any]], key: str) -> dict[Any, dict[str, Any]]:
    """Rows by their key, without what isn't known, time stamps as microseconds."""
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001
    clocks = {name: value for row in rows for name, value in row.items() if isinstance(value, datetime)}
    return {
        row[key]: {
            name: (value - epoch) // timedelta(microseconds=1) if name in clocks else value
            for name, value in row.items()
            if value is not None
        }
        for row in rows
    }


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), contacts=st.integers(1, 5))
def test_every_feature_is_the_engine_s_to_the_last_bit(seed: int, contacts: int) -> None:
    tables, types = drawn(seed, contacts), ALL_TYPES
    expected = plain(by_engine(SQL, tables, types), "contact_id")
    found = {row["contact_id"]: row for row in by_steps(tables, types)}
    assert len(found) == contacts
    for contact, row in expected.items():
        row["as_of"] = found[contact]["as_of"]
        assert found[contact] == row


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), contacts=st.integers(1, 4))
def test_columns_that_nobody_brings_are_unknown_in_every_row(seed: int, contacts: int) -> None:
    tables, chance = drawn(seed, contacts), random.Random(seed)  # noqa: S311
    own = [(table, name) for table, rows in tables.items() for name in rows if name not in {"contact_id", "as_of"}]
    left_out = set(chance.sample(own, len(own) // 2))
    tables = {
        table: {name: [None] * len(values) if (table, name) in left_out else values for name, values in rows.items()}
        for table, rows in tables.items()
    }

    def read(table: str, name: str) -> Column:
        kind = ALL_TYPES[table][name]
        return unknown(kind) if (table, name) in left_out else column(tables[table][name], kind)

    found = {row["contact_id"]: row for row in rows_of(program.run(read, lambda table: len(next(iter(tables[table].values())))))}
    for contact, row in plain(by_engine(SQL, tables, ALL_TYPES), "contact_id").items():
        row["as_of"] = found[contact]["as_of"]
        assert found[contact] == row


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), contacts=st.integers(1, 4), left_out=st.sets(st.sampled_from(READ)))
def test_tables_without_rows_are_left_out_to_the_same_values(seed: int, contacts: int, left_out: set[str]) -> None:
    tables = drawn(seed, contacts)
    tables |= {table: {name: [] for name in TYPES[table]} for table in left_out}
    few = program.without(left_out, lambda table, name: unknown(TYPES[table][name]))
    assert not left_out & {table for table, _ in few.inputs}
    assert by_steps(tables, ALL_TYPES, few) == by_steps(tables, ALL_TYPES)


def test_without_facts_most_steps_are_saved() -> None:
    facts = set(READ) - {"contacts"}
    few = program.without(facts, lambda table, name: unknown(TYPES[table][name]))
    assert len(few.steps) < len(program.steps) / 3


@pytest.mark.parametrize("seed", range(4))
def test_many_rows_are_computed_as_few_are(seed: int) -> None:
    tables = drawn(seed, contacts=60)
    expected = plain(by_engine(SQL, tables, ALL_TYPES), "contact_id")
    found = {row["contact_id"]: row for row in by_steps(tables, ALL_TYPES)}
    for contact, row in expected.items():
        row["as_of"] = found[contact]["as_of"]
        assert found[contact] == row
    assert len(found) == len(expected) == 60


def test_some_columns_alone_take_fewer_steps_to_the_same_values() -> None:
    tables = drawn(seed=5, contacts=4)
    names = ["contact_id", *list(program.outputs)[5::9]]
    few = program.only(names)
    assert len(few.steps) < len(program.steps)
    every = [{name: value for name, value in row.items() if name in names} for row in by_steps(tables, ALL_TYPES)]
    assert by_steps(tables, ALL_TYPES, few) == every


PLAIN = {"key": "int64", "x": "float64", "y": "float64", "n": "int64", "s": "string", "b": "boolean", "c": "boolean", "at": "timestamp"}
t = ibis.table(PLAIN, name="t")
other = ibis.table({"k": "int64", "s": "string", "z": "float64"}, name="other")
OPERATIONS = {
    "add": t.x + t.y,
    "divide": t.x / t.y.nullif(0.0),
    "power": (t.n * t.n).cast("float64") ** 0.5,
    "compare": (t.x < t.y).cast("float64") + (t.x >= t.y).cast("int64") + (t.n <= 2).cast("int64") + (t.n > t.x).cast("int64"),
    "and": t.b & t.c,
    "or": t.b | t.c,
    "not": ~(t.b & (t.x > 0)),
    "null": t.x.isnull() & t.s.notnull(),
    "coalesce": ibis.coalesce(t.x, t.y, 7.0),
    "nullif": t.s.nullif("a"),
    "if": ibis.ifelse(t.b, t.x, t.y),
    "cases": ibis.cases((t.x > 1.0, t.x), (t.y > 1.0, 0.0 - t.y), else_=None),
    "switch": ibis.cases((t.s == "a", 1.0), (t.s == "b", t.x), else_=t.y),
    "greatest": ibis.greatest(t.x, t.y, 0.5),
    "isin": t.s.isin(["a", "B"]),
    "lower": t.s.lower(),
    "round": t.x.round().cast("float64") + t.x.ceil() + t.x.floor(),
    "clock": t.at.epoch_seconds() + t.at.day_of_year(),
    "days": t.at.date().delta(ibis.timestamp("2024-02-29 23:00:00").date(), unit="day"),
}
VALUES: dict[str, Any] = {
    "x": st.sampled_from([0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, 1e9, -3.25]),
    "y": st.sampled_from([0.0, 1.0, 2.5, -3.25]),
    "n": st.integers(-3, 3),
    "s": st.sampled_from(["", "a", "b", "B", "é"]),
    "b": st.booleans(),
    "c": st.booleans(),
    "at": st.datetimes(datetime(1960, 1, 1), datetime(2030, 12, 31)),  # noqa: DTZ001
}


@st.composite
def tables_of(draw: st.DrawFn) -> dict[str, Rows]:
    size, more = draw(st.integers(0, 8)), draw(st.integers(0, 6))
    rows: dict[str, list[Any]] = {name: draw(st.lists(st.none() | values, min_size=size, max_size=size)) for name, values in VALUES.items()}
    key = st.none() | st.integers(0, 3)
    joined: Rows = {
        "k": draw(st.lists(key, min_size=more, max_size=more)),
        "s": draw(st.lists(st.none() | st.sampled_from(["a", "b"]), min_size=more, max_size=more)),
        "z": draw(st.lists(st.none() | st.integers(-5, 5).map(float), min_size=more, max_size=more)),
    }
    keyed: Rows = {"key": list(range(size)), **rows}
    return {"t": keyed, "other": joined}


def check(expression: Any, tables: dict[str, Rows]) -> None:
    types = {"t": PLAIN, "other": {"k": "int64", "s": "string", "z": "float64"}}
    expected = plain(by_engine(str(ibis.to_sql(expression, dialect="duckdb")), tables, types), "key")
    assert {row.get("key"): row for row in by_steps(tables, types, translate(expression))} == expected


@settings(max_examples=100)
@given(tables=tables_of())
def test_operations_take_the_unknown_as_the_engine_does(tables: dict[str, Rows]) -> None:
    check(t.select("key", **OPERATIONS), tables)


@settings(max_examples=100)
@given(tables=tables_of())
def test_joins_filters_and_groups_are_the_engine_s(tables: dict[str, Rows]) -> None:
    left = t.left_join(other, t.n == other.k)
    both = t.join(other, [t.n == other.k, t.s == other.s])
    for joined in (left, both):
        rows = joined.select("key", "z", "b", "n").filter(lambda row: row.z.isnull() | (row.z > -4.0))
        grouped = rows.group_by("key").aggregate(
            count=rows.count(),
            some=rows.count(where=rows.b),
            total=rows.z.sum(where=rows.z > 0.0),
            least=rows.z.min(),
            most=rows.z.max(where=rows.b),
            share=rows.z.sum() / rows.count(),
        )
        check(grouped, tables)
    check(t.select("n", "s").distinct().group_by(key="n").aggregate(kinds=lambda row: row.count()), tables)


@settings(max_examples=40)
@given(tables=tables_of(), how=st.sampled_from(["left", "inner"]), empty=st.sets(st.sampled_from(["t", "other"]), min_size=1))
def test_what_follows_from_a_table_without_rows_is_the_same_beforehand(tables: dict[str, Rows], how: Any, empty: set[str]) -> None:
    types = {"t": PLAIN, "other": {"k": "int64", "s": "string", "z": "float64"}}
    tables |= {table: {name: [] for name in types[table]} for table in empty}
    joined = t.join(other, [t.n == other.k, t.s == other.s], how=how)
    rows = joined.select("key", "z", "b", "n", "s", **{name: OPERATIONS[name] for name in ("coalesce", "and", "cases", "lower", "isin")})
    kept = rows.filter(lambda row: row.z.isnull() | (row.z > -4.0))
    grouped = kept.group_by("key").aggregate(some=kept.count(where=kept.b), most=kept.z.max(), total=kept.n.sum(), word=kept.s.max())
    for expression in (
        t.select("key", **OPERATIONS),
        kept,
        grouped,
        t.left_join(grouped, t.key == grouped.key).select(t.key, "some", "most", "word"),
    ):
        steps = translate(expression)
        few = steps.without(empty, lambda table, name: unknown(types[table][name]))
        assert by_steps(tables, types, few) == by_steps(tables, types, steps)


@settings(max_examples=50)
@given(tables=tables_of())
def test_the_row_of_the_least_key_is_the_engine_s(tables: dict[str, Rows]) -> None:
    groups = t.mutate(part=t.n, order=t.key * 7).group_by(key="part")
    check(groups.aggregate(first=lambda row: row.x.argmin(row.order, where=row.b)), tables)


def test_what_is_not_known_here_is_named() -> None:
    with pytest.raises(Untranslatable, match="Reverse"):
        translate(t.select("key", turned=t.s.reverse()))
    with pytest.raises(Untranslatable, match="anti"):
        translate(t.anti_join(other, t.n == other.k).select("key"))
