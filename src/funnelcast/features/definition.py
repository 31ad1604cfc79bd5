"""What a feature is: a name, a type, the words a salesperson reads, and the Ibis expression that computes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import ibis.expr.types as ir

from funnelcast.cohorts import age_days
from funnelcast.sources.as_of import happened
from funnelcast.sources.facts import Facts

Kind = Literal["number", "category"]
KEYS = ["contact_id", "as_of"]
ROW = "row_of_cohort"
"""The number that stands for a contact and as_of while features are computed: four bytes to group by instead of two dozen."""
WINDOWS = (30, 90, 365)
YEAR = 365
_SCALE = 10_000
_LARGEST = 1e12


@dataclass(frozen=True)
class Feature:
    """One column of the models.

    Parameters
    ----------
    value
        From the block's prepared table (grouped by row of the cohort) to the feature.
    daily
        Whether ``value`` takes the block's days instead, where it has any.
    en, fr
        Its name in reasons.
    empty
        The value where the contact has no row in the table; None: missing.
    """

    name: str
    value: Callable[[ir.Table], Any]
    en: str
    fr: str
    empty: float | None = None
    kind: Kind = "number"
    daily: bool = False


@dataclass(frozen=True)
class Block:
    """The features of one table.

    Parameters
    ----------
    prepare
        From the facts known to each row of the cohort to what the features aggregate: the facts, or one row per row of the cohort and day,
        so that distinct days are counts of rows.
    days
        From the prepared facts to one row per row of the cohort and day, for the features that say so. Where days are almost as many as
        facts, many columns by fact and few by day take a fraction of the time and memory of many by day.
    beside
        Columns of one earlier block that ``prepare`` reads too, where the company has them: one value per contact and as_of.
    where
        Which facts of the table are read; None: all.
    """

    table: str
    prepare: Callable[[Facts, ir.Table], ir.Table]
    features: Callable[[Facts], tuple[Feature, ...]]
    days: Callable[[Facts, ir.Table], ir.Table] | None = None
    beside: tuple[str, ...] = ()
    where: Callable[[ir.Table], Any] | None = None


def aged(known: ir.Table, clock: str = "occurred_at") -> ir.Table:
    """Add ``age``, the whole days from a row's clock to as_of; what lies in the future (a booking known early) is left out."""
    past = happened(known, clock)
    return past.mutate(age=age_days(past.as_of, past[clock]))


def held(value: Any) -> Any:
    """Hold a number within plus and minus 1e12."""
    return ibis.cases((value > _LARGEST, _LARGEST), (value < -_LARGEST, -_LARGEST), else_=value)


def exact(value: Any) -> Any:
    """Give an amount in ten-thousandths as an integer: sums don't depend on the order in which an engine adds, up to 1e12."""
    return (held(value) * _SCALE).round().cast("int64")


def whole(value: Any) -> Any:
    """Give a number within plus and minus 1e12 in ten-thousandths, rounded: quicker to add than ``exact``, in any order up to 9e11.

    That is 2^53 ten-thousandths: as far as a float64 counts without a gap.
    """
    return (value * _SCALE).round().cast("float64")


def surely(condition: Any) -> Any:
    """Take an unknown condition as false."""
    return ibis.coalesce(condition, ibis.literal(value=False))


def total(column: Any, where: Any = None) -> Any:
    """Sum a column of ``exact`` or ``whole`` amounts."""
    return ibis.coalesce(column.sum(where=where), 0) / float(_SCALE)


def count(column: Any, where: Any = None) -> Any:
    """Sum a column of counts."""
    return ibis.coalesce(column.sum(where=where), 0).cast("float64")


def tally(rows: ir.Table, where: Any = None) -> Any:
    """Count the rows that fulfil a condition: facts, or days."""
    return rows.count(where=where).cast("float64")


def ratio(numerator: Any, denominator: Any) -> Any:
    """Divide; missing where the denominator is zero."""
    return numerator.cast("float64") / denominator.cast("float64").nullif(0.0)


def windowed(
    stem: str, value: Callable[[ir.Table, Any], Any], en: str, fr: str, windows: Sequence[int] = WINDOWS, *, daily: bool = False
) -> tuple[Feature, ...]:
    """Give one feature per window; ``value`` takes the table and the condition of the window."""

    def over(window: int) -> Callable[[ir.Table], Any]:
        return lambda rows: value(rows, rows.age < window)

    return tuple(
        Feature(f"{stem}_{days}d", over(days), f"{en} in the last {days} days", f"{fr} des {days} derniers jours", empty=0.0, daily=daily)
        for days in windows
    )
