"""Spark opens a company as DuckDB does: the same tables, the same findings, the same refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from funnelcast import features
from funnelcast.cohorts import every_contact
from funnelcast.errors import SourceError
from funnelcast.sources.as_of import cut
from funnelcast.sources.open import open_source
from tests.spark.conftest import Both, on_spark
from tests.spark.same import assert_same

FRENCH = 'Client;Date;Montant TTC\nDupré;03/02/2025 10:15;"1 234,50"\nLévy;28/02/2025 23:59;12,00\nDupré;30/03/2025 02:30;-7,25\n'
QUERY = "select distinct who as contact_id, ' v\\u00a0' as note from sold"
SOLD = """
select 'a' as who, timestamp'2025-03-30 01:30:00Z' as at, 5 as amount union all select 'b', timestamp'2025-07-01 12:00:00Z', 7
"""
FRENCH_TABLE = """
[tables.transactions]
path = "ventes.csv"
columns = { contact_id = "Client", occurred_at = "Date", amount = "Montant TTC" }
filter = '"Montant TTC" <> 12'
"""


def test_every_table_and_finding_is_the_same(both: Both) -> None:
    assert both.spark.brought == both.duckdb.brought
    assert both.spark.observed_until == both.duckdb.observed_until
    told, other = (
        [(found.table, found.column, found.rule, found.count, found.first) for found in facts.findings]
        for facts in (both.duckdb, both.spark)
    )
    assert told == other
    for name, table in both.duckdb.tables.items():
        assert both.spark.tables[name].schema() == table.schema(), name
        assert_same(table.execute(), both.spark.tables[name].execute())


@pytest.mark.parametrize("days", [30, 400])
def test_the_cut_is_the_same(both: Both, days: int) -> None:
    assert both.duckdb.observed_until
    as_of = both.duckdb.observed_until.plus(-days)
    known, other = cut(both.duckdb, as_of), cut(both.spark, as_of)
    for name in ("contacts", "deals", "invoices"):
        assert_same(known.tables[name].execute(), other.tables[name].execute())


def test_a_poisoned_future_changes_nothing(session: Any, both: Both, tmp_path: Path) -> None:
    assert both.duckdb.observed_until
    as_of = both.duckdb.observed_until.plus(-200)
    lines = ['[source]\nname = "demo"\nbackend = "pyspark"\ntimezone = "Europe/Paris"\n']
    for name in ("contacts", "transactions"):
        clean = both.duckdb.tables[name].to_pyarrow()
        future = clean.slice(0, 200).to_pandas().assign(known_at=as_of.at)
        if name == "transactions":
            future = future.assign(amount=1e9, occurred_at=pd.Timestamp(as_of.at) - pd.Timedelta(days=3), transaction_id=None)
        else:
            future["contact_id"] = "later " + future["contact_id"]
        pq.write_table(pa.concat_tables([clean, pa.Table.from_pandas(future, schema=clean.schema)]), tmp_path / f"{name}.parquet")
        lines.append(f'[tables.{name}]\npath = "{name}.parquet"\n')
    (tmp_path / "source.toml").write_text("".join(lines))
    poisoned = open_source(tmp_path / "source.toml")
    known = cut(both.duckdb, as_of).with_tables(
        {name: cut(both.duckdb, as_of).tables[name] for name in ("contacts", "transactions")}, as_of
    )
    rows, other = (features.build(cut(facts, as_of), every_contact(cut(facts, as_of), [as_of])).execute() for facts in (known, poisoned))
    assert_same(rows, other, "contact_id")


def test_delimited_text_is_read_alike_and_filtered_in_its_own_words(session: Any, tmp_path: Path) -> None:
    (tmp_path / "ventes.csv").write_bytes(FRENCH.encode("cp1252"))
    path = tmp_path / "source.toml"
    path.write_text('[source]\nname = "fr"\ntimezone = "Europe/Paris"\n' + FRENCH_TABLE)
    facts, other = open_source(path), open_source(on_spark(path))
    assert other.findings == facts.findings
    found = other.tables["transactions"].execute()
    assert sorted(found["amount"]) == [-7.25, 1234.5]
    assert_same(facts.tables["transactions"].execute(), found)


def test_a_catalog_table_and_a_query_are_read_by_spark_in_the_companys_own_time(session: Any, tmp_path: Path) -> None:
    session.sql(f"create table sold using parquet as {SOLD}")
    path = tmp_path / "source.toml"
    columns = 'columns = { contact_id = "who", occurred_at = "at" }\n'
    head = '[source]\nname = "catalog"\nbackend = "pyspark"\ntimezone = "Europe/Paris"\n'
    path.write_text(f'{head}[tables.transactions]\ntable = "sold"\n{columns}[tables.contacts]\nsql = "{QUERY}"\n')
    facts = open_source(path)
    bought = facts.tables["transactions"].order_by("contact_id").execute()
    assert bought["occurred_at"].tolist() == [pd.Timestamp("2025-03-30 03:30"), pd.Timestamp("2025-07-01 14:00")]
    assert bought["amount"].tolist() == [5.0, 7.0]
    assert facts.tables["contacts"].execute()["note"].tolist() == ["v", "v"]


REFUSED = {
    "a column that isn't there": ({"contact_id": ["1"], "occurred_at": [pd.Timestamp("2025-01-01")]}, ""),
    "amounts that are blank": ({"contact_id": ["1", None], "occurred_at": [pd.Timestamp("2025-01-01")] * 2, "amount": [None, 2.0]}, ""),
    "facts after the end": (
        {"contact_id": ["1", "2"], "occurred_at": [pd.Timestamp("2025-01-01"), pd.Timestamp("2027-01-01 10:00")], "amount": [1.0, 2.0]},
        "",
    ),
    "no row that passes": ({"contact_id": ["1"], "occurred_at": [pd.Timestamp("2025-01-01")], "amount": [1.0]}, 'filter = "amount > 5"\n'),
    "another currency": (
        {"contact_id": ["1"], "occurred_at": [pd.Timestamp("2025-01-01")], "amount": [1.0], "currency": ["USD"]},
        "",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_said_in_the_same_words(session: Any, tmp_path: Path, case: str) -> None:
    columns, more = REFUSED[case]
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    path = tmp_path / "source.toml"
    path.write_text(f'[source]\nname = "wrong"\nobserved_until = 2025-12-31\n[tables.transactions]\npath = "t.parquet"\n{more}')
    said = []
    for given in (path, on_spark(path)):
        with pytest.raises(SourceError) as error:
            open_source(given)
        said.append(str(error.value).replace("spark.toml", "source.toml"))
    assert said[0] == said[1]


def test_texts_in_typed_files_and_unknown_tables_are_refused_in_a_paragraph(session: Any, tmp_path: Path) -> None:
    pq.write_table(pa.table({"contact_id": ["1"], "occurred_at": ["2025-01-01"], "amount": [1.0]}), tmp_path / "t.parquet")
    path = tmp_path / "source.toml"
    head = '[source]\nname = "wrong"\nbackend = "pyspark"\n[tables.transactions]\n'
    path.write_text(f'{head}path = "t.parquet"\n')
    with pytest.raises(SourceError, match=r"'occurred_at' \(a time\).*Cast them with `sql`"):
        open_source(path)
    path.write_text(f'{head}table = "nowhere"\n')
    with pytest.raises(SourceError, match="table 'nowhere' can't be read"):
        open_source(path)
    path.write_text(f'{head}sql = "selekt 1"\n')
    with pytest.raises(SourceError, match="sql fails"):
        open_source(path)
