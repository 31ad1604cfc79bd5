"""What if: the changes that a planner asks about, read strictly from TOML or JSON."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from funnelcast.errors import NotFound, UsageError

EVERY = "*"
"""The key that stands for every channel not named beside it."""

_LARGEST_MULTIPLIER = 100.0
_LARGEST_AMOUNT = 1e15
_SLIP_WEEKS = (-52, 104)
_DELAY_DAYS = (-90.0, 365.0)


@dataclass(frozen=True)
class CashItem:
    """One planned movement on the account: signed, money in is positive."""

    date: date
    amount: float
    category: str = ""


def _unchanged() -> Mapping[str, float]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Scenario:
    """What is changed against the plan; the default changes nothing.

    Parameters
    ----------
    win_rate, new_deals, spend
        Multipliers by channel, 1 where a channel isn't named; ``*`` names all others.
    slip_weeks
        Every open and new deal closes so many weeks later (earlier when negative).
    payment_delay_days
        Every invoice is paid so many days later (earlier when negative).
    cash_items
        Movements beside the planned ones.
    lost_customers
        Contacts that buy nothing more; what they were already invoiced stays due.
    """

    win_rate: Mapping[str, float] = field(default_factory=_unchanged)
    new_deals: Mapping[str, float] = field(default_factory=_unchanged)
    slip_weeks: int = 0
    payment_delay_days: float = 0.0
    spend: Mapping[str, float] = field(default_factory=_unchanged)
    cash_items: tuple[CashItem, ...] = ()
    lost_customers: frozenset[str] = frozenset()

    @property
    def neutral(self) -> bool:
        """Say whether the scenario changes nothing."""
        return self == Scenario()

    def win_rate_of(self, channel: str | None) -> float:
        """Give the multiplier of a channel's win rate."""
        return _multiplier(self.win_rate, channel)

    def new_deals_of(self, channel: str | None) -> float:
        """Give the multiplier of a channel's number of new deals."""
        return _multiplier(self.new_deals, channel)

    def spend_of(self, channel: str | None) -> float:
        """Give the multiplier of a channel's spend."""
        return _multiplier(self.spend, channel)


