"""The only place that cuts facts by time.

A row as of T holds only what was known strictly before T (``known_at < T``). An outcome column that wasn't known before T is emptied,
with all that it determines; the row stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import TABLES, known_at
from funnelcast.terms import AsOf


def cut(facts: Facts, as_of: AsOf) -> Facts:
    """Keep what was known before ``as_of``, in every table and for every outcome.

    Parameters
    ----------
    facts
        The company, not cut yet or cut later than ``as_of``.
    as_of
        T; half-open: what became known at T itself is not used.
    """
    instant = ibis.literal(as_of.at, type="timestamp")
    return facts.with_tables({name: _cut_table(table, name, instant) for name, table in facts.tables.items()}, as_of)


def known_to(facts: Facts, name: str, cohort: ir.Table, key: str = "contact_id") -> ir.Table:
    """Join each row of a cohort to the facts that were known at its own ``as_of``.

    Parameters
    ----------
    name
        The canonical table to look into.
    cohort
        A table with the columns ``key`` and ``as_of``.
    key
        The column by which the table belongs to a member of the cohort.

    Returns
    -------
    The facts' columns and ``as_of``; a fact appears once for each as_of of its contact before which it was known.
    """
    return known_beside(facts, name, cohort.select(key, "as_of").distinct(), key=key)


def known_beside(
    facts: Facts, name: str, rows: ir.Table, where: Callable[[ir.Table], Any] | None = None, key: str = "contact_id"
) -> ir.Table:
    """Join as ``known_to`` does to rows that hold no pair of ``key`` and ``as_of`` twice.

    Parameters
    ----------
    rows
        With ``key``, ``as_of`` and columns of their own, which stand beside each fact.
    where
        Which facts of the table to look into; None: all.
    """
    table = facts.table(name) if where is None else facts.table(name).filter(where)
    joined = table.join(rows, key).select(*table.columns, *(column for column in rows.columns if column != key))
    return _cut_table(joined, name, joined.as_of)


def happened(known: ir.Table, clock: str) -> ir.Table:
    """Keep the facts that lie before their row's as_of by their own clock too: a booking known early is left out."""
    return known.filter(known[clock] < known.as_of)


def _cut_table(table: ir.Table, name: str, instant: Any) -> ir.Table:
    schema = TABLES[name]
    kept = table.filter(table.known_at.isnull() | (table.known_at < instant))
    emptied: dict[str, Any] = {}
    for outcome, determined in schema.outcomes.items():
        seen = kept[known_at(outcome)] < (kept.as_of if "as_of" in kept.columns else instant)
        for column in (outcome, *determined, known_at(outcome)):
            emptied[column] = ibis.ifelse(seen, kept[column], ibis.null(kept[column].type()))
    return kept.mutate(**emptied) if emptied else kept
