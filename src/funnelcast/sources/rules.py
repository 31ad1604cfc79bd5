"""The rules that canonical tables must keep, each counted in the engine, with its first offenders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.errors import BadValues
from funnelcast.sources.facts import Facts
from funnelcast.sources.findings import Report, shown
from funnelcast.sources.schema import TABLES, Table, contacts_alone
from funnelcast.terms import AsOf

OFFENDERS = 3
"""How many offending rows a finding shows."""

_ORDER = (
    ("subscriptions", "started_at", "ended_at", "error"),
    ("deals", "opened_at", "closed_at", "error"),
    ("invoices", "issued_at", "paid_at", "warning"),
    ("invoices", "issued_at", "due_at", "warning"),
    ("invoices", "issued_at", "part_paid_at", "warning"),
    ("invoices", "part_paid_at", "paid_at", "warning"),
    ("contacts", "created_at", "became_customer_at", "warning"),
    ("contacts", "created_at", "disqualified_at", "warning"),
)
_SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
_LEAVE_OUT = "Mend the export, or leave such rows out with `filter`."
_NUMBER = (
    " Where each row is a case of its own rather than a contact, leave contact_id out of `columns` and put the file's id into `drop`:"
    " the rows are then numbered."
)
_MAY_LIE_AHEAD = ("ended_at",)
"""Outcomes that are often agreed in advance: the cut leaves them out until they come."""


@dataclass(frozen=True)
class Rule:
    """What a row must not be: ``broken`` is an Ibis boolean of the table."""

    level: str
    column: str
    says: str
    broken: Any
    advice: str = ""


def apply(facts: Facts, name: str, report: Report, observed_until: AsOf | None) -> None:
    """Hold one table against its rules.

    Parameters
    ----------
    observed_until
        The declared end of what was observed, if any: a fact after it is an error. Without it, a fact after today is a warning.
    """
    table = facts.tables[name]
    rules = [rule for rule in _rules(facts, name, observed_until) if not report.blocks(name, rule.column)]
    counts = {str(number): rule.broken.fill_null(False).sum() for number, rule in enumerate(rules)}  # noqa: FBT003 the value that fills
    amounts = {f"amount {number}": table.amount.sum(where=rule.broken) for number, rule in enumerate(rules) if facts.brings(name, "amount")}
    row = table.aggregate(rows=table.count(), **counts, **amounts).to_pyarrow().to_pylist()[0]
    for number, rule in enumerate(rules):
        if row[str(number)]:
            found = {"rows": row["rows"], "broken": row[str(number)], "amount": row.get(f"amount {number}")}
            _tell(report, TABLES[name], rule, found, _offenders(table, TABLES[name], rule))
    key = TABLES[name].key
    if key is not None and facts.brings(name, key):
        _unique_key(facts, name, key, row["rows"], report)


def repeated_rows(facts: Facts, name: str, report: Report) -> None:
    """Warn of rows that are equal in every column: an export that was appended twice looks so."""
    table = facts.tables[name]
    brought = sorted(facts.brought.get(name, ())) + list(facts.attributes(name))
    distinct = table.select(*brought).distinct()
    repeated = int(table.count().execute()) - int(distinct.count().execute()) if brought else 0
    if repeated:
        amount = float(table.amount.sum().execute()) - float(distinct.amount.sum().execute()) if "amount" in brought else None
        report.warn(name, "", "rows repeat another row exactly", repeated, amount=amount)


def _rules(facts: Facts, name: str, observed_until: AsOf | None) -> Iterator[Rule]:
    table, schema = facts.tables[name], TABLES[name]
    for column in schema.required:
        blank = table[column].isnull() | (table[column] == "") if schema.type_of(column) == "string" else table[column].isnull()
        yield Rule("error", column, "are blank", blank, _LEAVE_OUT + (_NUMBER if _needs_no_ids(facts, name) else ""))
    for known in schema.columns:
        if known.lowest is not None:
            yield Rule(
                "error", known.name, f"are below {known.lowest:g}", table[known.name] < known.lowest, "Leave such rows out with `filter`."
            )
    yield from _order(facts, name)
    yield from _future(facts, name, observed_until)
    if name == "transactions":
        yield Rule("note", "amount", "are negative; taken as returns", table.amount < 0)
    if name == "invoices":
        yield Rule("note", "amount", "are negative; taken as credit notes", table.amount < 0)
        if facts.brings(name, "part_paid_amount"):
            too_much = table.part_paid_amount > table.amount.abs()
            yield Rule("warning", "part_paid_amount", "are above the amount; nothing is taken as still open", too_much)
    if name == "touchpoints" and facts.brings(name, "score"):
        outside = [(table.kind.lower() == kind) & ~table.score.between(low, high) for kind, (low, high) in _SCALES.items()]
        yield Rule("warning", "score", "lie outside the scale of their kind (nps 0-10, csat 1-5, ces 1-7)", ibis.or_(*outside))


def _order(facts: Facts, name: str) -> Iterator[Rule]:
    table, schema = facts.tables[name], TABLES[name]
    for where, earlier, later, level in _ORDER:
        if where == name and facts.brings(name, later):
            yield Rule(
                level,
                later,
                f"lie before {earlier}",
                table[later] < table[earlier],
                "Mend the dates, or leave such rows out with `filter`.",
            )
    if schema.clock and facts.brings(name, "known_at"):
        yield Rule("warning", "known_at", f"lie before {schema.clock}", table.known_at < table[schema.clock])


def _future(facts: Facts, name: str, observed_until: AsOf | None) -> Iterator[Rule]:
    table, schema = facts.tables[name], TABLES[name]
    if schema.clock is None:
        return
    end = observed_until or AsOf.now(facts.source.timezone)
    limit = ibis.literal(end.at, type="timestamp")
    says = f"lie after observed_until, {end.plus(-1).at:%Y-%m-%d}" if observed_until else "lie in the future"
    for column in (schema.clock, *schema.outcomes, "known_at"):
        if facts.brings(name, column):
            ahead = column in _MAY_LIE_AHEAD or observed_until is None
            advice = "Correct the dates, or set a later observed_until under [source]."
            yield Rule("warning" if ahead else "error", column, says, table[column] >= limit, advice)


def _needs_no_ids(facts: Facts, name: str) -> bool:
    return name == "contacts" and bool(facts.source.labels) and contacts_alone(facts.tables)


def _unique_key(facts: Facts, name: str, key: str, rows: int, report: Report) -> None:
    """Refuse keys that more than one row has."""
    table, schema = facts.tables[name], TABLES[name]
    repeated = table.filter(table[key].notnull()).group_by(key).aggregate(copies=lambda t: t.count()).filter(lambda t: t.copies > 1)
    found = repeated.aggregate(keys=repeated.count(), rows=repeated.copies.sum()).to_pyarrow().to_pylist()[0]
    if not found["keys"]:
        return
    first = repeated.order_by(ibis.desc("copies"), key).limit(OFFENDERS).to_pyarrow().to_pylist()
    offenders = "; ".join(f"{shown(row[key])} {row['copies']} times" for row in first)
    advice = "Each row must have its own; group the rows with `sql`, or leave repeated ones out with `filter`."
    advice += _NUMBER if _needs_no_ids(facts, name) else ""
    rule = Rule("error", key, "share their key with another row", None, advice)
    _tell(report, schema, rule, {"rows": rows, "broken": found["rows"]}, offenders)


def _offenders(table: ir.Table, schema: Table, rule: Rule) -> str:
    """Show the first offending rows by what identifies them."""
    names = dict.fromkeys(
        [*((schema.key,) if schema.key else ()), *schema.required[:2], *(clock for clock in (schema.clock,) if clock), rule.column]
    )
    rows = table.filter(rule.broken).select(*names).order_by(*reversed(names)).limit(OFFENDERS)
    return "; ".join(_shown_row(row) for row in rows.to_pyarrow().to_pylist())


def _shown_row(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in row.items() if value is not None)


def _tell(report: Report, schema: Table, rule: Rule, found: Mapping[str, Any], first: str) -> None:
    """Report a broken rule; ``found`` holds how many ``rows`` there are, how many are ``broken``, and what those add up to (``amount``)."""
    count = found["broken"]
    if rule.level == "error":
        values = {"count": count, "rows": found["rows"], "rule": rule.says, "first": first, "advice": rule.advice}
        report.block(BadValues(table=schema.name, column=rule.column, **values))
    elif rule.level == "warning":
        report.warn(schema.name, rule.column, rule.says, count, first, found["amount"])
    else:
        report.note(schema.name, rule.column, rule.says, count, first)


def orphans(facts: Facts, report: Report) -> None:
    """Warn of stage events and invoices whose deal isn't there."""
    if not facts.has("deals"):
        return
    deals = facts.tables["deals"]
    for name in _with_deals(facts):
        table = facts.tables[name]
        ids = table.filter(table.deal_id.notnull()).anti_join(deals, "deal_id")
        found = ids.aggregate(rows=ids.count(), first=ids.deal_id.min(), amount=ids.amount.sum()).to_pyarrow().to_pylist()[0]
        if found["rows"]:
            report.warn(name, "deal_id", "belong to no deal", found["rows"], repr(found["first"]), found["amount"])


def _with_deals(facts: Facts) -> Sequence[str]:
    return [name for name in ("deal_events", "invoices") if facts.has(name) and facts.brings(name, "deal_id")]


def labels(facts: Facts, report: Report) -> None:
    """Refuse a label whose positive value no contact has."""
    if not facts.has("contacts"):
        return
    contacts = facts.tables["contacts"]
    for name, label in sorted(facts.source.labels.items()):
        if label.column in contacts.columns:
            found = _levels(contacts, label.column)
            if label.positive not in found:
                first = ", ".join(f"{shown(value)} {count} times" for value, count in list(found.items())[:10])
                rule, advice = f"hold no {label.positive!r}, the positive of [labels.{name}]", f"Mend `positive` under [labels.{name}]."
                rows = sum(found.values())
                report.block(BadValues(table="contacts", column=label.column, count=rows, rows=rows, rule=rule, first=first, advice=advice))


def _levels(table: ir.Table, column: str) -> dict[str | None, int]:
    levels = table.group_by(column).aggregate(rows=table.count()).order_by(ibis.desc("rows"), column)
    return {row[column]: row["rows"] for row in levels.to_pyarrow().to_pylist()}
