"""The forecasts that a refresh draws ahead, because the dashboard asks for them first: no planner waits for these."""

from __future__ import annotations

from typing import Final

from funnelcast.forecast.periods import Every
from funnelcast.forecast.projection import Ask

WEEKS, MONTHS = 13, 6
_COUNTS: Final[tuple[tuple[Every, int], ...]] = (("week", WEEKS), ("month", MONTHS))


def asked_first(quantity: str) -> list[Ask]:
    """Give what is asked first of a quantity."""
    return [Ask(quantity, every, count) for every, count in _COUNTS]


def document_of(ask: Ask) -> str | None:
    """Name the document of a snapshot that may hold this answer; None where a refresh never draws it."""
    return f"ahead/{ask.quantity}_{ask.every}" if ask in asked_first(ask.quantity) else None
