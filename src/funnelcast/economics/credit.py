"""What credit gives a channel: an attribution's shares of the customers, of the money sold and of its margin, also by period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from funnelcast.economics.books import Books, sum_of
from funnelcast.economics.estimates import Bootstrap, Floats, estimate
from funnelcast.terms import Json

_Z90 = 1.6448536269514722  # of the standard normal, between which and its negative lie 90 %


@dataclass(frozen=True)
class Rate:
    """Credit per unit of what met a channel: its value, and that in every replicate, shape (replicates,)."""

    value: float
    drawn: Floats


@dataclass(frozen=True)
class Credit:
    """What credit gives a channel per first conversion, and per money sold, that met it; None where it isn't known.

    So a channel's credit spreads over months, and from money sold to its margin, in proportion to what met the channel, and adds up to
    what the attribution says. What its share is uncertain by, beyond the share of the conversions that met it, is drawn apart.
    """

    customers: Rate | None = None
    value: Rate | None = None

    @classmethod
    def of(cls, books: Books, name: str, draws: Bootstrap) -> Credit:
        """Find a channel's rates."""
        row, whole = (books.credits or {}).get(name), sum_of(books.sales, "conversions")
        met, first = (sum_of(frame, "conversions", channel=name) for frame in (books.met_sales, books.met))
        if row is None or books.credited is None or books.last is None:
            return cls()
        of_share = 0.0 if met is None or whole is None else _spread(draws.sums(met) / draws.counts(whole))
        beyond = _beyond(row, of_share) * draws.noise
        share = float(row["conversions"]) / float(books.credited["conversions"])
        sold = sum_of(books.met_sales, "value", channel=name)
        return cls(
            _rate(share * float(books.last["conversions"].sum()), first, beyond),
            None if row.get("value") is None else _rate(float(row["value"]) * books.counted, sold, beyond),
        )


def _rate(credit: float, met: Floats | None, beyond: Floats) -> Rate | None:
    if met is None or met.sum() <= 0:
        return None
    rate = credit / float(met.sum())
    return Rate(rate, rate * np.exp(beyond))


def _spread(drawn: Floats) -> float:
    return float(np.std(drawn) / np.mean(drawn)) if np.mean(drawn) > 0 else 0.0


def _beyond(row: Mapping[str, Any], of_share: float) -> float:
    """Give the spread of a credit beyond that of the share met, as that of a log-normal: it is never below zero."""
    credit = float(row["conversions"])
    if credit <= 0:
        return 0.0
    of_credit = (float(row["high"]) - float(row["low"])) / (2 * _Z90 * credit)
    return float(np.sqrt(np.log1p(max(of_credit**2 - of_share**2, 0.0))))


def credited(met: Floats | None, rate: Rate | None, draws: Bootstrap, factor: float = 1.0, less: float = 0.0) -> dict[str, Json] | None:
    """Give what credit makes of what met a channel, times a factor, less an amount."""
    if met is None or rate is None:
        return None
    return estimate(float(met.sum()) * rate.value * factor - less, draws.sums(met) * rate.drawn * factor - less)


def cost_credited(met: Floats | None, spent: float | None, rate: Rate | None, draws: Bootstrap) -> dict[str, Json] | None:
    """Price the customers that credit gives a channel."""
    if met is None or rate is None or not spent or rate.value <= 0:
        return None
    events = float(met.sum()) * rate.value
    return estimate(spent / events if events > 0 else None, spent / (draws.counts(met) * rate.drawn))


def contribution_credited(met: Floats | None, spent: float | None, rate: Rate | None, draws: Bootstrap) -> dict[str, Json] | None:
    """Take spend off the margin that credit gives a channel."""
    return None if spent is None else credited(met, rate, draws, less=spent)
