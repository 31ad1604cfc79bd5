"""The path of the account: how likely it falls below zero, when first, and whose payment would help most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.periods import Period
from funnelcast.forecast.result import statistics
from funnelcast.terms import AsOf, Json

Floats = npt.NDArray[np.float64]

LEVERS = 5


@dataclass(frozen=True, eq=False)
class Lever:
    """An invoice or deal that could be collected at once.

    Parameters
    ----------
    amount
        Gross, what it would bring.
    gain
        How much more the account would hold at the end of each period: shape [draws, periods].
    """

    identity: str
    kind: str
    amount: float
    gain: Floats


def balance_documents(path: Floats, periods: Sequence[Period], as_of: AsOf, floor: float) -> list[Json]:
    """Give the balance at the end of each period from its draws (shape [draws, periods])."""
    documents: list[Json] = []
    for column, period in enumerate(periods):
        level = path[:, column]
        documents.append(
            {
                "start": AsOf(period.start, as_of.timezone).isoformat(),
                "end": AsOf(period.end, as_of.timezone).isoformat(),
                "partial": period.partial,
                **statistics(level),
                "p_below_zero": float((level < 0).mean()),
                "p_below_floor": float((level < floor).mean()),
            }
        )
    return documents


def shortfall_document(path: Floats, periods: Sequence[Period], as_of: AsOf, floor: float, levers: Sequence[Lever]) -> dict[str, Json]:
    """Say how likely the balance ends some period below zero, when it first does (median over those draws), and what would help most.

    A lever's ``effect`` is by how much its collection at once lowers that probability, on the same draws; the five largest are given.
    """
    below = path < 0
    short = below.any(axis=1)
    first = below[short].argmax(axis=1)
    week = periods[int(np.quantile(first, 0.5, method="lower"))].start if short.any() else None
    ranked = sorted(((_effect(path, lever), lever) for lever in levers), key=lambda pair: (-pair[0], -pair[1].amount, pair[1].identity))
    helpful: list[Json] = [
        {"id": lever.identity, "kind": lever.kind, "amount": lever.amount, "effect": effect}
        for effect, lever in ranked[:LEVERS]
        if effect > 0
    ]
    return {
        "probability": float(short.mean()),
        "probability_below_floor": float((path < floor).any(axis=1).mean()),
        "first_week_p50": AsOf(week, as_of.timezone).isoformat() if week else None,
        "levers": helpful,
    }


def _effect(path: Floats, lever: Lever) -> float:
    before = (path < 0).any(axis=1).mean()
    return float(before - (path + lever.gain < 0).any(axis=1).mean())
