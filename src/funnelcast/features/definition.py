"""What a feature is: a name, a type, the words a salesperson reads, and the Ibis expression that computes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import ibis.expr.types as ir

from funnelcast.cohorts import age_days
from funnelcast.sources.facts import Facts

Kind = Literal["number", "category"]
KEYS = ["contact_id", "as_of"]
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
        From the block's prepared table (grouped by contact and as_of) to the feature.
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


@dataclass(frozen=True)
class Block:
    """The features of one table.

    Parameters
    ----------
    prepare
        From the facts known to each row of the cohort (``known_to``) to what the features aggregate: mostly one row per contact, as_of
        and day, so that distinct days are counts of rows.
    beside
        Columns of earlier blocks that the features read too, where the company has them: one value per contact and as_of.
    """

    table: str
    prepare: Callable[[Facts, ir.Table], ir.Table]
    features: Callable[[Facts], tuple[Feature, ...]]
    beside: tuple[str, ...] = ()


def aged(known: ir.Table, clock: str = "occurred_at") -> ir.Table:
    """Add ``age``, the whole days from a row's clock to as_of; what lies in the future (a booking known early) is left out."""
    with_age = known.mutate(age=age_days(known.as_of, known[clock]))
    return with_age.filter(with_age.age >= 0)


def exact(value: Any) -> Any:
    """Give an amount in ten-thousandths as an integer: sums don't depend on the order in which an engine adds, up to 1e12."""
    return (value.clip(lower=-_LARGEST, upper=_LARGEST) * _SCALE).round().cast("int64")


def surely(condition: Any) -> Any:
    """Take an unknown condition as false."""
    return ibis.coalesce(condition, ibis.literal(value=False))


def total(column: Any, where: Any = None) -> Any:
    """Sum a column of ``exact`` amounts."""
    return ibis.coalesce(column.sum(where=where), 0) / float(_SCALE)


def count(column: Any, where: Any = None) -> Any:
    """Sum a column of counts."""
    return ibis.coalesce(column.sum(where=where), 0).cast("float64")


def days(daily: ir.Table, where: Any) -> Any:
    """Count the days that fulfil a condition: rows of a daily table."""
    return daily.count(where=where).cast("float64")


def ratio(numerator: Any, denominator: Any) -> Any:
    """Divide; missing where the denominator is zero."""
    return numerator.cast("float64") / denominator.cast("float64").nullif(0.0)


def windowed(stem: str, value: Callable[[ir.Table, Any], Any], en: str, fr: str, windows: Sequence[int] = WINDOWS) -> tuple[Feature, ...]:
    """Give one feature per window; ``value`` takes the daily table and the condition of the window."""

    def over(window: int) -> Callable[[ir.Table], Any]:
        return lambda daily: value(daily, daily.age < window)

    return tuple(
        Feature(f"{stem}_{window}d", over(window), f"{en} in the last {window} days", f"{fr} des {window} derniers jours", empty=0.0)
        for window in windows
    )
