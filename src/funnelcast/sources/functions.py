"""Functions of the engine that Ibis doesn't name, and what counts as blank."""

from __future__ import annotations

import re
from typing import Any

import ibis
import ibis.expr.datatypes as dt

SPACES = " \t\r\n\v\f\u00a0\u2007\u2009\u202f\ufeff"
"""Every blank that exports put around a value: the no-break spaces of French numbers are among them."""

_ABSENT = (
    rf"(?i)^[{SPACES}]*(null|nan|nat|n/?a|n\.a\.|n/d|n\.d\.|none|unknown|inconnue?|non renseignée?|\?+|-+|\\n|#n/a|#value!)?[{SPACES}]*$"
    r"|^(0000-00-00|0001-01-01|0?1/0?1/0001|(9999|2999)-12-31|31/12/(9999|2999)|12/31/(9999|2999))"
)
"""What exports write where a number or a date is missing, and the dates that mean that there is none."""


def _builtin(name: str, how: Any, gives: Any) -> Any:
    def function(text: Any, how: Any) -> Any: ...

    return ibis.udf.scalar.builtin(function, name=name, signature=((dt.string, how), gives))


strptime = _builtin("try_strptime", dt.Array(dt.string), gives=dt.timestamp)
"""Read a time stamp by the first format that fits; null where none does."""

strptime_with_offset = _builtin("try_strptime", dt.Array(dt.string), gives=dt.Timestamp(timezone="UTC"))
"""Read a time stamp by formats with %z; null where none fits."""


def trimmed(text: Any) -> Any:
    """Take the blanks off both ends of a text; null where nothing is left."""
    # most texts have none, and looking is cheaper than trimming
    return ibis.ifelse(text.re_search(f"^[{SPACES}]|[{SPACES}]$"), text.re_replace(f"^[{SPACES}]+|[{SPACES}]+$", ""), text).nullif("")


def absent(text: Any) -> Any:
    """Say whether a text stands for a missing number or date."""
    return text.isnull() | text.re_search(_ABSENT)


def is_absent(value: str | None) -> bool:
    """Say the same of one value."""
    return value is None or re.search(_ABSENT, value) is not None


def as_text(column: Any) -> Any:
    """Write a column of any type as text: whole numbers without a decimal point, so that an id 1.0 is "1"."""
    kind = column.type()
    if kind.is_string():
        return column
    if kind.is_decimal():
        return as_text(column.cast("float64"))
    if kind.is_floating():
        whole = (column == column.floor()) & (column.abs() < 1e15)
        text = ibis.ifelse(whole, column.cast("int64").cast("string"), column.cast("string"))
        return ibis.ifelse(column.isnan(), ibis.null("string"), text)
    return column.cast("string")
