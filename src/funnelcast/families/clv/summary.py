"""Recency, frequency and money in the engine: the same expressions for fitting, batch and the service.

The rules:

- purchases of one local calendar day are one purchase; a day counts where at least one of its rows has an amount of zero or more, so a day
  that holds returns alone is no purchase;
- frequency is the purchase days after the first; recency the days from the first to the last; T the days from the first to the last whole
  day before as_of, or to the last purchase where that is later;
- monetary_value is the mean of the net sums of those repeat purchase days that are positive, returns of the same day subtracted; 0 where
  there is none. The first purchase is not in it.

Sums are made of whole ten-thousandths of the currency, so that the order in which the engine meets the rows changes nothing (up to
900 billion for one customer).
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from funnelcast.families.clv.process.likelihood import Purchases, Spend
from funnelcast.sources.as_of import cut, known_to
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import TABLES
from funnelcast.terms import AsOf, Json

COLUMNS = ("frequency", "recency", "T", "monetary_value")
PURPOSE = "Customer lifetime value"
PARTS_OF_MONEY = 10_000


def summarise(facts: Facts, as_of: AsOf, cohort: ir.Table | None = None) -> ir.Table:
    """Give one row per customer with a purchase known before as_of.

    Parameters
    ----------
    as_of
        Where everyone is summarised; a cohort brings its own.
    cohort
        Who is asked for (contact_id, as_of); None takes every customer. A member without a purchase has no row.

    Returns
    -------
    contact_id, as_of, frequency, recency, T (days), monetary_value, first_value (money), purchase_days, all numbers as float64.
    """
    facts.table("transactions", PURPOSE)
    if cohort is not None:
        return _columns(_totals(known_to(facts, "transactions", cohort), "contact_id", "as_of"))
    totals = _totals(cut(facts, as_of).table("transactions"), "contact_id")
    return _columns(totals.mutate(as_of=ibis.literal(as_of.at, type="timestamp")))


def definition() -> str:
    """Give the SQL that computes the summary, whatever engine holds the facts: what a model was trained on."""
    schema = TABLES["transactions"]
    columns = {name: schema.type_of(name) for name in schema.names}
    known = ibis.table({**columns, "as_of": "timestamp"}, name="transactions")
    return str(ibis.to_sql(_columns(_totals(known, "contact_id", "as_of")), dialect="duckdb"))


def _totals(known: ir.Table, *keys: str) -> ir.Table:
    days = purchase_days(known, *keys)
    positive = days["money"] > 0
    return days.group_by(*keys).aggregate(
        first_day=days["day"].min(),
        last_day=days["day"].max(),
        purchase_days=days.count(),
        money=days["money"].sum(where=positive),
        positive_days=days.count(where=positive),
        first_money=days["money"].argmin(days["day"]),
    )


def _columns(totals: ir.Table) -> ir.Table:
    first_counts = totals["first_money"] > 0
    repeat_money = totals["money"].fill_null(0) - ibis.ifelse(first_counts, totals["first_money"], 0)
    repeats = totals["positive_days"] - first_counts.cast("int64")
    recency = totals["last_day"].delta(totals["first_day"], unit="day")
    whole_days = totals["as_of"].date().delta(totals["first_day"], unit="day") - 1
    mean = repeat_money / ibis.ifelse(repeats > 0, repeats, 1) / PARTS_OF_MONEY
    numbers: dict[str, Any] = {
        "frequency": totals["purchase_days"] - 1,
        "recency": recency,
        "T": ibis.greatest(whole_days, recency),
        "monetary_value": ibis.ifelse(repeats > 0, mean, 0.0),
        "first_value": totals["first_money"] / PARTS_OF_MONEY,
        "purchase_days": totals["purchase_days"],
    }
    return totals.select("contact_id", "as_of", **{name: value.cast("float64") for name, value in numbers.items()})


def purchase_days(transactions: ir.Table, *keys: str) -> ir.Table:
    """Merge transactions by local calendar day: keys, day, money (net, in ten-thousandths)."""
    # Whole numbers, which doubles add without error up to 2^53 and faster than integers, whose sums the engine widens.
    money = (transactions["amount"] * PARTS_OF_MONEY).round().cast("float64")
    rows = transactions.mutate(day=transactions["occurred_at"].date(), money=money, bought=transactions["amount"] >= 0)
    days = rows.group_by(*keys, "day").aggregate(money=rows["money"].sum(), bought=rows["bought"].max())
    return days.filter(days["bought"]).drop("bought")


def bought_between(facts: Facts, start: AsOf, end: AsOf) -> ir.Table:
    """Count each contact's purchase days in [start, end), as far as they were known before end: contact_id, purchases, spent."""
    known = cut(facts, end).table("transactions")
    happened = known.filter(known["occurred_at"] >= ibis.literal(start.at, type="timestamp"))
    days = purchase_days(happened, "contact_id")
    counted = days.group_by("contact_id").aggregate(purchases=days.count(), spent=days["money"].sum())
    return counted.mutate(purchases=counted["purchases"].cast("float64"), spent=counted["spent"] / PARTS_OF_MONEY)