def load(path: Path) -> Scenario:
    """Read a scenario from a ``.toml`` or ``.json`` file.

    Raises
    ------
    NotFound
        There is no such file.
    UsageError
        The file is neither, doesn't parse, or says what a scenario can't.
    """
    if not path.is_file():
        raise NotFound(what="scenario file", name=str(path), advice="Give the path of a .toml or .json file.")
    parse: Mapping[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".json": json.loads}
    if path.suffix not in parse:
        raise UsageError(reason=f"Scenario {path.name}: {path.suffix or 'no ending'} is not read; give .toml or .json.")
    try:
        document = parse[path.suffix](path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(reason=f"Scenario {path.name} is not {path.suffix[1:].upper()}: {error}.") from error
    return read(document)


def read(document: Mapping[str, Any]) -> Scenario:
    """Read a scenario from a parsed document; keys that are left out stay neutral.

    Raises
    ------
    UsageError
        Names the path of the field, its value and what is allowed.
    """
    if not isinstance(document, Mapping):
        raise _refused(document, "scenario", "a table of changes")
    known = [changed.name for changed in fields(Scenario)]
    for name in document:
        if name not in known:
            raise UsageError(reason=f"scenario.{name}: a scenario has no such field; give one of {', '.join(known)}.")
    return Scenario(**{name: _READERS[name](f"scenario.{name}", value) for name, value in document.items()})


def schema() -> dict[str, Any]:
    """Give the JSON schema of what ``read`` takes."""
    multiplier = {"type": "number", "minimum": 0, "maximum": _LARGEST_MULTIPLIER}
    by_channel = {"anyOf": [multiplier, {"type": "object", "additionalProperties": multiplier}]}
    item = {
        "type": "object",
        "properties": {
            "date": {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
            "amount": {"type": "number", "minimum": -_LARGEST_AMOUNT, "maximum": _LARGEST_AMOUNT},
            "category": {"type": "string"},
        },
        "required": ["date", "amount"],
        "additionalProperties": False,
    }
    properties = {
        **dict.fromkeys(("win_rate", "new_deals", "spend"), by_channel),
        "slip_weeks": {"type": "integer", "minimum": _SLIP_WEEKS[0], "maximum": _SLIP_WEEKS[1]},
        "payment_delay_days": {"type": "number", "minimum": _DELAY_DAYS[0], "maximum": _DELAY_DAYS[1]},
        "cash_items": {"type": "array", "items": item},
        "lost_customers": {"type": "array", "items": {"type": "string", "minLength": 1}},
    }
    return {"type": "object", "properties": properties, "additionalProperties": False, "description": "What is changed against the plan."}


def _multiplier(multipliers: Mapping[str, float], channel: str | None) -> float:
    return multipliers.get(channel or "", multipliers.get(EVERY, 1.0))


def _refused(value: object, path: str, allowed: str) -> UsageError:
    shown = repr(value)
    return UsageError(reason=f"{path}: {shown if len(shown) <= 80 else shown[:77] + '…'} is not allowed; give {allowed}.")


def _number(path: str, value: object, lowest: float, highest: float, allowed: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        raise _refused(value, path, allowed)
    return float(value)


def _multipliers(path: str, value: object) -> Mapping[str, float]:
    allowed = f"a multiplier from 0 to {_LARGEST_MULTIPLIER:g}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = {EVERY: value}
    if not isinstance(value, Mapping):
        raise _refused(value, path, f"{allowed}, or a table of them by channel")
    read_ones = {str(channel): _number(f"{path}.{channel}", one, 0.0, _LARGEST_MULTIPLIER, allowed) for channel, one in value.items()}
    return MappingProxyType(read_ones)


def _slip_weeks(path: str, value: object) -> int:
    allowed = f"a whole number of weeks from {_SLIP_WEEKS[0]} to {_SLIP_WEEKS[1]}"
    weeks = _number(path, value, *_SLIP_WEEKS, allowed)
    if weeks != int(weeks):
        raise _refused(value, path, allowed)
    return int(weeks)


def _payment_delay_days(path: str, value: object) -> float:
    return _number(path, value, *_DELAY_DAYS, f"days from {_DELAY_DAYS[0]:g} to {_DELAY_DAYS[1]:g}")


def _list(path: str, value: object, allowed: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise _refused(value, path, allowed)
    return list(value)


def _cash_items(path: str, value: object) -> tuple[CashItem, ...]:
    items = _list(path, value, "a list of items with date, amount and maybe category")
    return tuple(_cash_item(f"{path}[{place}]", item) for place, item in enumerate(items))


def _cash_item(path: str, value: object) -> CashItem:
    allowed = "date, amount and maybe category, nothing else"
    if not isinstance(value, Mapping) or not {"date", "amount"} <= set(value) <= {"date", "amount", "category"}:
        raise _refused(value, path, allowed)
    category = value.get("category", "")
    if not isinstance(category, str):
        raise _refused(category, f"{path}.category", "a text")
    told = "an amount, negative for money out"
    amount = _number(f"{path}.amount", value["amount"], -_LARGEST_AMOUNT, _LARGEST_AMOUNT, told)
    return CashItem(_day(f"{path}.date", value["date"]), amount, category)


def _day(path: str, value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise _refused(value, path, "a date such as 2026-03-31") from error


def _lost_customers(path: str, value: object) -> frozenset[str]:
    allowed = "a list of contact ids, each a text"
    contacts = _list(path, value, allowed)
    for place, contact in enumerate(contacts):
        if not isinstance(contact, str) or not contact:
            raise _refused(contact, f"{path}[{place}]", "a contact id, a text")
    return frozenset(contacts)


_READERS: Mapping[str, Callable[[str, Any], Any]] = MappingProxyType(
    {
        "win_rate": _multipliers,
        "new_deals": _multipliers,
        "slip_weeks": _slip_weeks,
        "payment_delay_days": _payment_delay_days,
        "spend": _multipliers,
        "cash_items": _cash_items,
        "lost_customers": _lost_customers,
    }
)
