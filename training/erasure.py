"""A snapshot's files without a person: their rows go; what the company is owed or may win stays, under a name that leads nowhere."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from funnelcast.artefacts import to_json
from funnelcast.monitor.track_record import identity_key
from funnelcast.snapshots import ABOUT

OWN, BELONGINGS = "contact_id", ("deal_id", "invoice_id")
"""The columns that name a person, and what is theirs."""

_FORGOTTEN = "forgotten"
_SHORTEST_WORD = 4


@dataclass(frozen=True)
class Person:
    """Under which names somebody is kept: their own id with every other identity, and the ids of their deals and invoices."""

    contacts: frozenset[str]
    belongings: frozenset[str] = frozenset()

    def owns(self, given: str) -> bool:
        """Say whether an id is one of theirs; an e-mail is one in any capitals."""
        return given in self.contacts or identity_key(given) in {identity_key(one) for one in self.contacts}

    def named(self) -> frozenset[str]:
        """Give every name."""
        return self.contacts | self.belongings


def is_a_word(name: str) -> bool:
    """Say whether an id can be told from other words and numbers of a text."""
    return len(name) >= _SHORTEST_WORD and not name.isdigit()


def without(files: Mapping[str, bytes], person: Person) -> tuple[dict[str, bytes], int]:
    """Take a person out of a snapshot.

    Their rows of scores and lists are removed. What forecasts are drawn from keeps the amounts of their deals and invoices, for the
    company's totals stand on them; there, and in sentences, each of their ids becomes ``forgotten-1`` and so on.

    Returns
    -------
    All files, the very same bytes where nothing of the person was in them, and how many rows and names were found.
    """
    theirs = Person(person.contacts, person.belongings | frozenset(_belongings(files, person)))
    tables = {path: pq.read_table(io.BytesIO(content)) for path, content in files.items() if path.endswith(".parquet")}
    documents = {path: json.loads(content) for path, content in files.items() if path.endswith(".json")}
    earlier = int(documents[ABOUT].get(_FORGOTTEN, 0))
    tokens = {name: f"{_FORGOTTEN}-{number}" for number, name in enumerate(sorted(theirs.named()), start=earlier + 1)}
    cleaner = _Cleaner(theirs, tokens)
    changed: dict[str, bytes] = {}
    for path, table in tables.items():
        cleaned = cleaner.without_rows(table) if path.startswith("scores/") else cleaner.renamed(table)
        if cleaned is not table:
            changed[path] = _parquet(cleaned)
    for path, document in documents.items():
        cleaned = cleaner.walked(document)
        if cleaned != document:
            changed[path] = to_json(cleaned)
    if not cleaner.found:
        return dict(files), 0
    about = json.loads(changed.get(ABOUT, files[ABOUT]))
    changed[ABOUT] = to_json({**about, _FORGOTTEN: earlier + len(tokens)})
    return {**files, **changed}, cleaner.found


def _belongings(files: Mapping[str, bytes], person: Person) -> Iterator[str]:
    """Find their deals and invoices in the snapshot itself: the facts may have let go of them since."""
    for path, content in files.items():
        if path.endswith(".parquet"):
            table = pq.read_table(io.BytesIO(content))
            for name in [name for name in BELONGINGS if {name, OWN} <= set(table.column_names)]:
                pairs = zip(table[OWN].to_pylist(), table[name].to_pylist(), strict=True)
                yield from (str(thing) for owner, thing in pairs if owner is not None and thing is not None and person.owns(str(owner)))


class _Cleaner:
    """Takes one person out of tables and documents, counting what it finds."""

    def __init__(self, person: Person, tokens: Mapping[str, str]) -> None:
        self.found = 0
        self._person, self._tokens = person, tokens
        words = [re.escape(name) for name in sorted(tokens, key=len, reverse=True) if is_a_word(name)]
        self._in_text = re.compile(rf"(?<![\w-])(?:{'|'.join(words)})(?![\w-])") if words else None

    def without_rows(self, table: pa.Table) -> pa.Table:
        """Remove the rows about the person or what is theirs."""
        theirs = pa.array([False] * len(table))
        for name in self._keys(table):
            theirs = pc.or_(theirs, self._mask(table[name]))
        count = int(pc.sum(theirs).as_py() or 0)
        self.found += count
        return table.filter(pc.invert(theirs)) if count else table

    def renamed(self, table: pa.Table) -> pa.Table:
        """Give the person and what is theirs other names, and keep the rows."""
        for name in self._keys(table):
            count = int(pc.sum(self._mask(table[name])).as_py() or 0)
            if count:
                self.found += count
                values = [self._tokens.get(self._known(value), value) for value in table[name].to_pylist()]
                place = table.column_names.index(name)
                table = table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))
        return table

    def walked(self, value: Any) -> Any:
        """Clean a JSON document."""
        if isinstance(value, list):
            kept = [one for one in value if not (isinstance(one, dict) and self._is_theirs(one.get(OWN)))]
            self.found += len(value) - len(kept)
            return [self.walked(one) for one in kept]
        if isinstance(value, dict):
            return {self._told(name): self.walked(one) for name, one in value.items()}
        return self._told(value) if isinstance(value, str) else value

    def _told(self, text: str) -> str:
        cleaned = self._tokens.get(self._known(text), text)
        if self._in_text:
            cleaned = self._in_text.sub(lambda match: self._tokens[match[0]], cleaned)
        self.found += cleaned != text
        return cleaned

    def _is_theirs(self, name: object) -> bool:
        return isinstance(name, str) and self._person.owns(name)

    def _known(self, name: object) -> str:
        """Give the spelling under which a name has a token."""
        if not isinstance(name, str) or name in self._tokens:
            return str(name)
        return next((one for one in self._person.contacts if identity_key(one) == identity_key(name)), name) if "@" in name else name

    def _mask(self, column: pa.ChunkedArray) -> pa.Array:
        return pa.array([value is not None and self._known(value) in self._tokens for value in column.to_pylist()])

    @staticmethod
    def _keys(table: pa.Table) -> list[str]:
        """Name the columns that hold ids; a forecast's input numbers past deals, which names nobody."""
        return [
            name for name in (OWN, *BELONGINGS) if name in table.column_names and not pa.types.is_integer(table.schema.field(name).type)
        ]


def _parquet(table: pa.Table) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()
