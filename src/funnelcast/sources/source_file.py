"""source.toml: where a company's facts are and what they are called there, read strictly."""

from __future__ import annotations

import codecs
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from funnelcast.errors import BadSourceFile
from funnelcast.sources.facts import Label, Source
from funnelcast.sources.schema import TABLES, contacts_alone
from funnelcast.sources.section import Section, nearest
from funnelcast.terms import FIGURES

DUCKDB = "duckdb"
SPARK = "pyspark"
DUCKDB_FILE = "duckdb://"
"""How ``backend`` begins where it names a DuckDB database file of the company, relative to source.toml."""

SECTIONS = ("source", "tables", "channels", "engagement", "labels", "billing", "cash", "targets", "alerts")
"""All that a source.toml can hold."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""What a company may be called: models and snapshots are kept under it."""

_TERMS = re.compile(r"\d{1,3} days?( end of month)?")
_MOST_ALARMS = 100.0
_STRPTIME = re.compile(r"%-?[a-zA-Z%]")


@dataclass(frozen=True)
class Declaration:
    """One ``[tables.NAME]``: where the rows are and what their columns are called there.

    Exactly one of ``path``, ``table`` and ``sql`` is given. ``columns`` is canonical -> theirs; ``date_formats`` likewise, with ``""`` for
    every column that isn't named. None: to be sniffed.
    """

    name: str
    path: str | None = None
    table: str | None = None
    sql: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    date_formats: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    filter: str | None = None
    drop: tuple[str, ...] = ()

    def date_format(self, column: str) -> str | None:
        """Give the declared date format of a canonical column, if any."""
        return self.date_formats.get(column) or self.date_formats.get("")


@dataclass(frozen=True)
class SourceFile:
    """All of a source.toml, validated."""

    path: Path
    source: Source
    tables: tuple[Declaration, ...]
    observed_until: date | None = None

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.resolve().parent

    @property
    def flat(self) -> bool:
        """Whether contacts state an outcome and stand alone: their rows can do without ids."""
        return bool(self.source.labels) and contacts_alone(table.name for table in self.tables)


