"""The company's facts once opened: canonical Ibis tables and what source.toml says about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.errors import MissingTable
from funnelcast.sources.schema import TABLES
from funnelcast.terms import AsOf, Json


@dataclass(frozen=True)
class Label:
    """An outcome that the company gives as a column of contacts, where there is no history."""

    column: str
    positive: str


@dataclass(frozen=True)
class Source:
    """What source.toml says beside the tables."""

    name: str
    path: str = ""
    currency: str = "EUR"
    timezone: str = "UTC"
    country: str = "FR"
    backend: str = "duckdb"
    offline: frozenset[str] = frozenset({"store", "phone", "event"})
    spend_lag_days: int = 0
    engagement: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, Label] = field(default_factory=dict)
    terms: str = "30 days"
    vat_rate: float = 0.0
    opening_balance: float | None = None
    floor: float = 0.0
    targets: Mapping[str, float] = field(default_factory=dict)
    false_alarms_per_month: float = 1.0


@dataclass(frozen=True)
class Finding:
    """One line of the data report.

    Parameters
    ----------
    level
        ``error`` (blocks), ``warning`` or ``note``.
    amount
        What the rows concerned add up to, where they carry amounts.
    """

    level: str
    table: str
    column: str
    rule: str
    count: int = 0
    first: str = ""
    amount: float | None = None

    def document(self) -> dict[str, Json]:
        """Give the finding as JSON."""
        return {
            "level": self.level,
            "table": self.table,
            "column": self.column,
            "rule": self.rule,
            "count": self.count,
            "first": self.first,
            "amount": self.amount,
        }


@dataclass(frozen=True)
class Facts:
    """Canonical tables of one company.

    Every table here has all canonical columns of its schema (those that the company doesn't bring are typed nulls), ``known_at`` and
    each outcome's clock filled by their defaults, then its attributes (string or float64). Time stamps are wall-clock time of
    ``source.timezone`` without an offset.

    Parameters
    ----------
    tables
        The tables that the company brings, by canonical name.
    brought
        By table, the canonical columns that the company brings (the rest are nulls).
    observed_until
        The first instant that was *not* observed any more: the midnight after the last observed day. None: the facts have no time.
    as_of
        Where the tables were cut; None where they weren't.
    """

    source: Source
    backend: ibis.BaseBackend
    tables: Mapping[str, ir.Table]
    brought: Mapping[str, frozenset[str]] = field(default_factory=dict)
    observed_until: AsOf | None = None
    as_of: AsOf | None = None
    findings: tuple[Finding, ...] = ()

    def has(self, *names: str) -> bool:
        """Say whether the company brings all these tables."""
        return all(name in self.tables for name in names)

    def table(self, name: str, purpose: str = "This answer") -> ir.Table:
        """Give a table, or say that the company doesn't bring it.

        Raises
        ------
        MissingTable
            Names the purpose, the table and the columns that it would need.
        """
        if name not in self.tables:
            raise MissingTable(
                table=name, purpose=purpose, source=self.source.path or self.source.name, columns=", ".join(TABLES[name].required)
            )
        return self.tables[name]

    def brings(self, table: str, column: str) -> bool:
        """Say whether the company brings this canonical column, rather than a null standing in for it."""
        return column in self.brought.get(table, frozenset())

    def attributes(self, name: str) -> tuple[str, ...]:
        """Name a table's attributes: its columns beyond the canonical ones, without the labels of contacts."""
        labels = {label.column for label in self.source.labels.values()} if name == "contacts" else set()
        canonical = set(TABLES[name].names)
        return tuple(column for column in self.table(name).columns if column not in canonical and column not in labels)

    def offline(self, channel: Any) -> Any:
        """Give the Ibis boolean of whether a channel column is offline."""
        return channel.isin(sorted(self.source.offline)) if self.source.offline else ibis.literal(value=False)

    def with_observation(self, observed_until: AsOf | None) -> Facts:
        """Give the same facts with the end of what was observed."""
        return replace(self, observed_until=observed_until)

    def with_tables(self, tables: Mapping[str, ir.Table], as_of: AsOf | None) -> Facts:
        """Give the same company with other tables."""
        return replace(self, tables=dict(tables), as_of=as_of)
