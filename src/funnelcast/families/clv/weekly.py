"""Repeat purchases week by week, before and after the cut: what came, and what the model expects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from funnelcast.families.clv.process.parameters import Floats
from funnelcast.families.clv.process.predictions import expected_purchases, p_alive
from funnelcast.families.clv.summary import compress, purchase_days
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

if TYPE_CHECKING:
    from funnelcast.families.clv.groups import PurchaseModel
    from funnelcast.families.clv.model import ClvModel

DAYS = 7


def purchases_by_week(facts: Facts, start: AsOf, end: AsOf) -> pd.Series:
    """Count the repeat purchases of those who had bought before ``start``, by whole weeks from it (negative: before), known before end."""
    days = purchase_days(cut(facts, end).table("transactions"), "contact_id")
    zero = ibis.literal(start.at.date(), type="date")
    dated = days.select("contact_id", day=days.day.delta(zero, unit="day"))
    first = dated.day.min().over(ibis.window(group_by="contact_id"))
    later = dated.mutate(first=first).filter(lambda row: (row["first"] < 0) & (row.day > row["first"]))
    week = (later.day / DAYS).floor().cast("int64")
    counted: pd.DataFrame = later.group_by(week=week).aggregate(purchases=later.count()).order_by("week").execute()
    return counted.set_index("week")["purchases"].astype("float64")


def weekly(model: PurchaseModel, rows: pd.DataFrame, actual: pd.Series, holdout_days: float) -> pd.DataFrame:
    """Set both side by side, for whole weeks: ``week`` (0 is the first after the cut), ``actual`` and ``model``.

    Before the cut the model knows when each customer came; after it, also what they bought until then.

    Parameters
    ----------
    rows
        The customers known at the cut.
    actual
        What ``purchases_by_week`` gives.
    """
    first = -int(np.ceil((float(rows["T"].max()) + 1) / DAYS))
    weeks = np.arange(first, int(holdout_days // DAYS))
    reached = np.zeros(len(weeks) + 1)
    for part, customers in parts(model, rows):
        reached += _reached(part, customers, np.append(weeks, weeks[-1] + 1) * float(DAYS))
    found = actual.reindex(weeks).fillna(0.0).to_numpy()
    return pd.DataFrame({"week": weeks, "actual": found, "model": np.diff(reached)})


def parts(model: PurchaseModel, rows: pd.DataFrame) -> Iterator[tuple[ClvModel, pd.DataFrame]]:
    """Give each process of the model with its distinct customers (frequency, recency, T) and how many share them."""
    for part, customers in model.parts(rows):
        yield part, compress(customers, "frequency", "recency", "T")


def _reached(model: ClvModel, customers: pd.DataFrame, days: Floats) -> Floats:
    """Expect the repeat purchases until so many days from the cut, counted from the beginning."""
    unit = model.terms.days_per_unit
    process: Any = model.process  # what it expects of a live customer may be asked for horizons of their own
    x, t_x, T, weight = (customers[name].to_numpy(dtype=np.float64) for name in ("frequency", "recency", "T", "weight"))
    ages, place = np.unique(T, return_inverse=True)
    count, new = np.bincount(place, weights=weight), np.zeros(len(ages))
    stay = count * p_alive(process, new, new, new)

    def before(day: float) -> float:
        return float(stay @ process.today.expected_while_alive(new, new, process.seen(np.maximum(ages + day, 0.0) / unit, ages / unit)))

    def after(day: float) -> float:
        return float(weight @ expected_purchases(process, x, t_x / unit, T / unit, day / unit))

    at_cut = before(0.0)
    return np.array([before(float(day)) if day <= 0 else at_cut + after(float(day)) for day in days])
