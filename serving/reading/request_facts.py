"""Check each item of a request on its own, and lay the good ones out as canonical tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from pydantic import ValidationError

from funnelcast import deadline
from funnelcast.terms import AsOf
from serving.reading.contracts import CLOCKS, FACTS, INSTANTS, Contact, Purchaser, Shape, Summary
from serving.reading.envelope import first_fault
from serving.reading.instants import microseconds
from serving.reading.quick_items import read_quickly
from serving.rows import Columns

_CONTACT_COLUMNS = ("contact_id", "created_at", "source_channel", "became_customer_at", "disqualified_at", "opted_out_at")
_CANONICAL = msgspec.json.Encoder(order="sorted")
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

    def answered(self, answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Put the answers of the good items, given in their order, and the faults into their places."""
        if not self.faults:
            return list(answers)
        found = {**self.faults, **dict(zip(self.good, answers, strict=True))}
        return [found[place] for place in sorted(found)]


def check(items: Sequence[Any], as_of: Sequence[AsOf], attributes: Mapping[str, str] | None) -> Checked:
    """Hold every item against its shape, its facts against as_of, and its attributes against those that the model knows.

    The instants of a good item are microseconds of wall-clock time in the source's zone from here on.

    Parameters
    ----------
    as_of
        Of each item.
    attributes
        The known ones with ``number`` or ``category``; None takes any item of purchases or of a summary instead of a contact.
    """
    shapes = [_shape(item) for item in items] if attributes is None else [Contact] * len(items)
    checked, quick = Checked(), _quickly(items, shapes, as_of)
    for place, item in enumerate(items):
        deadline.check()
        try:
            shaped = quick[place] if place in quick else _judged(item, shapes[place], as_of[place])
            if attributes is not None:
                _require_known_attributes(shaped.attributes, attributes)
        except ValidationError as error:
            checked.fail(place, _name_of(item), first_fault(error)[1])
        except ValueError as error:
            checked.fail(place, _name_of(item), f"{error}.")
        else:
            checked.good[place] = shaped
    return checked


def _quickly(items: Sequence[Any], shapes: Sequence[type[Shape]], as_of: Sequence[AsOf]) -> dict[int, Any]:
    """Read what needs no judgement, all items of one shape and one as_of together."""
    alike: dict[tuple[type[Shape], datetime], list[int]] = {}
    for place, (shape, one) in enumerate(zip(shapes, as_of, strict=True)):
        alike.setdefault((shape, one.at), []).append(place)
    found: dict[int, Any] = {}
    for (shape, _), places in alike.items():
        found |= read_quickly({place: items[place] for place in places}, shape, as_of[places[0]])
    return found


def tables_of(contacts: Sequence[Any], keys: Sequence[str], attributes: Mapping[str, str]) -> dict[str, Columns]:
    """Lay checked contacts out as canonical tables.

    Parameters
    ----------
    keys
        Of each contact, what stands for it in the tables: contacts of several requests may have the same id.
    """
    own: Columns = {name: [getattr(contact, name, None) for contact in contacts] for name in _CONTACT_COLUMNS}
    own["contact_id"] = list(keys)
    given = [getattr(contact, "attributes", {}) for contact in contacts]
    known = {name: _attribute([held.get(name) for held in given], kind) for name, kind in attributes.items()}
    return {"contacts": own | known, **{name: _facts(contacts, keys, name) for name in FACTS}}


def digest_of(item: Any) -> str:
    """Hash the facts of one item as they came."""
    return hashlib.sha256(_CANONICAL.encode(item)).hexdigest()


def is_summary(item: Any) -> bool:
    """Say whether a good item is a customer's summary instead of their purchases."""
    return not hasattr(item, "transactions")


def _shape(item: Any) -> type[Shape]:
    return Purchaser if isinstance(item, dict) and "transactions" in item else Summary


def _judged(item: Any, shape: type[Shape], as_of: AsOf) -> Any:
    """Read an item as its shape says, whatever is unusual in it.

    Raises
    ------
    ValueError
        Says what is wrong.
    """
    shaped, zone = shape.model_validate(item), ZoneInfo(as_of.timezone)
    if is_summary(shaped):
        return shaped
    _to_wall_clock(shaped, "", "created_at", as_of, zone)
    for table, clock in CLOCKS.items():
        for place, fact in enumerate(getattr(shaped, table, ())):
            _to_wall_clock(fact, f"{table}[{place}].", clock, as_of, zone)
    return shaped


def _to_wall_clock(fact: Shape, path: str, clock: str, as_of: AsOf, zone: ZoneInfo) -> None:
    """Set the instants of one fact to wall-clock time, and refuse what happened at as_of or later."""
    held = vars(fact)
    for name in INSTANTS[type(fact)]:
        instant = held[name]
        if instant is None:
            continue
        at = instant.astimezone(zone).replace(tzinfo=None)
        if name == clock and at >= as_of.at:
            told = f"{path}{name}: {instant.isoformat()} is not before as_of {as_of.isoformat()}"
            message = f"{told}; only what was known before it may be used"
            raise ValueError(message)
        held[name] = microseconds(at)


def _name_of(item: Any) -> object:
    return item.get("contact_id") if isinstance(item, dict) else None


def _require_known_attributes(given: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
    for name, value in given.items():
        if name not in attributes:
            message = f"attributes.{name}: not known to this model; it knows {', '.join(sorted(attributes)) or 'none'}"
            raise ValueError(message)
        if attributes[name] == "number" and isinstance(value, str):
            message = f"attributes.{name}: {value!r} is a text; give a number"
            raise ValueError(message)


def _facts(contacts: Sequence[Any], keys: Sequence[str], table: str) -> Columns:
    """Lay out one of the lists that contacts bring; what has no key of its own gets one, and is known when it happened unless it says."""
    deadline.check()
    lists = [(key, getattr(contact, table, ())) for key, contact in zip(keys, contacts, strict=True)]
    facts = [fact for _, found in lists for fact in found]
    if not facts:
        return {}
    columns = {name: list(map(attrgetter(name), facts)) for name in FACTS[table].model_fields}
    columns["contact_id"] = [key for key, found in lists for _ in found]
    clock, own = columns[CLOCKS[table]], _OWN_KEYS.get(table)
    if None in columns["known_at"]:
        columns["known_at"] = [happened if known is None else known for known, happened in zip(columns["known_at"], clock, strict=True)]
    if own is not None:
        # within its contact: those of another may have the same
        places = [f"{key}/{place}" for key, found in lists for place in range(len(found))]
        held = zip(columns[own], columns["contact_id"], places, strict=True)
        columns[own] = [place if value is None else f"{key}#{value}" for value, key, place in held]
    return columns


def _attribute(values: Sequence[Any], kind: str) -> list[Any]:
    if kind == "number":
        return [None if value is None else float(value) for value in values]
    return [value if value is None or isinstance(value, str) else _text(value) for value in values]


def _text(value: Any) -> str:
    # as a CSV export would hold it
    return str(value).lower() if isinstance(value, bool) else str(value)