def compress_purchases(summary: ir.Table, days_per_unit: float) -> Purchases:
    """Aggregate a summary in the engine to its distinct (frequency, recency, T)."""
    keys = ["frequency", "recency", "T"]
    return purchases_of(_weighted(summary, *keys), days_per_unit)


def compress_spend(summary: ir.Table) -> Spend:
    """Aggregate a summary in the engine to its distinct (frequency, monetary_value), where both are positive."""
    repeats = summary.filter((summary["frequency"] > 0) & (summary["monetary_value"] > 0))
    keys = ["frequency", "monetary_value"]
    return spend_of(_weighted(repeats, *keys))


def _weighted(rows: ir.Table, *keys: str) -> pd.DataFrame:
    distinct = rows.group_by(*keys).aggregate(weight=rows.count()).order_by(*keys)
    frame: pd.DataFrame = distinct.to_pyarrow().to_pandas(split_blocks=True)  # a column each, without a copy of all
    return frame


def compress(frame: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Do the same to rows that are in Python already: distinct rows in order, with a ``weight``."""
    counted = frame.groupby(list(keys), sort=True).size()
    return counted.rename("weight").reset_index()


def mean_first_value(summary: ir.Table) -> float:
    """Give the customers' mean first purchase, in money; 0 where there is none, or where returns outweigh them."""
    money = (summary["first_value"] * PARTS_OF_MONEY).round().cast("int64").sum()
    total, customers = summary.aggregate(total=money.cast("float64"), customers=summary.count()).execute().iloc[0]
    return max(float(total) / PARTS_OF_MONEY / float(customers), 0.0) if customers else 0.0


def purchases_of(frame: pd.DataFrame, days_per_unit: float) -> Purchases:
    """Take distinct rows with a ``weight``; days become the model's unit."""
    recency, T = (frame[name].to_numpy(dtype=np.float64) / days_per_unit for name in ("recency", "T"))
    return Purchases(frame["frequency"].to_numpy(dtype=np.float64), recency, T, frame["weight"].to_numpy(dtype=np.float64))


def spend_of(frame: pd.DataFrame) -> Spend:
    """Take distinct rows with a ``weight``."""
    x, m, weight = (frame[name].to_numpy(dtype=np.float64) for name in ("frequency", "monetary_value", "weight"))
    return Spend(x, m, weight)


def rules(facts: Facts, as_of: AsOf) -> dict[str, Json]:
    """Report what the rules on zero and negative amounts did to the transactions known before as_of."""
    rows = cut(facts, as_of).table("transactions", PURPOSE)
    zero, negative = rows["amount"] == 0, rows["amount"] < 0
    money = (rows["amount"] * PARTS_OF_MONEY).round().cast("int64")
    counted = rows.aggregate(
        transactions=rows.count(),
        zero_amounts=zero.sum(),
        negative_amounts=negative.sum(),
        returned=money.sum(where=negative).cast("float64"),
        bought=money.sum(where=rows["amount"] > 0).cast("float64"),
    ).execute()
    found = {name: float(value) if pd.notna(value) else 0.0 for name, value in counted.iloc[0].items()}
    return {
        "transactions": int(found["transactions"]),
        "zero_amounts": int(found["zero_amounts"]),
        "negative_amounts": int(found["negative_amounts"]),
        "returned_share": abs(found["returned"]) / found["bought"] if found["bought"] else 0.0,
        "rule": "zero counts as a purchase and is left out of its mean value; a day of returns alone is no purchase; "
        "returns on a day of purchase are subtracted from it, later ones are not",
    }


def first_purchase(facts: Facts, as_of: AsOf) -> AsOf | None:
    """Give when the history known before as_of begins; None where there is none."""
    rows = cut(facts, as_of).table("transactions", PURPOSE)
    earliest = rows.aggregate(earliest=rows["occurred_at"].min()).execute()["earliest"].iloc[0]
    return None if pd.isna(earliest) else AsOf(pd.Timestamp(earliest).to_pydatetime(), as_of.timezone)
