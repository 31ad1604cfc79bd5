"""The rows that a CLV model reads: checked before use, and taken once where they are equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.errors import BadValues, WrongColumns
from funnelcast.families.clv.first_values import FIRST_VALUE
from funnelcast.families.clv.process.distinct import Places, distinct
from funnelcast.families.clv.process.parameters import Floats
from funnelcast.families.clv.summary import COLUMNS
from funnelcast.families.table import Table

INPUTS: Mapping[str, str] = dict.fromkeys(COLUMNS, "number")
_KNOWN = (*COLUMNS, FIRST_VALUE)
OUTPUTS = ("p_alive", "p_purchase", "expected_purchases", "expected_spend", "clv", "clv_p10", "clv_p90")


@dataclass(frozen=True)
class Rows:
    """Frequency, recency and T in days, the mean value of repeat purchases, and the value of the first (0 where unknown)."""

    x: Floats
    t_x: Floats
    T: Floats
    m: Floats
    z: Floats

    @classmethod
    def of(cls, rows: pd.DataFrame | Table) -> Rows:
        """Read the model's columns; ``first_value`` may be left out.

        Raises
        ------
        WrongColumns
            A column is missing, unknown or not a number.
        BadValues
            A number that can't be: not finite, negative, a broken count, or a recency beyond T.
        """
        table = Table.of(rows)
        _check_columns(table)
        values = np.array(list(table.columns.values()), np.float64)
        read = dict(zip(table.columns, values, strict=True))
        x, t_x, T, m = (read[name] for name in COLUMNS)
        if values.size and not (values.min() >= 0 and values.max() < np.inf and (x == np.floor(x)).all() and (t_x <= T).all()):
            _refuse_broken(table, read)
        return cls(x, t_x, T, m, read[FIRST_VALUE] if FIRST_VALUE in read else np.zeros(len(rows)))

    def distinct(self) -> tuple[Rows, Places]:
        """Give the distinct rows, and for each row the place of its like among them."""
        first, place = distinct(self.x, self.t_x, self.T, self.m, *([self.z] if self.z.any() else []))
        return Rows(self.x[first], self.t_x[first], self.T[first], self.m[first], self.z[first]), place


def read_by(columns: Mapping[str, str], rows: pd.DataFrame) -> pd.DataFrame:
    """Give those of a model's ``columns`` that the rows have."""
    return rows[[name for name in columns if name in rows.columns]]


def _check_columns(rows: Table) -> None:
    given = rows.columns
    missing = [name for name in COLUMNS if name not in given]
    extra = [name for name in given if name not in _KNOWN]
    wrong = [name for name in _KNOWN if name in given and given[name].dtype.kind not in "fiu"]
    if missing or extra or wrong:
        raise WrongColumns(family="clv", missing=missing, extra=extra, wrong=wrong)


def _refuse_broken(table: Table, read: Mapping[str, Floats]) -> None:
    """Name what is wrong with the first column that is: looked for column by column only where something is."""
    for name, values in read.items():
        _refuse(table, name, ~np.isfinite(values), "are not a finite number", "Give a number.")
        _refuse(table, name, values < 0, "are negative", "Give zero or more.")
    x, t_x, T = (read[name] for name in COLUMNS[:3])
    _refuse(table, "frequency", x != np.floor(x), "are no whole number of purchases", "Count purchase days.")
    _refuse(table, "recency", t_x > T, "lie beyond T", "Recency and T both count days from the first purchase.")


def _refuse(rows: Table, column: str, broken: npt.NDArray[np.bool_], rule: str, advice: str) -> None:
    if broken.any():
        first = f"{rows[column][int(np.argmax(broken))]} in row {int(np.argmax(broken))}"
        raise BadValues(table="clv rows", column=column, count=int(broken.sum()), rows=len(rows), rule=rule, first=first, advice=advice)
