"""What follows from tables without rows before any row is read: of nothing comes nothing.

Each function takes the inputs of a step, None for those that aren't known yet, and gives its result where that follows from the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funnelcast.features.few_rows.column import Column, Rows, blank, true
from funnelcast.features.few_rows.joins import Places, join_nothing
from funnelcast.features.few_rows.reductions import Groups


def never(*_: Any) -> None:
    """Say that nothing follows."""


def none_taken(none: Column, rows_of: Callable[[Any], Rows], column: Column | None, held: Any) -> Column | None:
    """Give ``none`` where a column knows no value, or where no rows are taken of it."""
    empty = (column is not None and blank(column)) or (held is not None and not rows_of(held).size)
    return none if empty else None


def nowhere(size: int | None, *conditions: Column | None) -> Rows | None:
    """Give no rows where there are none, or where a condition holds in none."""
    fails = any(one is not None and not true(one).any() for one in conditions)
    return Rows(0, np.zeros(0, np.int64)) if size == 0 or fails else None


def no_group(size: int | None, *_: Column | None) -> Groups | None:
    """Give no groups where there are no rows."""
    return Groups(np.zeros(0, np.int64), np.zeros(0, np.int64)) if size == 0 else None


def no_value(none: Column, grouped: bool, strict: bool, *given: Any) -> Column | None:  # noqa: FBT001 (bound once)
    """Give ``none`` where there are no groups to reduce to, or where an operation needs what is known in no row."""
    if grouped:
        return none if given[0] is not None and not given[0].first.size else None
    return none if strict and any(one is not None and blank(one) for one in given) else None


def unjoined(how: str, places: Places | None, *_: Any) -> Places | None:
    """Give the join to no rows on the left."""
    return None if places is None or places[0].size else join_nothing(how, places)
