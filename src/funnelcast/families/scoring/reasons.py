"""Reasons in words: what a column says of one contact, in French and English, with the value in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from funnelcast.families.scoring.rhythm import NAME as RHYTHM
from funnelcast.families.scoring.start import WORDS as START_WORDS
from funnelcast.terms import Json

Words = Mapping[str, str]


@dataclass(frozen=True)
class Wording:
    """The names of the columns and what raising or lowering the score means, each by language."""

    names: Mapping[str, Words] = field(default_factory=dict)
    raises: Words = field(default_factory=lambda: {"en": "raises the score", "fr": "augmente le score"})
    lowers: Words = field(default_factory=lambda: {"en": "lowers the score", "fr": "diminue le score"})

    def document(self) -> dict[str, Json]:
        """Give the wording as JSON."""
        return {
            "names": {name: dict(words) for name, words in self.names.items()},
            "raises": dict(self.raises),
            "lowers": dict(self.lowers),
        }

    @classmethod
    def of(cls, document: Any) -> Wording:
        """Make the wording from its JSON."""
        return cls(document["names"], document["raises"], document["lowers"])


@dataclass(frozen=True)
class Reason:
    """One column's part in one score; ``effect`` is in log-odds of the raw score."""

    feature: str
    value: str | float | None
    effect: float
    text: str

    def document(self) -> dict[str, Json]:
        """Give the reason as JSON."""
        return {"feature": self.feature, "value": self.value, "effect": self.effect, "text": self.text}


def reason(name: str, value: object, effect: float, wording: Wording, lang: str) -> Reason:
    """Say what a column's value does to a score."""
    plain = _plain(value)
    called = {**wording.names, **START_WORDS}.get(name, {}).get(lang, name)
    direction = (wording.raises if effect >= 0 else wording.lowers)[lang]
    colon = " : " if lang == "fr" else ": "
    spoken = _percent(plain, lang) if name == RHYTHM else _spoken(plain, lang)
    return Reason(name, plain, effect, f"{called}{colon}{spoken} ({direction})")


def _plain(value: object) -> str | float | None:
    if value is None or value != value or str(value).strip() in {"", "<NA>", "NaT"}:  # noqa: PLR0124 (not a number)
        return None
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def _percent(share: Any, lang: str) -> str:
    return f"{100 * share:.0f}\u202f%" if lang == "fr" else f"{share:.0%}"


def _spoken(value: str | float | None, lang: str) -> str:
    if value is None:
        return "inconnu" if lang == "fr" else "not known"
    if isinstance(value, str):
        return value
    text = f"{value:,.0f}" if value == round(value) or abs(value) >= 1_000 else f"{value:.3g}"
    return text.replace(",", "\u202f").replace(".", ",") if lang == "fr" else text
