"""Numbers as people export them: decimal point or comma, grouped thousands, currency signs, brackets for negatives, percentages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ibis

_SPACE = " \t\u00a0\u2007\u2009\u202f"
_BLANK = f"[{_SPACE}]"
_GROUPING = {",": f"[{_SPACE}.'’]", ".": f"[{_SPACE},'’]"}
_SIGNS = {
    "EUR": r"€",
    "USD": r"US\$|\$",
    "GBP": r"£",
    "JPY": r"¥|￥",
    "CNY": r"¥|￥",
    "INR": r"₹",
    "CHF": r"Fr\.|SFr\.",
    "BRL": r"R\$",
    "PLN": r"zł",
    "CZK": r"Kč",
    "SEK": r"kr",
    "NOK": r"kr",
    "DKK": r"kr\.?",
    "CAD": r"CA\$|\$",
    "AUD": r"AU\$|A\$|\$",
    "NZD": r"NZ\$|\$",
    "MXN": r"\$",
}
_CODE = r"^[-+]?0\d|\d{16}"
"""What is a code rather than a number: a leading zero, or more digits than a double holds."""

COMMA_IN = frozenset(
    (
        "AL",
        "AD",
        "AR",
        "AT",
        "AZ",
        "BY",
        "BE",
        "BA",
        "BO",
        "BR",
        "BG",
        "CL",
        "CO",
        "HR",
        "CZ",
        "DK",
        "EC",
        "EE",
        "FI",
        "FR",
        "GE",
        "DE",
        "GR",
        "HU",
        "IS",
        "ID",
        "IT",
        "KZ",
        "LV",
        "LT",
        "LU",
        "MA",
        "MC",
        "MK",
        "MD",
        "NL",
        "NO",
        "PY",
        "PL",
        "PT",
        "RO",
        "RU",
        "RS",
        "SK",
        "SI",
        "ES",
        "SE",
        "TN",
        "TR",
        "UA",
        "UY",
        "VN",
    )
)
"""Countries that write a decimal comma."""


@dataclass(frozen=True)
class Numerals:
    """One way of writing numbers.

    Parameters
    ----------
    decimal
        ``.`` or ``,``.
    thousands
        The one grouping sign that is allowed, ``""`` for none; None allows every one that people use with this decimal sign. Groups have
        three digits, and the first doesn't begin with zero: 0.500 is a half.
    currency
        The ISO code that may stand beside an amount, as may its sign; an amount in another currency isn't read. ``""`` for any.
    codes
        Whether digits that look like a code (a leading zero, 16 digits or more) are numbers too.
    """

    decimal: str
    thousands: str | None
    currency: str
    codes: bool = True

    @property
    def family(self) -> str:
        """What sets this way of writing apart from the other."""
        return self.decimal

    @property
    def described(self) -> str:
        """The way of writing, in words."""
        grouping = "thousands may be grouped" if self.thousands is None else f"thousands {self.thousands!r}"
        return f"decimal {self.decimal!r}, {grouping}"

    def parse(self, text: Any) -> Any:
        """Give the number that a text column holds; null where it holds none. Percentages are shares: 12 % is 0.12."""
        number = ibis.ifelse(text.re_search(self._plain()), self._point(text).try_cast("float64"), self._decorated(text))
        return number if self.codes else ibis.ifelse(text.re_search(_CODE), ibis.null("float64"), number)

    def reads(self, value: str) -> bool:
        """Say whether one value holds a number written so."""
        if not self.codes and re.search(_CODE, value):
            return False
        return any(pattern.search(value) for pattern in self._compiled)

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        return re.compile(self._plain()), re.compile(self._pattern())

    def _plain(self) -> str:
        return rf"^-?\d+(\{self.decimal}\d+)?([eE][-+]?\d+)?$"

    def _point(self, text: Any) -> Any:
        return text.replace(",", ".") if self.decimal == "," else text

    def _decorated(self, text: Any) -> Any:
        digits = text.re_replace(f"[^0-9{self.decimal}]+", "")
        sign = ibis.ifelse(text.re_search(r"[-−(]"), -1.0, 1.0)
        whole = ibis.ifelse(text.contains("%"), 100.0, 1.0)
        return ibis.ifelse(text.re_search(self._pattern()), self._point(digits).try_cast("float64") * sign / whole, ibis.null("float64"))

    def _pattern(self) -> str:
        point = f"\\{self.decimal}"
        grouped = rf"[1-9]\d{{0,2}}(?:{self._grouping()}\d{{3}})+|" if self.thousands != "" else ""
        size = rf"(?:(?:{grouped}\d+)(?:{point}\d*)?|{point}\d+)"
        codes = [self.currency] if self.currency else list(_SIGNS)
        unit = f"(?:{'|'.join(dict.fromkeys([*codes, *(_SIGNS[code] for code in codes if code in _SIGNS)]))})"
        amount = rf"[-+−]?{_BLANK}*(?:{unit}{_BLANK}*)?[-+−]?{size}(?:{_BLANK}*(?:{unit}|%))?{_BLANK}*[-−]?"
        return rf"(?i)^{_BLANK}*(?:{amount}|\({amount}\)){_BLANK}*$"

    def _grouping(self) -> str:
        if self.thousands is None:
            return _GROUPING[self.decimal]
        return _BLANK if self.thousands in " \u00a0\u202f" else f"[{self.thousands}]"
