"""One table of a TOML file, read key by key; a key that nobody asked for is an error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from funnelcast.errors import BadSourceFile


def nearest(name: str, known: Iterable[str]) -> str:
    """Give the end of a sentence that names the nearest known name, and all of them."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return (f"; did you mean {close[0]!r}?" if close else ";") + f" Known: {', '.join(names)}"


class Section:
    """A table of a TOML file by its dotted name; the top one is ``""``."""

    def __init__(self, path: Path, name: str, document: Any) -> None:
        self.path = path
        self._name = name
        if not isinstance(document, dict):
            raise self.wrong(reason=f"must be a table, written [{name}]; got {document!r}")
        self._document: dict[str, Any] = document
        self._asked: list[str] = []

    def wrong(self, *, reason: str, key: str = "") -> BadSourceFile:
        """Make the error that names the file, the section and the key."""
        where = f"[{self._name}] {key}".strip() if self._name else key and f"[{key}]"
        return BadSourceFile(path=self.path, reason=f"{where} {reason}".strip())

    def take(self, key: str) -> Any:
        """Give a value of any type; None where it isn't there."""
        self._asked.append(key)
        return self._document.get(key)

    def section(self, key: str) -> Section:
        """Give a section within; empty where it isn't there."""
        name = f"{self._name}.{key}" if self._name else key
        return Section(self.path, name, self.table(key) if isinstance(self.take(key), dict | None) else self.take(key))

    def table(self, key: str) -> dict[str, Any]:
        """Give a table of free keys; empty where it isn't there."""
        value = self.take(key)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(key=key, reason=f"must be a table; got {value!r}")
        return value or {}

    def text(self, key: str, *, blank: bool = False) -> str | None:
        """Give a string; None where it isn't there."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, str) or not (value or blank):
            raise self.wrong(key=key, reason=f"must be a text; got {value!r}")
        return value

    def texts(self, key: str, default: Sequence[str]) -> list[str]:
        """Give a list of strings."""
        value = self.take(key)
        if value is None:
            return list(default)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key=key, reason=f"must be a list of texts; got {value!r}")
        return value

    def optional_number(self, key: str) -> float | None:
        """Give a number; None where it isn't there."""
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key=key, reason=f"must be a number; got {value!r}")
        return float(value)

    def number(self, key: str, default: float) -> float:
        """Give a number."""
        value = self.optional_number(key)
        return default if value is None else value

    def numbers(self) -> dict[str, float]:
        """Give every key of the section, each a number."""
        return {key: self.number(key, 0.0) for key in self._document}

    def close(self) -> None:
        """Refuse the first key that nobody asked for."""
        for key in self._document:
            if key not in self._asked:
                kind = "key" if self._name else "section"
                raise self.wrong(reason=f"unknown {kind} {key!r}{nearest(key, dict.fromkeys(self._asked))}")
