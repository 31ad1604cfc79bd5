"""How each column of a file is read: declared, or learnt from all its values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir

from funnelcast.sources.calendars import MONTH_FIRST_IN, Calendar, Learnt, credible
from funnelcast.sources.columns import Wanted
from funnelcast.sources.facts import Source
from funnelcast.sources.findings import Report
from funnelcast.sources.functions import absent, as_text, is_absent, trimmed
from funnelcast.sources.numerals import COMMA_IN, Numerals
from funnelcast.sources.source_file import Declaration

SAMPLE = 1000
"""How many values a format is learnt from at a time; every value then judges it."""

_ROUNDS = 3
_READABLE_SHARE = 0.98
"""Of an attribute's values: beyond, it is numbers, and the odd text among them is missing."""


class Format(Protocol):
    """One way of writing numbers or dates."""

    @property
    def family(self) -> str:
        """What sets it apart from the other ways that fit."""
        ...

    @property
    def described(self) -> str:
        """The way of writing, in words."""
        ...

    def parse(self, text: Any) -> Any:
        """Give the value that a text column holds; null where it holds none."""
        ...


@dataclass(frozen=True)
class Reading:
    """How one column is read.

    ``parse`` makes the typed column of theirs; ``said`` names the format where there is one; ``whole`` says that every value is known to
    be readable.
    """

    column: Wanted
    parse: Callable[[Any], Any]
    said: str = ""
    whole: bool = False


@dataclass(frozen=True)
class Choice:
    """A column and the ways in which it may be written.

    ``misses`` counts the values that each way can't read, ``values`` those that one of them can, ``differing`` those that the first and the
    last read differently.
    """

    column: Wanted
    ways: tuple[Format, ...]
    learnt: Learnt = field(default_factory=Learnt)
    misses: tuple[int, ...] = ()
    values: int = 0
    differing: int = 0

    @property
    def fitting(self) -> tuple[Format, ...]:
        """The ways that miss least."""
        least = min(self.misses)
        return tuple(way for way, missed in zip(self.ways, self.misses, strict=True) if missed == least)

    @property
    def clear(self) -> bool:
        """Whether the values themselves tell the way."""
        return len(self.fitting) == 1


@dataclass(frozen=True)
class Sniffer:
    """What decides how the columns of one table are read.

    Parameters
    ----------
    typed
        Whether the file knows types (parquet, a query): texts in it are meant as texts.
    """

    declaration: Declaration
    source: Source
    report: Report
    typed: bool = False

    def choose(self, table: ir.Table, columns: Sequence[Wanted]) -> list[Reading]:
        """Decide how each column is read, by all its values, and tell what was sniffed.

        Parameters
        ----------
        table
            The file's rows under the file's own column names.
        """
        readings = {column: self._straight(column, table[column.theirs].type()) for column in columns}
        unsettled = [column for column, reading in readings.items() if reading is None]
        sample = _sample(table, unsettled)
        choices = [self._choice(column, sample[column.theirs]) for column in unsettled]
        choices = [self._relearnt(table, choice) for choice in _judged(table, [choice for choice in choices if choice.ways])]
        numbers = [choice for choice in choices if choice.column.kind != "attribute" or _is_numbers(choice)]
        settled = {choice.column: self._settled(choice, numbers) for choice in numbers}
        return [readings[column] or settled.get(column) or _words(column) for column in columns]

    def _straight(self, column: Wanted, kind: Any) -> Reading | None:
        """Read what needs no format: texts, and values that are typed already."""
        if column.kind == "text":
            return _words(column)
        if column.kind == "label":
            positives = [label.positive for label in self.source.labels.values() if label.column == column.name]
            return Reading(column, lambda given: _label(trimmed(as_text(given)), positives))
        if column.kind == "time":
            return Reading(column, lambda given: credible(given.cast("timestamp"))) if kind.is_timestamp() or kind.is_date() else None
        if kind.is_numeric() and not kind.is_boolean():
            return Reading(column, _finite)
        return _words(column) if column.kind == "attribute" and (self.typed or not kind.is_string()) else None

    def _choice(self, column: Wanted, values: Sequence[str]) -> Choice:
        """Name the ways in which a column may be written, judged by its first values; none for an attribute that is mostly words."""
        if column.kind == "time":
            learnt, declared = Learnt().with_values(values), self.declaration.date_format(column.name)
            ways = (Calendar((declared,), padded=learnt.padded),) if declared else learnt.calendars()
            return Choice(column, ways, learnt)
        numerals = self._numerals(attribute=column.kind == "attribute")
        misses = [sum(not way.reads(value) for value in values) for way in numerals]
        most = min(misses) if column.kind == "number" else len(values) / 2
        return Choice(column, tuple(way for way, missed in zip(numerals, misses, strict=True) if missed <= most))

    def _numerals(self, *, attribute: bool) -> list[Numerals]:
        """Name the ways of writing numbers; attributes are never added up, so that any currency will do, and may be codes."""
        decimal, thousands = self.declaration.decimal, self.declaration.thousands
        signs = [decimal] if decimal else [sign for sign in (".", ",") if sign != thousands]
        return [Numerals(sign, thousands, "" if attribute else self.source.currency, codes=not attribute) for sign in signs]

    def _relearnt(self, table: ir.Table, choice: Choice) -> Choice:
        """Learn further date formats from the values that can't be read yet."""
        if choice.column.kind != "time" or self.declaration.date_format(choice.column.name):
            return choice
        text = as_text(table[choice.column.theirs])
        for _ in range(_ROUNDS):
            if not min(choice.misses):
                break
            missed = table.select(value=text, missed=unread(text, choice.fitting[0].parse(text)))
            values = missed.filter(missed.missed == 1).limit(SAMPLE).to_pyarrow()["value"].to_pylist()
            learnt = choice.learnt.with_values(values)
            if learnt == choice.learnt:
                break
            choice = _judged(table, [Choice(choice.column, learnt.calendars(), learnt)])[0]
        return choice

    def _settled(self, choice: Choice, choices: Sequence[Choice]) -> Reading:
        """Settle between ways that fit equally: as the table's other columns are written, else as is usual there."""
        column = choice.column
        way = choice.fitting[0] if choice.clear else self._preferred(choice, choices)
        declared = self.declaration.date_format(column.name) if column.kind == "time" else self.declaration.decimal
        if column.kind == "attribute" and min(choice.misses):
            rule = "values aren't numbers as the others are; taken as missing"
            self.report.note(self.declaration.name, column.name, rule, min(choice.misses))
        if not declared and column.kind != "attribute":
            self.report.note(self.declaration.name, column.name, f"{way.described} (sniffed)")
        return Reading(column, lambda given: way.parse(as_text(given)), way.described, whole=not min(choice.misses))

    def _preferred(self, choice: Choice, choices: Sequence[Choice]) -> Format:
        alike = (other for other in choices if other.clear and (other.column.kind == "time") == (choice.column.kind == "time"))
        siblings = [family for family, _ in Counter(other.fitting[0].family for other in alike).most_common(1) if family]
        family = siblings[0] if siblings else self._usual(choice.column)
        way = next((fits for fits in choice.fitting if fits.family == family), choice.fitting[0])
        if choice.differing:
            why = "as in the table's other columns" if siblings else f"as is usual in {self.source.country}"
            other = next(fits.family for fits in choice.fitting if fits is not way)
            rule = f"values read as {way.family!r} and as {other!r}; read as {way.family!r}, {why}"
            tell = self.report.note if siblings else self.report.warn
            tell(self.declaration.name, choice.column.name, rule, choice.differing)
        return way

    def _usual(self, column: Wanted) -> str:
        if column.kind == "time":
            return "month first" if self.source.country in MONTH_FIRST_IN else "day first"
        if self.declaration.delimiter in {",", ";"}:
            return "," if self.declaration.delimiter == ";" else "."
        return "," if self.source.country in COMMA_IN else "."


