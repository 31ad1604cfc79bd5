"""Hold-outs: where a model is fitted, and on which days after it is judged."""

from __future__ import annotations

from dataclasses import dataclass

from funnelcast.errors import TooFewRows
from funnelcast.families.clv.summary import first_purchase
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

_SHORTEST_HOLDOUT = 7


@dataclass(frozen=True)
class Window:
    """Fitted before ``start``, judged on the purchases in [start, end)."""

    start: AsOf
    end: AsOf

    @property
    def days(self) -> float:
        """The length of the hold-out."""
        return self.start.days_until(self.end)


def window_of(facts: Facts, as_of: AsOf) -> Window:
    """Choose the hold-out: the facts after as_of where there are any, else the end of the history.

    Raises
    ------
    TooFewRows
        No purchase is known before as_of.
    """
    observed = facts.observed_until
    if observed is not None and as_of.days_until(observed) >= _SHORTEST_HOLDOUT:
        return Window(as_of, observed)
    begun = first_purchase(facts, as_of)
    if begun is None:
        raise TooFewRows(model="The CLV model", found=0, what="purchases before as_of", needed=1, advice="Give a later --as-of.")
    return Window(as_of.plus(-_third(begun.days_until(as_of))), as_of)


def choice_window(facts: Facts, newest: Window) -> Window | None:
    """Give the hold-out that ends where the newest starts: as long where the history allows it, else a third of the history."""
    begun = first_purchase(facts, newest.start)
    history = 0.0 if begun is None else begun.days_until(newest.start)
    days = int(newest.days) if history >= 2 * newest.days else _third(history)
    return Window(newest.start.plus(-days), newest.start) if days >= _SHORTEST_HOLDOUT else None


def _third(days: float) -> int:
    return max(int(min(365, days / 3)), 1)
