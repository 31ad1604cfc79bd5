"""Which of a file's columns is which: canonical columns, labels, attributes."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from funnelcast.errors import MissingColumn
from funnelcast.sources.facts import Source
from funnelcast.sources.findings import Report
from funnelcast.sources.schema import TABLES, Table
from funnelcast.sources.source_file import Declaration, SourceFile

Kind = Literal["text", "number", "time", "label", "attribute"]

_KINDS: dict[str, Kind] = {"string": "text", "float64": "number", "timestamp": "time"}
_CURRENCY = ("currency", "currency_code", "currency code", "devise", "code devise", "monnaie")
_CLOCK = "as_of"
_SHOWN = 40


@dataclass(frozen=True)
class Wanted:
    """A column that is read: its canonical (or attribute's) name, what the file calls it, and what it holds."""

    name: str
    theirs: str
    kind: Kind


@dataclass(frozen=True)
class Layout:
    """All that is read of one file.

    ``filtered`` are columns that only ``filter`` looks at; ``currency`` says which currency an amount is in; ``numbered`` says that each
    row's number stands for the contact_id that the file doesn't have.
    """

    wanted: tuple[Wanted, ...]
    filtered: tuple[Wanted, ...] = ()
    currency: str | None = None
    numbered: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The canonical columns and attributes that the table will have."""
        return frozenset(column.name for column in self.wanted) | ({"contact_id"} if self.numbered else frozenset())

    @property
    def theirs(self) -> tuple[str, ...]:
        """Every column of the file that is needed, once."""
        names = [column.theirs for column in (*self.wanted, *self.filtered)]
        return tuple(dict.fromkeys([*names, *((self.currency,) if self.currency else ())]))


def normal(name: str) -> str:
    """Write a header so that accents composed otherwise, double blanks and capitals don't tell two apart."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def unique(header: Iterable[str]) -> tuple[str, ...]:
    """Name every column of a header: blank ones by their number, repeated ones (capitals aside) by a number behind."""
    names: list[str] = []
    taken: set[str] = set()
    for number, given in enumerate(header, 1):
        bare = given.strip().lstrip("\ufeff") or f"column {number}"
        name, copy = bare, 1
        while name.casefold() in taken:
            copy += 1
            name = f"{bare}_{copy}"
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)


def lay_out(declaration: Declaration, file: SourceFile, present: Sequence[str], report: Report) -> Layout:
    """Find every column that a declaration needs among those that are present; what is missing is reported."""
    header = _Header(declaration.name, present, report)
    schema = TABLES[declaration.name]
    dropped = {header.find(name) for name in declaration.drop}
    for name in declaration.drop:
        if header.find(name) is None:
            report.warn(declaration.name, name, "stands in `drop`, but the file has no such column")
    numbered = _is_numbered(declaration, file, header, dropped)
    if numbered:
        rule = "rows are numbered, for no column is contact_id; map the one that identifies a contact, where there is one"
        report.note(declaration.name, "contact_id", rule)
    canonical = _canonical(declaration, [] if numbered else schema.required, header, dropped)
    labels = _labels(declaration, file.source, header)
    used = {column.theirs for column in (*canonical, *labels)}
    rest = [Wanted(name, name, "attribute") for name in present if name not in used]
    attributes = [column for column in rest if _is_attribute(column.name, schema, dropped, report)]
    filtered = [column for column in rest if column not in attributes] if declaration.filter else []
    money = any(column.name == "amount" or column.name.endswith("_amount") for column in schema.columns)
    currency = next((name for name in present if money and normal(name) in _CURRENCY), None)
    apart = [_set_apart(column, present, schema, report) for column in attributes]
    return Layout((*canonical, *labels, *apart), tuple(filtered), currency, numbered)


class _Header:
    """A file's column names, looked up as people write them."""

    def __init__(self, table: str, present: Sequence[str], report: Report) -> None:
        self._table = table
        self._present = present
        self._report = report
        self._exact = set(present)
        self._normal: dict[str, list[str]] = {}
        for name in present:
            self._normal.setdefault(normal(name), []).append(name)

    def find(self, name: str) -> str | None:
        """Give the file's own spelling of a column; None where it has none."""
        if name in self._exact:
            return name
        alike = self._normal.get(normal(name), [])
        return alike[0] if len(alike) == 1 else None

    def need(self, column: str, name: str, where: str = "") -> str | None:
        """Give the file's own spelling, or report that the column is missing, and ``where`` source.toml names it."""
        found = self.find(name)
        if found is None:
            names = ", ".join(self._present[:_SHOWN]) + (", …" if len(self._present) > _SHOWN else "")
            where = where or f"`columns` under [tables.{self._table}]"
            self._report.block(MissingColumn(table=self._table, wanted=name, column=column, present=names or "no column", where=where))
        return found


def _is_numbered(declaration: Declaration, file: SourceFile, header: _Header, dropped: Collection[str | None]) -> bool:
    """Say whether rows must do without ids, and can: a flat table that states its outcome."""
    if declaration.name != "contacts" or not file.flat or "contact_id" in declaration.columns:
        return False
    found = header.find("contact_id")
    return found is None or found in dropped


def _canonical(declaration: Declaration, required: Collection[str], header: _Header, dropped: Collection[str | None]) -> list[Wanted]:
    schema = TABLES[declaration.name]
    found = {}
    for column in schema.names:
        asked = declaration.columns.get(column)
        known = header.need(column, asked or column) if asked or column in required else header.find(column)
        if known is not None and (asked or column in required or known not in dropped):
            found[column] = known
    return [Wanted(column, theirs, _KINDS[schema.type_of(column)]) for column, theirs in found.items()]


def _labels(declaration: Declaration, source: Source, header: _Header) -> list[Wanted]:
    if declaration.name != "contacts":
        return []
    found = {
        label.column: header.need(f"the label {name}", label.column, f"`column` under [labels.{name}]")
        for name, label in sorted(source.labels.items())
    }
    return [Wanted(name, theirs, "label") for name, theirs in found.items() if theirs is not None]


def _is_attribute(name: str, schema: Table, dropped: Collection[str | None], report: Report) -> bool:
    if not schema.attributes or name in dropped:
        return False
    hides = name.casefold() in {canonical.casefold() for canonical in schema.names}
    if hides:
        report.warn(schema.name, name, "is the name of a canonical column that is read from another one; left out")
    return not hides


def _set_apart(attribute: Wanted, present: Sequence[str], schema: Table, report: Report) -> Wanted:
    """Give an attribute another name where it is called as the column that cuts by time is."""
    if attribute.name.casefold() != _CLOCK:
        return attribute
    name = unique([*present, f"{attribute.name} (attribute)"])[-1]
    report.note(schema.name, attribute.name, f"is a name of funnelcast's own; the attribute is called {name!r}")
    return Wanted(name, attribute.theirs, attribute.kind)
