"""Check each item of a request on its own, and lay the good ones out as canonical tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from funnelcast.terms import AsOf
from serving.contracts import CLOCKS, Contact, Purchaser, Shape, Summary
from serving.envelope import first_fault
from serving.rows import Columns

_CONTACT_COLUMNS = ("contact_id", "created_at", "source_channel", "became_customer_at", "disqualified_at", "opted_out_at")
_OWN_KEYS = {"transactions": "transaction_id", "invoices": "invoice_id", "deals": "deal_id"}


@dataclass
class Checked:
    """The items of a request by their place: the good ones, and why the others failed."""

    good: dict[int, Any] = field(default_factory=dict)
    faults: dict[int, dict[str, Any]] = field(default_factory=dict)

    def fail(self, place: int, name: object, sentence: str) -> None:
        """Let one item fail alone."""
        self.good.pop(place, None)
        self.faults[place] = {"contact_id": name if isinstance(name, str) else None, "error": sentence}

    def answered(self, answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Put the answers of the good items, given in their order, and the faults into their places."""
        found = {**self.faults, **{place: dict(answer) for place, answer in zip(self.good, answers, strict=True)}}
        return [found[place] for place in sorted(found)]


def check(items: Sequence[Any], as_of: AsOf, attributes: Mapping[str, str] | None) -> Checked:
    """Hold every item against its shape, its facts against as_of, and its attributes against those that the model knows.

    Parameters
    ----------
    attributes
        The known ones with ``number`` or ``category``; None takes any item of purchases or of a summary instead of a contact.
    """
    checked = Checked()
    for place, item in enumerate(items):
        name = item.get("contact_id") if isinstance(item, Mapping) else None
        try:
            shaped = _shape(item, summaries=attributes is None).model_validate(item)
            _require_known_before(shaped, as_of)
            if isinstance(shaped, Contact):
                _require_known_attributes(shaped, attributes or {})
        except ValidationError as error:
            checked.fail(place, name, first_fault(error)[1])
        except ValueError as error:
            checked.fail(place, name, f"{error}.")
        else:
            checked.good[place] = shaped
    return checked


def tables_of(contacts: Iterable[Any], attributes: Mapping[str, str], timezone: str) -> dict[str, Columns]:
    """Lay checked contacts out as canonical tables in wall-clock time of the source's zone."""
    zone = ZoneInfo(timezone)
    rows: dict[str, list[dict[str, Any]]] = {"contacts": [], **{name: [] for name in CLOCKS}}
    for contact in contacts:
        plain = {name: _local(getattr(contact, name, None), zone) for name in _CONTACT_COLUMNS}
        given = getattr(contact, "attributes", {})
        rows["contacts"].append(plain | {name: _attribute(given.get(name), kind) for name, kind in attributes.items()})
        for name in CLOCKS:
            for place, fact in enumerate(getattr(contact, name, ())):
                rows[name].append(_fact(contact.contact_id, name, place, fact, zone))
    return {name: {column: [row[column] for row in found] for column in found[0]} if found else {} for name, found in rows.items()}


def digest_of(item: Any) -> str:
    """Hash the facts of one item as they came."""
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()


def _shape(item: Any, *, summaries: bool) -> type[Shape]:
    if not summaries:
        return Contact
    return Purchaser if isinstance(item, Mapping) and "transactions" in item else Summary


def _require_known_before(shaped: Any, as_of: AsOf) -> None:
    if isinstance(shaped, Summary):
        return
    for path, instant in shaped.facts():
        if AsOf.of(instant, as_of.timezone) >= as_of:
            message = f"{path}: {instant.isoformat()} is not before as_of {as_of.isoformat()}; only what was known before it may be used"
            raise ValueError(message)


def _require_known_attributes(contact: Contact, attributes: Mapping[str, str]) -> None:
    for name, value in contact.attributes.items():
        if name not in attributes:
            message = f"attributes.{name}: not known to this model; it knows {', '.join(sorted(attributes)) or 'none'}"
            raise ValueError(message)
        if attributes[name] == "number" and isinstance(value, str):
            message = f"attributes.{name}: {value!r} is a text; give a number"
            raise ValueError(message)


def _fact(contact_id: str, table: str, place: int, fact: Shape, zone: ZoneInfo) -> dict[str, Any]:
    row = {"contact_id": contact_id} | {name: _local(value, zone) for name, value in vars(fact).items()}
    row["known_at"] = row["known_at"] or row[CLOCKS[table]]
    key = _OWN_KEYS.get(table)
    if key is not None and row[key] is None:
        row[key] = f"{contact_id}/{place}"
    return row


def _local(value: Any, zone: ZoneInfo) -> Any:
    return value.astimezone(zone).replace(tzinfo=None) if isinstance(value, datetime) else value


def _attribute(value: Any, kind: str) -> Any:
    if value is None:
        return None
    return float(value) if kind == "number" else _text(value)


def _text(value: Any) -> str:
    # as a CSV export would hold it
    return str(value).lower() if isinstance(value, bool) else str(value)
