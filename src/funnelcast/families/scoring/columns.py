"""From the company's columns to numbers, learned without a look at the outcome and stored as JSON.

A number stays one. Text becomes a level (blanks and case don't count); a text column with only two levels, or with nothing but words for
yes and no, is a flag; one whose values are numbers or dates, up to what exports write for a missing one, is read as such. Rare levels share
one code and aren't stored by name: they may be names of people. A value that wasn't seen in training is read as they are, or is missing
where there were none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.errors import WrongColumns
from funnelcast.families.scoring.dates import days, learn_formats
from funnelcast.families.table import Array, Table, values_of
from funnelcast.sources.functions import is_absent
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
Reading = Literal["number", "text_number", "date", "flag", "levels"]
MOST_LEVELS = 60
_IDENTIFIER_SHARE = 0.9
_READABLE_SHARE = 0.98
_YES = frozenset({"1", "true", "yes", "y", "oui", "o", "vrai", "on"})
_NO = frozenset({"0", "false", "no", "n", "non", "faux", "off"})


@dataclass(frozen=True)
class Encoded:
    """One column of the matrix: where it comes from and how it is read.

    Parameters
    ----------
    levels
        From each known value, normalised, to its code.
    other
        The code of rare and unknown values; None: they are missing.
    spelling
        How the company mostly writes each level.
    formats
        In which dates are written, tried in order; a date is the days since 1970.
    """

    source: str
    reading: Reading
    levels: Mapping[str, float] = field(default_factory=dict)
    other: float | None = None
    spelling: Mapping[str, str] = field(default_factory=dict)
    formats: Sequence[str] = ()

    @property
    def is_category(self) -> bool:
        """Whether the matrix holds codes without an order."""
        return self.reading == "levels"

    def values(self, column: Array) -> Floats:
        """Give the column as numbers, missing as not a number."""
        if self.reading == "number":
            return as_numbers(column)
        if self.reading == "text_number":
            return _numbers(column)
        if self.reading == "date":
            return _looked_up(column, lambda texts: days(texts, self.formats))
        return mapped(column, self.levels, self.other)

    def words(self, code: float) -> str | None:
        """Give the level that a code stands for; None where it is missing or the rare ones."""
        return next((self.spelling[level] for level, known in self.levels.items() if known == code), None)

    def document(self) -> dict[str, Json]:
        """Give the column as JSON."""
        return {
            "source": self.source,
            "reading": self.reading,
            "levels": dict(self.levels),
            "other": self.other,
            "spelling": dict(self.spelling),
            "formats": list(self.formats),
        }


@dataclass(frozen=True)
class Columns:
    """Every column that a model reads, and those that it knows but leaves out, each with the reason."""

    kinds: Mapping[str, str]
    encoded: tuple[Encoded, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def matrix(self, rows: pd.DataFrame | Table) -> Floats:
        """Give the rows as numbers, shape (n, columns)."""
        table = Table.of(rows)
        if not self.encoded:
            return np.zeros((len(table), 0))
        return np.column_stack([column.values(table[column.source]) for column in self.encoded])

    def check(self, rows: Table, family: str, also: Collection[str]) -> None:
        """Hold the rows' columns against those of the fit; ``also`` may be there without being read.

        Raises
        ------
        WrongColumns
            A column is missing, isn't known, or holds text where numbers were fitted.
        """
        missing = [name for name in self.kinds if name not in rows]
        extra = [name for name in rows.columns if name not in self.kinds and name not in self.left_out and name not in also]
        numbers = [name for name, kind in self.kinds.items() if kind == "number" and name in rows]
        wrong = [name for name in numbers if not _converts(rows[name])]
        if missing or extra or wrong:
            raise WrongColumns(family=family, missing=missing or "none", extra=extra or "none", wrong=wrong or "none")

    def document(self) -> dict[str, Json]:
        """Give the columns as JSON."""
        return {
            "kinds": dict(self.kinds),
            "encoded": [column.document() for column in self.encoded],
            "left_out": dict(self.left_out),
        }

    @classmethod
    def of(cls, document: Any) -> Columns:
        """Make the columns from their JSON; the order is the matrix's."""
        encoded = tuple(Encoded(**known) for known in document["encoded"])
        return cls({column.source: document["kinds"][column.source] for column in encoded}, encoded, document["left_out"])


def learn(rows: pd.DataFrame, names: Collection[str]) -> Columns:
    """Learn how to read each named column; what tells nothing is left out, with the reason."""
    kinds: dict[str, str] = {}
    found: list[Encoded] = []
    left_out: dict[str, str] = {}
    seen: dict[bytes, str] = {}
    for name in names:
        encoded = _learn_column(name, rows[name])
        values = encoded.values(values_of(rows[name])) if encoded else np.zeros(0)
        reason = _tells_nothing(encoded, values) or _repeats(values, seen)
        if encoded is None or reason:
            left_out[name] = reason
        else:
            seen[values.tobytes()] = name
            found.append(encoded)
            kinds[name] = "number" if encoded.reading == "number" else "category"
    return Columns(kinds, tuple(found), left_out)


def normal(value: object) -> str:
    """Give a text without case and with single blanks: how levels are compared."""
    return " ".join(str(value).split()).casefold()


def as_numbers(column: Array) -> Floats:
    """Give a column of numbers, or of nothing, as float64; infinite becomes missing."""
    return _finite(column if column.dtype == np.float64 else pd.to_numeric(column, errors="raise"))


