"""From a company's rows to a typed table under canonical names; what can't be read is counted and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.errors import BadSourceFile, BadValues, EmptyTable
from funnelcast.sources.columns import Layout, Wanted, lay_out
from funnelcast.sources.engine import Refused
from funnelcast.sources.findings import Report, shown
from funnelcast.sources.formats import Reading, Sniffer, unread
from funnelcast.sources.functions import as_text, trimmed
from funnelcast.sources.read import Raw
from funnelcast.sources.source_file import Declaration, SourceFile

OFFENDERS = 3
"""How many offending rows a finding shows."""

_ROW = "row number of funnelcast"
_DIGITS = 10
"""Of a row's number that stands for an id: texts then sort as the rows do."""


@dataclass(frozen=True)
class Typing:
    """One table on its way from the company's columns to canonical ones."""

    declaration: Declaration
    file: SourceFile
    raw: Raw
    report: Report

    def layout(self) -> Layout:
        """Find the columns that are needed; what is missing is reported."""
        return lay_out(self.declaration, self.file, self.raw.columns, self.report)

    def read(self, layout: Layout) -> ir.Table:
        """Read the rows, formats sniffed, filter applied: canonical columns and attributes, not conformed yet.

        Raises
        ------
        EmptyTable
            No row is left.
        BadValues
            Values can't be read as numbers or dates, or amounts are in another currency (unless the report collects).
        """
        loaded = self.raw.load(f"raw_{self.declaration.name}", layout.theirs)
        rows = self._without_blank_rows(loaded.mutate(**{_ROW: ibis.row_number()}), layout)
        self._require_types(loaded, layout)
        sniffer = Sniffer(self.declaration, self.file.source, self.report, typed=self.raw.typed)
        readings = sniffer.choose(rows, (*layout.wanted, *layout.filtered))
        kept = self._filtered(rows, readings) if self.declaration.filter else rows
        wanted = readings[: len(layout.wanted)]
        count = self._check_read(kept, [reading for reading in wanted if reading.column.kind in {"number", "time"} and not reading.whole])
        if layout.currency:
            self._check_currency(kept, layout.currency, count)
        numbers = {"contact_id": (kept[_ROW] + 1).cast("string").lpad(_DIGITS, "0")} if layout.numbered else {}
        return kept.select(**numbers, **{reading.column.name: reading.parse(kept[reading.column.theirs]) for reading in wanted})

    def _require_types(self, rows: ir.Table, layout: Layout) -> None:
        """Refuse texts where the engine can't learn how dates and numbers are written."""
        if self.raw.engine.sniffs:
            return
        kinds = rows.schema()
        texts = [f"{column.theirs!r} (a {column.kind})" for column in layout.wanted if not _has_type(column, kinds[column.theirs])]
        if texts:
            reason = (
                f"[tables.{self.declaration.name}] with backend = {self.file.source.backend!r}, dates and numbers of {self.raw.origin} "
                f"must be typed so, and these are not: {', '.join(texts)}. Cast them with `sql`, or give the table as delimited text."
            )
            raise BadSourceFile(path=self.file.path, reason=reason, table=self.declaration.name)

    def _without_blank_rows(self, rows: ir.Table, layout: Layout) -> ir.Table:
        """Leave out rows without any value, as spreadsheets append them."""
        if self.raw.typed:
            return rows
        filled = ibis.or_(*(rows[column].notnull() for column in layout.theirs))
        blank = int(rows.aggregate(blank=(~filled).sum()).to_pyarrow()["blank"][0].as_py() or 0)
        if not blank:
            return rows
        self.report.note(self.declaration.name, "", "rows without any value are left out", blank)
        return rows.filter(filled)

    def _filtered(self, rows: ir.Table, readings: Sequence[Reading]) -> ir.Table:
        """Keep the rows that pass ``filter``, which sees the company's own columns with their values read."""
        given = {f"given {column}": rows[column] for column in rows.columns}
        read = {reading.column.theirs: reading.parse(rows[reading.column.theirs]) for reading in readings}
        view, passing = f"read_{self.declaration.name}_view", f"passing_{self.declaration.name}_view"
        connection = self.raw.engine.connection
        connection.create_view(view, rows.select(**given, **read), overwrite=True)
        try:
            self.raw.engine.passing(passing, view, str(self.declaration.filter))
        except Refused as error:
            said = str(error).split(" Candidate bindings")[0]
            reason = f"[tables.{self.declaration.name}] filter fails: {said} The file has: {', '.join(read)}"
            raise BadSourceFile(path=self.file.path, reason=reason, table=self.declaration.name) from error
        kept = connection.table(passing)
        return kept.select(**{column: kept[f"given {column}"] for column in rows.columns})

    def _check_read(self, kept: ir.Table, suspects: Sequence[Reading]) -> int:
        """Report every column with values that its format can't read; count the rows."""
        unreadable = {str(number): _unread(kept, reading).sum() for number, reading in enumerate(suspects)}
        counts = kept.aggregate(rows=kept.count(), **unreadable).to_pyarrow().to_pylist()[0]
        if not counts["rows"]:
            passing = " that passes `filter`" if self.declaration.filter else ""
            raise EmptyTable(table=self.declaration.name, path=self.raw.origin, reason=passing)
        for number, reading in enumerate(suspects):
            if counts[str(number)]:
                self.report.block(self._not_read(kept, reading, counts[str(number)], counts["rows"]))
        return int(counts["rows"])

    def _not_read(self, kept: ir.Table, reading: Reading, bad: int, count: int) -> BadValues:
        column = reading.column
        offenders = kept.filter(_unread(kept, reading) == 1).order_by(_ROW).limit(OFFENDERS)
        first = offenders.select(_ROW, value=as_text(offenders[column.theirs])).to_pyarrow().to_pylist()
        what, setting = ("number", "`decimal` and `thousands`") if column.kind == "number" else ("date", "`date_format`")
        theirs = f"of its column {column.theirs!r} " if column.name != column.theirs else ""
        return BadValues(
            table=self.declaration.name,
            column=column.name,
            count=bad,
            rows=count,
            rule=f"{theirs}can't be read as a {what}" + (f" ({reading.said})" if reading.said else ""),
            first="; ".join(f"{self.raw.place(row[_ROW])}: {shown(row['value'])}" for row in first),
            advice=f"Set {setting} under [tables.{self.declaration.name}], leave the rows out with `filter`, or mend the export.",
        )

    def _check_currency(self, kept: ir.Table, column: str, count: int) -> None:
        """Refuse amounts in another currency than the source's: they can't be added up."""
        currency = self.file.source.currency
        given = kept.select(code=trimmed(as_text(kept[column])).upper())
        others = given.filter(given.code != currency)
        codes = others.group_by("code").aggregate(rows=others.count()).order_by(ibis.desc("rows"), "code").to_pyarrow().to_pylist()
        if codes:
            self.report.block(
                BadValues(
                    table=self.declaration.name,
                    column=column,
                    count=sum(row["rows"] for row in codes),
                    rows=count,
                    rule=f"are in another currency than {currency}",
                    first=", ".join(f"{row['code']} {row['rows']} times" for row in codes[:OFFENDERS]),
                    advice="Convert the amounts, keep one currency with `filter`, or set `currency` under [source].",
                )
            )


def _has_type(column: Wanted, kind: Any) -> bool:
    if column.kind == "time":
        return bool(kind.is_timestamp() or kind.is_date())
    return column.kind != "number" or bool(kind.is_numeric())


def _unread(kept: ir.Table, reading: Reading) -> Any:
    given = kept[reading.column.theirs]
    return unread(as_text(given), reading.parse(given))
