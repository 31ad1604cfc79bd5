"""Recency, frequency and value of every customer from a file of transactions: beside hand-written SQL and lifetimes on a frame."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from benchmarks import clv_company
from benchmarks.clv_company import AS_OF
from benchmarks.feature_set import agreement, sample
from benchmarks.large_company import connect
from benchmarks.measure import Ready, Row, apart, gigabytes, seconds
from funnelcast.families.clv.summary import summarise
from funnelcast.sources.conform import conform, plain_times
from funnelcast.sources.facts import Facts, Source

_ROUNDS = 3  # of the two that take seconds; lifetimes runs in the first alone
_SQL = Path(__file__).with_suffix(".sql")


def rows(customers: int) -> Iterator[Row]:
    """Draw the transactions, run the contenders in turn, and hold their answers against each other."""
    with tempfile.TemporaryDirectory() as made:
        file = clv_company.write(Path(made), customers).with_name("transactions.parquet")
        own, hand, theirs = (partial(contender, file) for contender in (by_funnelcast, by_hand, by_lifetimes))
        mine, written, frames = [], [], []
        for turn in range(_ROUNDS):
            mine.append(apart(own, sample))
            written.append(apart(hand, sample))
            frames += [apart(theirs, sample)] if turn == 0 else []
        transactions = len(pd.read_parquet(file, columns=["amount"]))
    name = f"CLV summary of {transactions:,} transactions, {customers:,} customers"
    for other, costs in (("hand-written SQL", written), ("lifetimes", frames)):
        found, beside = mine[0].kept, costs[0].kept
        yield seconds(name, other, mine, costs, agreement(found[list(beside)], beside))
        yield gigabytes("peak memory of that", other, mine, costs, "a process each")


def by_funnelcast(file: Path) -> Ready:
    """Build the expression, compile and run it."""
    connection = connect()
    table = plain_times(conform(connection.read_parquet(file), "transactions"))
    facts = Facts(
        Source("buyers"), connection, {"transactions": table}, {"transactions": frozenset({"contact_id", "occurred_at", "amount"})}
    )
    return lambda: summarise(facts, AS_OF).drop("as_of").to_pyarrow()


def by_hand(file: Path) -> Ready:
    """Run clv_summary.sql."""
    connection: Any = connect()
    connection.read_parquet(file, table_name="transactions")
    return lambda: connection.con.execute(_SQL.read_text(), {"as_of": AS_OF.at}).to_arrow_table().drop_columns("as_of")


def by_lifetimes(file: Path) -> Ready:
    """Summarise a frame that is in memory already; its columns are the first four."""
    from lifetimes.utils import summary_data_from_transaction_data  # noqa: PLC0415 (it changes warning filters when imported)

    warnings.simplefilter("ignore")
    frame = pd.read_parquet(file)
    last_day = AS_OF.plus(-1).at
    columns = ("contact_id", "occurred_at", "amount")

    def run() -> pa.Table:
        found = summary_data_from_transaction_data(frame, *columns, observation_period_end=last_day)
        return pa.Table.from_pandas(found.reset_index(), preserve_index=False)

    return run