def mapped(column: Array, levels: Mapping[str, float], other: float | None = None) -> Floats:
    """Look each value up by its normalised text; empty is missing, and so is what isn't known where there is no ``other``."""
    unknown = np.nan if other is None else other
    return _looked_up(column, lambda texts: np.array([levels.get(normal(text), unknown) if text else np.nan for text in texts]))


def _looked_up(column: Array, table: Callable[[Sequence[str]], Floats]) -> Floats:
    """Give each row what a table says of its text; missing stays so."""
    codes, texts = _texts(column)
    return np.append(np.asarray(table(texts), np.float64), np.nan)[codes]


def _texts(column: Array) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Give each row's place among the values, -1 where it is missing, and the values as texts with single blanks."""
    if pd.api.types.infer_dtype(column, skipna=True).startswith("mixed"):
        # else True and 1 would be one value
        column = pd.Series(column).map(lambda value: str(_plain(value)), na_action="ignore").to_numpy()
    codes, uniques = pd.factorize(column, use_na_sentinel=True)
    return codes, [" ".join(str(_plain(value)).split()) for value in uniques]


def _learn_column(name: str, column: pd.Series) -> Encoded | None:
    if pd.api.types.is_numeric_dtype(column.dtype) or column.isna().all():
        return None if _is_row_number(as_numbers(values_of(column))) else Encoded(name, "number")
    codes, texts = _texts(values_of(column))
    counts = pd.Series(np.bincount(codes[codes >= 0], minlength=len(texts)), index=pd.Index(texts, dtype=object))
    spelled = counts[counts.index != ""].groupby(level=0).sum().sort_values(ascending=False, kind="stable")
    return _learn_values(name, spelled) or _learn_levels(name, spelled, len(column))


def _learn_values(name: str, spelled: pd.Series) -> Encoded | None:
    """Read texts as numbers, dates or answers to yes and no, where nearly all that say something are; None where they aren't."""
    telling = spelled[[not is_absent(text) for text in spelled.index]].sort_index()
    if len(telling) <= 2:
        return None
    levels = {normal(text): text for text in telling.index}
    if levels.keys() <= _YES | _NO and levels.keys() & _YES and levels.keys() & _NO:
        return Encoded(name, "flag", {level: float(level in _YES) for level in levels}, None, levels)
    texts = list(telling.index)
    if _share(telling, _numbers(np.array(texts, dtype=object))) > _READABLE_SHARE:
        return Encoded(name, "text_number")
    formats = learn_formats(texts)
    if formats and _share(telling, days(texts, formats)) > _READABLE_SHARE:
        return Encoded(name, "date", formats=formats)
    return None


def _share(counts: pd.Series, read: Floats) -> float:
    return float(counts.to_numpy()[~np.isnan(read)].sum() / counts.sum())


def _learn_levels(name: str, spelled: pd.Series, rows: int) -> Encoded | None:
    """Two levels are a flag; of more, the frequent ones get codes from the most frequent down; None where nearly every row has its own."""
    counts = spelled.groupby(spelled.index.map(normal)).sum().sort_index().sort_values(ascending=False, kind="stable")
    if rows >= 20 and len(counts) > _IDENTIFIER_SHARE * rows:
        return None
    spelling = {normal(value): str(value) for value in spelled.index[::-1]}
    flag = len(counts) <= 2
    kept = sorted(counts.index) if flag else list(counts.index[counts.to_numpy() >= _least(rows)])[:MOST_LEVELS]
    return Encoded(
        source=name,
        reading="flag" if flag else "levels",
        levels={level: float(code) for code, level in enumerate(kept)},
        other=float(len(kept)) if len(kept) < len(counts) else None,
        spelling={level: spelling[level] for level in kept},
    )


def _least(rows: int) -> int:
    return min(20, max(2, rows // 100))


def _plain(value: object) -> object:
    """Give 3 for 3.0: a whole number is one level however it is typed."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _converts(column: Array) -> bool:
    if column.dtype == np.float64:
        return True
    try:
        pd.to_numeric(column, errors="raise")
    except (TypeError, ValueError):
        return False
    return True


def _numbers(column: Array) -> Floats:
    return _finite(pd.to_numeric(column, errors="coerce"))


def _is_row_number(values: Floats) -> bool:
    """Whole numbers, all distinct and dense: a counter that the export or the database added."""
    known = values[np.isfinite(values)]
    if known.size < 200 or known.size < values.size or not (known == np.round(known)).all():
        return False
    return np.unique(known).size == known.size and float(np.ptp(known)) < 1.5 * known.size


def _tells_nothing(encoded: Encoded | None, values: Floats) -> str:
    """Say why a column can't tell anything; empty where it can."""
    if encoded is None:
        return "identifier or free text: nearly every row has its own value"
    missing = np.isnan(values)
    if missing.all():
        return "empty"
    if missing.any() or np.ptp(values):
        return ""
    return "constant" if encoded.other is None else f"too many values: none is in {_least(values.size)} rows or more"


def _repeats(values: Floats, seen: Mapping[bytes, str]) -> str:
    other = seen.get(values.tobytes())
    return "" if other is None else f"the same as {other}"


def _finite(values: Any) -> Floats:
    numbers = np.asarray(values, np.float64)
    infinite = np.isinf(numbers)
    return np.where(infinite, np.nan, numbers) if infinite.any() else numbers
