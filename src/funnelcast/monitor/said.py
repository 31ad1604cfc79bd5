"""Sentences in French and English, and amounts, shares and days as each language writes them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from funnelcast.terms import Json

_THIN_SPACE = "\u202f"
_SIGNS = str.maketrans({"-": "−"})


class Text(NamedTuple):
    """The same in both languages."""

    en: str
    fr: str

    def document(self) -> dict[str, Json]:
        """Give it as JSON."""
        return {"en": self.en, "fr": self.fr}


def money(amount: float, currency: str) -> Text:
    """Write an amount to the unit, with its currency."""
    english, french = number(amount)
    return Text(f"{english} {currency}", f"{french}{_THIN_SPACE}{currency}")


def number(amount: float) -> Text:
    """Write a number to the unit."""
    plain = f"{round(amount):,}".translate(_SIGNS)
    return Text(plain, plain.replace(",", _THIN_SPACE))


def share(value: float) -> Text:
    """Write a probability in per cent."""
    return Text(f"{value:.0%}", f"{100 * value:.0f}{_THIN_SPACE}%")


def change(amount: float, reference: float) -> Text:
    """Write how far an amount lies from another one, in per cent of it, with its sign."""
    if reference == 0:
        return Text("new", "nouveau")
    plain = f"{100 * (amount / reference - 1):+.0f}".translate(_SIGNS)
    return Text(f"{plain}%", f"{plain}{_THIN_SPACE}%")


def decimal(value: float) -> Text:
    """Write a number with the decimals that it has, six digits at most."""
    plain = f"{value:g}".translate(_SIGNS)
    return Text(plain, plain.replace(".", ","))


def day(instant: datetime) -> Text:
    """Write a date."""
    return Text(f"{instant:%Y-%m-%d}", f"{instant:%d/%m/%Y}")