def read(path: Path) -> SourceFile:
    """Read and validate a source.toml.

    Raises
    ------
    BadSourceFile
        The file isn't there, isn't TOML, or has a section, key or value that can't be; names it and the nearest known one.
    """
    top = Section(path, "", _document(path))
    for known in SECTIONS:
        top.take(known)
    top.close()
    company = top.section("source")
    labels = {name: _label(top.section("labels").section(name)) for name in top.table("labels")}
    tables = tuple(_declaration(top.section("tables"), name) for name in top.table("tables"))
    observed_until = _day(company, "observed_until")
    source = _source(top, company, labels)
    if not tables:
        raise top.wrong(reason=f"declares no table; add at least one [tables.NAME], NAME being one of {', '.join(TABLES)}")
    if labels and not any(table.name == "contacts" for table in tables):
        raise top.wrong(key="labels", reason="a label is a column of contacts; add [tables.contacts]")
    return SourceFile(path, source, tables, observed_until)


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        reason = "there is no such file. Name a source.toml that says where the company's facts are (the README shows one)"
        raise BadSourceFile(path=path, reason=reason) from error
    except OSError as error:
        raise BadSourceFile(path=path, reason=f"can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadSourceFile(path=path, reason=f"TOML is written in UTF-8; save it so ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise BadSourceFile(path=path, reason=f"isn't valid TOML: {error}") from error


def _source(top: Section, company: Section, labels: Mapping[str, Label]) -> Source:
    standard = Source("")
    channels, billing, cash, alerts = (top.section(name) for name in ("channels", "billing", "cash", "alerts"))
    source = Source(
        name=_matching(company, "name", None, NAME, "letters, digits, '-', '_' and '.'"),
        path=str(top.path),
        currency=_matching(company, "currency", standard.currency, re.compile("[A-Z]{3}"), "an ISO code such as EUR"),
        timezone=_timezone(company, standard.timezone),
        country=_matching(company, "country", standard.country, re.compile("[A-Z]{2}"), "an ISO code such as FR"),
        backend=_backend(company),
        offline=frozenset(channels.texts("offline", sorted(standard.offline))),
        spend_lag_days=_days(channels, "spend_lag_days"),
        engagement=top.section("engagement").numbers(),
        labels=labels,
        terms=_matching(billing, "terms", standard.terms, _TERMS, '"30 days" or "45 days end of month"'),
        vat_rate=billing.number("vat_rate", standard.vat_rate),
        opening_balance=cash.optional_number("opening_balance"),
        floor=cash.number("floor", standard.floor),
        targets=_targets(top.section("targets")),
        false_alarms_per_month=alerts.number("per_month", standard.false_alarms_per_month),
    )
    if not 0 <= source.vat_rate < 1:
        raise billing.wrong(key="vat_rate", reason=f"is a share such as 0.20; got {source.vat_rate}")
    if not 0 < source.false_alarms_per_month <= _MOST_ALARMS:
        reason = f"is how many false alarms a month are accepted, above 0 and at most {_MOST_ALARMS:g}; got {source.false_alarms_per_month}"
        raise alerts.wrong(key="per_month", reason=reason)
    for section in (company, channels, billing, cash, alerts):
        section.close()
    return source


def _targets(section: Section) -> dict[str, float]:
    given = {name: section.optional_number(name) for name in FIGURES}
    section.close()
    for name, value in given.items():
        if value is not None and not math.isfinite(value):
            raise section.wrong(key=name, reason=f"must be a finite number; got {value}")
    churn = given["churn"]
    if churn is not None and not 0 <= churn <= 1:
        raise section.wrong(key="churn", reason=f"is a share such as 0.25; got {churn:g}")
    return {name: value for name, value in given.items() if value is not None}


def _matching(section: Section, key: str, default: str | None, pattern: re.Pattern[str], wanted: str) -> str:
    value = section.text(key) or default
    if value is None:
        raise section.wrong(key=key, reason=f"is missing; give {wanted}")
    if not pattern.fullmatch(value):
        raise section.wrong(key=key, reason=f"must be {wanted}; got {value!r}")
    return value


def _days(section: Section, key: str) -> int:
    value = section.number(key, 0.0)
    if value < 0 or value != int(value):
        raise section.wrong(key=key, reason=f"must be a whole number of days, 0 or more; got {value:g}")
    return int(value)


def _timezone(section: Section, default: str) -> str:
    name = section.text("timezone") or default
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise section.wrong(key="timezone", reason=f"{name!r} isn't a time zone; give one such as Europe/Paris") from error
    return name


def _backend(section: Section) -> str:
    name = section.text("backend") or DUCKDB
    if name not in {DUCKDB, SPARK} and not (name.startswith(DUCKDB_FILE) and len(name) > len(DUCKDB_FILE)):
        wanted = f'"{DUCKDB}", "{SPARK}", or "{DUCKDB_FILE}FILE" for a DuckDB database that holds the tables'
        raise section.wrong(key="backend", reason=f"{name!r} can't be opened here; give {wanted}")
    return name


def _day(section: Section, key: str) -> date | None:
    value = section.take(key)
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError as error:
            raise section.wrong(key=key, reason=f"must be a date such as 2025-12-31; got {value!r}") from error
    if value is not None and (isinstance(value, datetime) or not isinstance(value, date)):
        raise section.wrong(key=key, reason=f"must be a date such as 2025-12-31, the last day that was observed; got {value}")
    return value


def _label(section: Section) -> Label:
    column, positive = section.text("column"), section.take("positive")
    if column is None:
        raise section.wrong(key="column", reason="is missing; name the column of contacts that holds the outcome")
    if not isinstance(positive, str | int | float):
        raise section.wrong(key="positive", reason='is missing; give the value that means the outcome came true, such as "Yes" or 1')
    section.close()
    return Label(column, label_text(positive))


def label_text(value: str | float) -> str:
    """Write a label's value the one way in which labels are kept: 1, 1.0 and "1.0" are "1", true is "true"."""
    if isinstance(value, bool):
        return str(value).lower()
    return re.sub(r"^(-?\d+)\.0+$", r"\1", str(value).strip())


def _declaration(tables: Section, name: str) -> Declaration:
    if name not in TABLES:
        raise tables.wrong(reason=f"unknown table {name!r}{nearest(name, TABLES)}")
    section = tables.section(name)
    declaration = Declaration(
        name=name,
        path=section.text("path"),
        table=section.text("table"),
        sql=section.text("sql"),
        columns=_columns(section, name),
        date_formats=_date_formats(section, name),
        delimiter=_one_of(section, "delimiter", (";", ",", "\t", "|", ":", "~")),
        decimal=_one_of(section, "decimal", (".", ",")),
        thousands=_one_of(section, "thousands", ("", " ", ".", ",", "'", "\u00a0", "\u202f")),
        encoding=_encoding(section),
        sheet=section.text("sheet"),
        filter=section.text("filter"),
        drop=tuple(section.texts("drop", ())),
    )
    section.close()
    if sum(place is not None for place in (declaration.path, declaration.table, declaration.sql)) != 1:
        raise section.wrong(reason="needs exactly one of path, table and sql")
    if declaration.decimal is not None and declaration.decimal == declaration.thousands:
        raise section.wrong(key="thousands", reason=f"can't be the decimal sign {declaration.decimal!r} too")
    return declaration


def _columns(section: Section, name: str) -> dict[str, str]:
    columns = section.table("columns")
    for canonical, theirs in columns.items():
        if canonical not in TABLES[name].names:
            known = nearest(canonical, TABLES[name].names)
            raise section.wrong(key="columns", reason=f'{canonical!r} isn\'t a column of {name}{known} (write canonical = "theirs")')
        if not isinstance(theirs, str) or not theirs:
            raise section.wrong(key="columns", reason=f"{canonical} must name a column of the file; got {theirs!r}")
    return columns


def _date_formats(section: Section, name: str) -> dict[str, str]:
    given = section.take("date_format")
    formats = given if isinstance(given, dict) else {} if given is None else {"": given}
    for column, text in formats.items():
        if column and column not in TABLES[name].names:
            raise section.wrong(key="date_format", reason=f"{column!r} isn't a column of {name}{nearest(column, TABLES[name].names)}")
        if not isinstance(text, str) or not _STRPTIME.search(text):
            raise section.wrong(key="date_format", reason=f"must hold codes such as %d/%m/%Y or %Y-%m-%d %H:%M:%S; got {text!r}")
    return formats


def _one_of(section: Section, key: str, known: tuple[str, ...]) -> str | None:
    value = section.text(key, blank=True)
    if value is not None and value not in known:
        raise section.wrong(key=key, reason=f"must be one of {', '.join(map(repr, known))}; got {value!r}")
    return value


def _encoding(section: Section) -> str | None:
    name = section.text("encoding")
    try:
        return codecs.lookup(name).name if name else None
    except LookupError as error:
        raise section.wrong(key="encoding", reason=f"{name!r} isn't an encoding; give one such as utf-8 or cp1252") from error
