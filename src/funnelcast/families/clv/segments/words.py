"""What a planner reads of the segments, in English and French."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from funnelcast.families.clv.acquisition import CHANNEL, JOURNEY, USED
from funnelcast.journeys import TYPES
from funnelcast.terms import Json

UNKNOWN, OTHER = "(unknown)", "(other)"
_TITLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        CHANNEL: ("Acquisition channel", "Canal d'acquisition"),
        JOURNEY: ("Type of journey", "Type de parcours"),
        USED: ("Channels used", "Canaux utilisés"),
    }
)
_NOTES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        CHANNEL: (
            "What customers won by a channel are worth: a description, not what the channel adds.",
            "Ce que valent les clients acquis par un canal : une description, pas ce que le canal apporte en plus.",
        ),
        JOURNEY: (
            "By the touches up to the first purchase; who had none, by the side of that purchase.",
            "Selon les contacts jusqu'au premier achat ; sans contact, selon le côté de cet achat.",
        ),
        USED: (
            "Who buys more has more occasions to use a channel: a description of customers, no effect of channels.",
            "Qui achète plus a plus d'occasions d'utiliser un canal : une description des clients, pas un effet des canaux.",
        ),
    }
)
_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        **dict(
            zip(
                TYPES,
                (
                    ("online only", "en ligne seulement"),
                    ("offline only", "hors ligne seulement"),
                    ("mixed, started online", "mixte, commencé en ligne"),
                    ("mixed, started offline", "mixte, commencé hors ligne"),
                ),
                strict=True,
            )
        ),
        UNKNOWN: ("unknown", "inconnu"),
        OTHER: ("all others", "tous les autres"),
    }
)


def title(table: str) -> dict[str, Json]:
    """Name a table."""
    return _in_both(_TITLES[table])


def note(table: str) -> dict[str, Json]:
    """Say what a table tells, and what it doesn't."""
    return _in_both(_NOTES[table])


def label_of(segment: str) -> dict[str, Json]:
    """Name a segment: a type of journey, a number of channels, or a channel by the company's own name."""
    if segment in _WORDS:
        return _in_both(_WORDS[segment])
    number = segment.rstrip("+")
    if not number.isdigit():
        return _in_both((segment, segment))
    english, french = ("channel", "canal") if number == "1" else ("channels", "canaux")
    more = (" or more", " ou plus") if segment.endswith("+") else ("", "")
    return _in_both((f"{number}{more[0]} {english}", f"{number} {french}{more[1]}"))


def _in_both(words: tuple[str, str]) -> dict[str, Json]:
    return {"en": words[0], "fr": words[1]}
