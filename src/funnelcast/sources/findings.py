"""The data report while it is written: it raises the first error, or collects them all."""

from __future__ import annotations

from collections.abc import Iterable

from funnelcast.errors import SourceError
from funnelcast.sources.facts import Finding

LEVELS = ("error", "warning", "note")
"""How findings are sorted."""


class Report:
    """What is found while facts are opened.

    Parameters
    ----------
    raises
        Whether an error is raised at once, as whoever needs the facts wants, or collected, as ``funnelcast check`` wants.
    """

    def __init__(self, *, raises: bool) -> None:
        self._raises = raises
        self._findings: list[Finding] = []

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found so far, in the order in which it was found."""
        return tuple(self._findings)

    def note(self, table: str, column: str, rule: str, count: int = 0, first: str = "") -> None:
        """Tell what was assumed or noticed."""
        self._findings.append(Finding("note", table, column, rule, count, first))

    def warn(self, table: str, column: str, rule: str, count: int = 0, first: str = "", amount: float | None = None) -> None:
        """Tell what is probably wrong, and what the rows concerned add up to where they carry amounts."""
        self._findings.append(Finding("warning", table, column, rule, count, first, amount))

    def block(self, error: SourceError) -> None:
        """Tell what makes the facts unusable: raise it, or go on and collect."""
        if self._raises:
            raise error
        self._findings.append(_finding(error))

    def blocks(self, table: str, column: str | None = None) -> bool:
        """Say whether a table, or one of its columns, has an error already."""
        errors = (finding for finding in self._findings if finding.level == "error" and finding.table == table)
        return any(column in {None, finding.column} for finding in errors)


def errors_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by their level, otherwise as they were found."""
    return tuple(sorted(findings, key=lambda finding: LEVELS.index(finding.level)))


def shown(value: object) -> str:
    """Write an offending value so that it can be found in the file."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _finding(error: SourceError) -> Finding:
    said = error.fields
    return Finding(
        "error",
        str(said.get("table", "")),
        str(said.get("column", "")),
        str(said.get("rule", error)),
        int(str(said.get("count", 0))),
        str(said.get("first", "")),
    )