def _words(column: Wanted) -> Reading:
    return Reading(column, lambda given: trimmed(as_text(given)))


def _is_numbers(choice: Choice) -> bool:
    """Say whether nearly all values of an attribute are numbers."""
    return choice.values > 0 and min(choice.misses) <= (1 - _READABLE_SHARE) * choice.values


def _label(text: Any, positives: Sequence[str]) -> Any:
    """Write whole numbers without a decimal point, and a positive as source.toml does, whatever its capitals."""
    plain = ibis.ifelse(text.re_search(r"^-?\d+\.0+$"), text.re_extract(r"^(-?\d+)\.0+$", 1), text)
    for positive in positives:
        plain = ibis.ifelse(plain.lower() == ibis.literal(positive).lower(), positive, plain)
    return plain


def _finite(given: Any) -> Any:
    number = given.cast("float64")
    return ibis.ifelse(number.isnan() | number.isinf(), ibis.null("float64"), number)


def _sample(table: ir.Table, columns: Sequence[Wanted]) -> dict[str, list[str]]:
    """Give the distinct values, blank ones aside, of the first rows."""
    names = list(dict.fromkeys(column.theirs for column in columns))
    if not names:
        return {}
    head = table.limit(SAMPLE).select(**{name: as_text(table[name]) for name in names}).to_pyarrow()
    return {name: [value for value in dict.fromkeys(head[name].to_pylist()) if not is_absent(value)] for name in names}


def _judged(table: ir.Table, choices: Sequence[Choice]) -> list[Choice]:
    """Let every value of each column judge its ways, in one pass."""
    if not choices:
        return []
    texts: dict[str, Any] = {}
    parsed: dict[str, Any] = {}
    for number, choice in enumerate(choices):
        texts[f"{number} text"] = as_text(table[choice.column.theirs])
        parsed |= {f"{number} by {way}": format_.parse(texts[f"{number} text"]) for way, format_ in enumerate(choice.ways)}
    values = table.select(**texts, **parsed)
    counts: dict[str, Any] = {}
    for number, choice in enumerate(choices):
        by = [values[f"{number} by {way}"] for way in range(len(choice.ways))]
        counts |= {f"{number} misses {way}": unread(values[f"{number} text"], given).sum() for way, given in enumerate(by)}
        counts[f"{number} values"] = ibis.coalesce(*by).count()
        counts[f"{number} differing"] = (by[0] != by[-1]).sum()
    found = values.aggregate(**counts).to_pyarrow().to_pylist()[0]
    row = {name: int(value or 0) for name, value in found.items()}
    return [
        replace(
            choice,
            misses=tuple(row[f"{number} misses {way}"] for way in range(len(choice.ways))),
            values=row[f"{number} values"],
            differing=row[f"{number} differing"],
        )
        for number, choice in enumerate(choices)
    ]


def unread(text: Any, parsed: Any) -> Any:
    """Give 1 where a text holds a value that wasn't parsed, else 0."""
    # nested so that the engine looks at the text only where parsing failed
    return ibis.ifelse(parsed.notnull(), 0, ibis.ifelse(absent(text), 0, 1))
