"""Reasons in words: what a column says of one contact, in French and English, with the value in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from funnelcast.families.scoring.start import WORDS as START_WORDS
from funnelcast.terms import Json

Words = Mapping[str, str]
ENOUGH = 200
"""Outcomes of the rarer kind from which intervals are no longer called wide."""


@dataclass(frozen=True)
class Wording:
    """The names of the columns, what raising or lowering the score means, and what the two outcomes are called, each by language."""

    names: Mapping[str, Words] = field(default_factory=dict)
    raises: Words = field(default_factory=lambda: {"en": "raises the score", "fr": "augmente le score"})
    lowers: Words = field(default_factory=lambda: {"en": "lowers the score", "fr": "diminue le score"})
    events: Words = field(default_factory=lambda: {"en": "positives", "fr": "cas positifs"})
    others: Words = field(default_factory=lambda: {"en": "negatives", "fr": "cas négatifs"})

    def document(self) -> dict[str, Json]:
        """Give the wording as JSON."""
        return {
            "names": {name: dict(words) for name, words in self.names.items()},
            **{name: dict(getattr(self, name)) for name in ("raises", "lowers", "events", "others")},
        }

    @classmethod
    def of(cls, document: Any) -> Wording:
        """Make the wording from its JSON."""
        return cls(**document)


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
    return Reason(name, plain, effect, f"{called}{colon}{_spoken(plain, lang)} ({direction})")


def _plain(value: object) -> str | float | None:
    if value is None or value != value or str(value).strip() in {"", "<NA>", "NaT"}:  # noqa: PLR0124 (not a number)
        return None
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def sufficiency(known: int, words: Words) -> dict[str, Json]:
    """Say in both languages whether so many outcomes are enough, and how many more halve the intervals (three times as many)."""
    enough, more = known >= ENOUGH, max(3 * known, 30)
    more = round(more, 2 - len(str(more)))  # two digits say it
    told: dict[str, Json] = {"outcomes": known, "enough": enough, "more_to_halve": more}
    said = {lang: (_spoken(float(known), lang), _spoken(float(more), lang)) for lang in ("en", "fr")}
    few = {"en": "" if enough else " Intervals are wide.", "fr": "" if enough else " Les intervalles sont larges."}
    told["text_en"] = f"Learned from {said['en'][0]} {words['en']}.{few['en']} About {said['en'][1]} more would halve the intervals."
    told["text_fr"] = (
        f"Appris sur {said['fr'][0]} {words['fr']}.{few['fr']} Environ {said['fr'][1]} de plus réduiraient les intervalles de moitié."
    )
    return told


def _spoken(value: str | float | None, lang: str) -> str:
    if value is None:
        return "inconnu" if lang == "fr" else "not known"
    if isinstance(value, str):
        return value
    text = f"{value:,.0f}" if value == round(value) or abs(value) >= 1_000 else f"{value:.3g}"
    return text.replace(",", "\u202f").replace(".", ",") if lang == "fr" else text
