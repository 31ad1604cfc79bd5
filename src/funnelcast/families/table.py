"""Rows as arrays by column: what models read, be it millions of rows from a frame or the one of a request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Table:
    """Columns of one length by name.

    Parameters
    ----------
    columns
        Numbers with NaN where missing, or objects with None; each of shape (size,).
    size
        How many rows there are, be there columns or not.
    """

    columns: Mapping[str, Array]
    size: int

    @classmethod
    def of(cls, rows: pd.DataFrame | Table) -> Table:
        """Take a frame's columns; a table stays as it is."""
        if isinstance(rows, Table):
            return rows
        return cls({str(name): values_of(column) for name, column in rows.items()}, len(rows))

    def __len__(self) -> int:
        """Give the number of rows."""
        return self.size

    def __contains__(self, name: object) -> bool:
        """Say whether there is such a column."""
        return name in self.columns

    def __getitem__(self, name: str) -> Array:
        """Give one column."""
        return self.columns[name]

    def only(self, names: Collection[str]) -> Table:
        """Give those of the named columns that are there, in the order of ``names``."""
        return Table({name: self.columns[name] for name in names if name in self.columns}, self.size)

    def at(self, places: npt.NDArray[np.int64]) -> Table:
        """Give the rows at some places; a place below zero has no values."""
        missing = places < 0
        if not missing.any():
            return Table({name: values[places] for name, values in self.columns.items()}, places.size)
        return Table({name: _with_gaps(values, places, missing) for name, values in self.columns.items()}, places.size)


def values_of(column: pd.Series) -> Array:
    """Give a column of a frame as an array: numbers and truth values as they are, everything else as objects."""
    kind = column.dtype
    if isinstance(kind, np.dtype) and kind.kind in "fiubO":
        return column.to_numpy()
    if pd.api.types.is_numeric_dtype(kind):
        return column.to_numpy(np.float64, na_value=np.nan)
    return column.to_numpy(object)


def _with_gaps(values: Array, places: npt.NDArray[np.int64], missing: npt.NDArray[np.bool_]) -> Array:
    blank, kind = (None, object) if values.dtype == object else (np.nan, np.float64)
    found = np.full(places.size, blank, kind)
    found[~missing] = values[places[~missing]]
    return found
