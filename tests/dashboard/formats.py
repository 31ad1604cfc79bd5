"""Amounts as people write them in both languages: a second implementation, to judge the page's."""

from __future__ import annotations

from datetime import date


def money(amount: float, lang: str, *, sign: bool = False) -> str:
    """Write euros, with a minus sign, not a hyphen; cents only under a hundred."""
    digits = f"{abs(amount):,.{2 if abs(amount) < 100 and amount % 1 else 0}f}"
    before = "−" if amount < 0 else "+" if sign and float(digits.replace(",", "")) else ""
    if lang == "en":
        return f"{before}\u2060€{digits}" if before else f"€{digits}"  # a sign stays beside its currency's at the end of a line
    return f"{before}{digits.replace(',', ' ').replace('.', ',')}\u00a0€".replace(" ", "\u202f")


def number_in(cell: str, lang: str) -> float:
    """Read a number from a cell of a file."""
    return float(cell.replace(",", ".") if lang == "fr" else cell)


def day_in_words(stamp: str, lang: str) -> str:
    """Write a day with its year."""
    found = date.fromisoformat(stamp[:10])
    months = {"en": "January February March April May June July August September October November December",
              "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"}  # fmt: skip
    day = "1er" if lang == "fr" and found.day == 1 else str(found.day)
    return f"{day} {months[lang].split()[found.month - 1]} {found.year}"
