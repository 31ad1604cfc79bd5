"""Open a company's facts: source.toml -> canonical Ibis tables, each held once by the engine that it names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import ibis.expr.types as ir

from funnelcast.errors import SourceError
from funnelcast.sources import deals, identities, rules, source_file
from funnelcast.sources.conform import conform, last_observed
from funnelcast.sources.engine import Engine, start
from funnelcast.sources.facts import Facts
from funnelcast.sources.findings import Report
from funnelcast.sources.read import read
from funnelcast.sources.sales import with_clock
from funnelcast.sources.schema import TABLES
from funnelcast.sources.source_file import Declaration, SourceFile
from funnelcast.sources.typed import Typing
from funnelcast.terms import AsOf

_FIRST = ("identities", "contacts", "deal_events")
"""What other tables are resolved by, counted against or derived from."""


def open_source(path: Path, threads: int | None = None, memory: str | None = None) -> Facts:
    """Open a company's facts.

    Every table is read, typed and held once: in an embedded DuckDB, which spills to a temporary folder when memory runs short, or in Spark.

    Parameters
    ----------
    path
        The source.toml.
    threads
        Of the engine; default: all. Answers don't depend on it.
    memory
        That the engine may take, such as ``2GB``; default: four fifths of the machine's.

    Returns
    -------
    Facts with what was sniffed and noticed as ``findings``.

    Raises
    ------
    SourceError
        The first thing that makes the facts unusable: names table, column, rule, how many rows break it and the first of them.
    """
    return open_facts(source_file.read(path), Report(raises=True), threads, memory)


def open_facts(file: SourceFile, report: Report, threads: int | None = None, memory: str | None = None) -> Facts:
    """Open the facts of a source.toml that was read, telling a report what is found."""
    opening = _Opening(file, report, start(file, threads, memory))
    declared = {declaration.name: declaration for declaration in file.tables}
    for name in (*_FIRST, *(name for name in TABLES if name not in _FIRST)):
        if name in declared:
            opening.add(declared[name])
    opening.derive_events()
    declared_end = AsOf.midnight_after(file.observed_until, file.source.timezone) if file.observed_until else None
    facts = opening.facts(declared_end)
    for name in facts.tables:
        rules.apply(facts, name, report, declared_end)
    rules.labels(facts, report)
    rules.orphans(facts, report)
    return replace(facts, findings=report.findings)


@dataclass
class _Opening:
    """The tables while they are opened, one after the other."""

    file: SourceFile
    report: Report
    engine: Engine
    tables: dict[str, ir.Table] = field(default_factory=dict)
    brought: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, declaration: Declaration) -> None:
        """Read, type and hold one table; what is wrong with it is reported."""
        try:
            self._add(declaration)
        except SourceError as error:
            self.report.block(error)

    def derive_events(self) -> None:
        """Derive the stage history from deals where the company has none."""
        if "deals" in self.tables and "deal_events" not in self.tables:
            events = deals.events_of(self.tables["deals"])
            self._hold("deal_events", conform(events, "deal_events"))
            self.brought["deal_events"] = frozenset(events.columns) - {"expected_close_at"}

    def facts(self, observed_until: AsOf | None) -> Facts:
        """Give what was opened, in the schema's order."""
        tables = {name: self.tables[name] for name in TABLES if name in self.tables}
        facts = Facts(self.file.source, self.engine.connection, tables, self.brought)
        return facts.with_observation(observed_until or self._seen_until(facts))

    def _seen_until(self, facts: Facts) -> AsOf | None:
        """Give the midnight after the last day with a fact, today at the latest: an end agreed for next year isn't observed."""
        last = last_observed(facts)
        today = AsOf.now(self.file.source.timezone).at.date()
        return min(last, AsOf.midnight_after(today, self.file.source.timezone)) if last else None

    def _add(self, declaration: Declaration) -> None:
        name = declaration.name
        raw = read(self.engine, declaration, self.file, self.report)
        declaration = replace(declaration, delimiter=declaration.delimiter or raw.delimiter)
        typing = Typing(declaration, self.file, raw, self.report)
        layout = typing.layout()
        if not layout.names.issuperset(TABLES[name].required):
            return
        table = self.engine.take(name, typing.read(layout))
        if name == "sales":
            table = with_clock(table, self.file.source.country)
        self.brought[name] = layout.names & frozenset(TABLES[name].names)
        self._hold(name, conform(self._resolved(name, table), name))
        raw.drop()
        self._finish(name)

    def _resolved(self, name: str, table: ir.Table) -> ir.Table:
        known = self.tables.get("identities")
        if known is None or name not in identities.RESOLVED or "contact_id" not in table.columns:
            return table
        count = identities.count_resolved(table, known)
        self.report.note(name, "contact_id", "rows found their contact through identities", count)
        return identities.resolve(table, known)

    def _finish(self, name: str) -> None:
        if name == "deal_events":
            self._hold(name, deals.with_stages(self.tables[name]))
        if name == "deals":
            self._finish_deals()
        if name in identities.RESOLVED and "contacts" in self.tables and "contact_id" in self.brought[name]:
            identities.reconcile(name, self.tables[name], self.tables["contacts"], self.report)

    def _finish_deals(self) -> None:
        table, events = self.tables["deals"], self.tables.get("deal_events")
        if events is not None and "closed_at" not in self.brought["deals"]:
            self._hold("deals", deals.closed_by(table, events))
            self.brought["deals"] |= {"closed_at", "outcome", "closed_amount"}
        else:
            self._hold("deals", deals.with_outcome(table, self.report))

    def _hold(self, name: str, table: ir.Table) -> None:
        """Compute a table once, and hold it in the engine instead of what was held before."""
        again = name in self.tables
        self.tables[name] = self.engine.hold(f"{'finished' if again else 'canonical'}_{name}", table)
        if again:
            self.engine.drop(f"canonical_{name}")
