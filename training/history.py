"""Whether the past is still as it was: a sketch of each table's rows that were known long before a training, held against a later one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Any

import ibis

from funnelcast.artefacts import to_json
from funnelcast.evaluate.gate import Gate
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import TABLES
from funnelcast.terms import AsOf, Json

HISTORY = "history.json"
LEAST_ALIKE = 0.5
"""Of the rows known so long ago, the share that must be there unchanged."""
_SETTLED_DAYS = 91
"""What became known later than so many days before a training may still be completed by facts that come in late."""
_KEPT = 512
_MODULUS = 2**31 - 1


def sketch(facts: Facts, as_of: AsOf) -> bytes:
    """Write the sketch of every dated table's rows that were known 91 days before as_of.

    Of each table the number of rows and the 512 smallest hashes of a row's required columns are kept: how many of the smallest two such
    samples have in common estimates the share of rows that the tables have in common, within some hundredths (Broder 1997). No row can
    be read from it.
    """
    until = as_of.plus(-_SETTLED_DAYS)
    tables: dict[str, Json] = {name: _sampled(facts, name, until.at) for name in facts.tables if "known_at" in facts.table(name).columns}
    return to_json({"until": until.at.isoformat(), "engine": _engine(facts), "tables": tables})


def history_gate(facts: Facts, then: bytes) -> Iterator[Gate]:
    """Hold the tables against the sketch of an earlier training: an export that rewrote the past changes what everything is learned from.

    Parameters
    ----------
    then
        What ``sketch`` wrote.
    """
    before: Mapping[str, Any] = json.loads(then)
    if before["engine"] != _engine(facts):
        return  # engines hash differently
    until = datetime.fromisoformat(before["until"])
    known = {name: held for name, held in before["tables"].items() if held["rows"] and facts.has(name)}
    alike = {name: _alike(held, _sampled(facts, name, until)) for name, held in known.items()}
    if not alike:
        return
    changed = [f"{name}: {share:.0%}" for name, share in alike.items() if share < LEAST_ALIKE]
    since = f"of the rows known before {until:%Y-%m-%d}, as they were when the champion was trained"
    reason = f"{since}: {', '.join(changed) or f'{min(alike.values()):.0%} or more of every table'}"
    advice = "; if history was rewritten on purpose, promote with --force" if changed else ""
    yield Gate("history_kept", not changed, min(alike.values()), LEAST_ALIKE, safety=True, reason=reason + advice, facts=True)


def _engine(facts: Facts) -> str:
    return facts.source.backend.partition(":")[0]


def _sampled(facts: Facts, name: str, until: datetime) -> dict[str, Json]:
    table = facts.table(name)
    rows = table.filter(table.known_at < ibis.literal(until, type="timestamp"))
    hashed = rows.select(value=_hash(rows, TABLES[name].required))
    found = hashed.distinct().order_by("value").limit(_KEPT).execute()
    return {"rows": int(hashed.count().execute()), "smallest": [int(value) for value in found["value"]]}


def _hash(rows: Any, columns: Sequence[str]) -> Any:
    """Hash a row's required columns together, as one text."""
    text = reduce(lambda left, right: left + "|" + right, (ibis.coalesce(rows[column].cast("string"), "") for column in columns))
    return text.hash().abs() % _MODULUS


def _alike(before: Mapping[str, Any], now: Mapping[str, Any]) -> float:
    """Estimate the share of rows in common, by the hashes below which both samples are complete; half where the rows doubled."""
    samples = [set(before["smallest"]), set(now["smallest"])]
    limit = min((max(sample) for sample in samples if len(sample) == _KEPT), default=_MODULUS)
    union = [value for value in samples[0] | samples[1] if value <= limit]
    common = sum(value in samples[0] and value in samples[1] for value in union) / len(union) if union else 0.0
    rows = sorted((int(before["rows"]), int(now["rows"])))
    return min(common, rows[0] / rows[1])
