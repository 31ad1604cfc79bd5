"""The path of the account: how likely it falls below zero, when first, and whose payment would help most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.periods import Period
from funnelcast.forecast.result import Effect, statistics
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


def shortfall_document(path: Floats, periods: Sequence[Period], as_of: AsOf, floor: float, levers: Sequence[Effect]) -> dict[str, Json]:
    """Say how likely the balance ends some period below zero, when it first does (median over those draws), and what would help most.

    Of the levers, as ``effects`` puts them in order, the five that lower that probability most are given.
    """
    below = path < 0
    short = below.any(axis=1)
    first = below[short].argmax(axis=1)
    week = periods[int(np.quantile(first, 0.5, method="lower"))].start if short.any() else None
    helpful: list[Json] = [
        {"id": lever.identity, "kind": lever.kind, "amount": lever.amount, "effect": lever.on_shortfall}
        for lever in levers[:LEVERS]
        if lever.on_shortfall > 0
    ]
    return {
        "probability": float(short.mean()),
        "probability_below_floor": float((path < floor).any(axis=1).mean()),
        "floor": floor,
        "expected_depth": _depth(path, 0.0),
        "expected_depth_below_floor": _depth(path, floor),
        "first_week_p50": AsOf(week, as_of.timezone).isoformat() if week else None,
        "levers": helpful,
    }


def effects(path: Floats, floor: float, levers: Sequence[Lever]) -> list[Effect]:
    """Say by how much collecting each lever at once lowers the probabilities of a shortfall, on the same draws, the largest first."""
    found = [Effect(lever.identity, lever.kind, lever.amount, _lowered(path, lever, 0.0), _lowered(path, lever, floor)) for lever in levers]
    return sorted(found, key=lambda one: (-one.on_shortfall, -one.amount, one.identity))


def _lowered(path: Floats, lever: Lever, bar: float) -> float:
    before = (path < bar).any(axis=1).mean()
    return float(before - (path + lever.gain < bar).any(axis=1).mean())


def _depth(path: Floats, bar: float) -> float:
    """Give how far the lowest balance lies below a bar, the mean over all draws."""
    return float(np.maximum(bar - path.min(axis=1), 0.0).mean())
