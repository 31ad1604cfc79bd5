"""Promotions, past and planned: days on which more is sold for a known reason."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from funnelcast.errors import BadValues
from funnelcast.forecast.sales.history import History
from funnelcast.sources.facts import Facts

Floats = npt.NDArray[np.float64]

TABLE = "promotions"


@dataclass(frozen=True)
class Promotion:
    """Days of a promotion.

    Parameters
    ----------
    first, last
        Both included.
    channel
        The channel or series that it is for; None: all.
    known_at
        Since when it was known; None: always, as a plan is.
    """

    first: date
    last: date
    channel: str | None = None
    known_at: datetime | None = None


def promotions(known: Facts) -> tuple[Promotion, ...]:
    """Read what was known of promotions from facts that are cut; none where the company brings no such table.

    Raises
    ------
    BadValues
        A promotion ends before it starts.
    """
    if not known.has(TABLE):
        return ()
    rows = known.table(TABLE).execute().sort_values(["starts_on", "ends_on"], kind="stable").reset_index(drop=True)
    broken = rows.ends_on < rows.starts_on
    if broken.any():
        first = f"{rows.starts_on[broken].iloc[0].date()} to {rows.ends_on[broken].iloc[0].date()}"
        rule, advice = "lie before starts_on", "Give the last day of each promotion."
        raise BadValues(table=TABLE, column="ends_on", count=int(broken.sum()), rows=len(rows), rule=rule, first=first, advice=advice)
    absent = rows.isna()
    return tuple(
        Promotion(
            row["starts_on"].date(),
            row["ends_on"].date(),
            None if absent.channel[place] else str(row["channel"]),
            None if absent.known_at[place] else row["known_at"].to_pydatetime(),
        )
        for place, row in rows.iterrows()
    )


def known_before(found: Sequence[Promotion], instant: datetime) -> tuple[Promotion, ...]:
    """Keep those that were known before an earlier instant."""
    return tuple(one for one in found if one.known_at is None or one.known_at < instant)


def shares(found: Sequence[Promotion], history: History, bounds: Sequence[datetime]) -> Floats:
    """Say how much of each period is promoted for a series: the share of its days, by the usual revenue of their weekdays.

    Parameters
    ----------
    bounds
        Of consecutive periods, one more than there are.

    Returns
    -------
    From 0 to 1, shape (len(bounds) - 1,).
    """
    begins = bounds[0].date()
    promoted = np.zeros((bounds[-1] - bounds[0]).days)
    for one in found:
        if one.channel in {None, history.name}:
            promoted[max((one.first - begins).days, 0) : max((one.last - begins).days + 1, 0)] = 1.0
    weight = history.profile[(begins.weekday() + np.arange(promoted.size)) % 7]
    lengths = [(later - earlier) // timedelta(days=1) for earlier, later in itertools.pairwise(bounds)]
    period = np.repeat(np.arange(len(lengths)), lengths)
    total = np.bincount(period, weights=weight)
    return np.asarray(np.bincount(period, weights=weight * promoted) / np.where(total > 0, total, 1.0))
