"""A forecast: draws by part and period, and the JSON that they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from funnelcast.errors import UsageError
from funnelcast.forecast.periods import Period
from funnelcast.terms import AsOf, Json

Floats = npt.NDArray[np.float64]

QUANTILES: Mapping[str, float] = {"p05": 0.05, "p10": 0.10, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p90": 0.90, "p95": 0.95}
"""The quantiles that every forecast states, by their key in its JSON."""


@dataclass(frozen=True)
class Effect:
    """What collecting an invoice or deal at once would change.

    Parameters
    ----------
    kind
        ``invoice`` or ``deal``.
    amount
        Gross, what it would bring.
    on_shortfall, on_floor
        By how much it lowers the probability that the balance ends some period below zero, or below the floor.
    """

    identity: str
    kind: str
    amount: float
    on_shortfall: float
    on_floor: float


@dataclass(frozen=True)
class Forecast:
    """What may come in: one possible future of the company per draw.

    Parameters
    ----------
    quantity
        ``sales``, ``pipeline`` or ``cash``.
    as_of
        T: only what was known before it was used.
    currency
        The unit of every amount.
    periods
        The periods that the columns of ``parts`` stand for.
    parts
        By name, amounts of shape (draws, periods). They add up to the total in every draw.
    missing
        What is not modelled for lack of facts, one sentence or name each.
    extra
        Further top-level keys of the JSON; none of its own.
    levers
        Of cash, what collecting each of the largest invoices and deals would change, beyond the few that the JSON names.

    Raises
    ------
    UsageError
        Parts differ in shape, don't match the periods, or hold a value that isn't finite; ``extra`` takes a key of the document.
    """

    quantity: str
    as_of: AsOf
    currency: str
    periods: tuple[Period, ...]
    parts: Mapping[str, Floats]
    missing: tuple[str, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)
    levers: Sequence[Effect] = ()

    def __post_init__(self) -> None:
        shapes = {name: part.shape for name, part in self.parts.items()}
        if len({shape[0] for shape in shapes.values()}) > 1 or any(shape[1:] != (len(self.periods),) for shape in shapes.values()):
            raise UsageError(reason=f"The parts of a {self.quantity} forecast of {len(self.periods)} periods have the shapes {shapes}.")
        for name, part in self.parts.items():
            if not np.isfinite(part).all():
                count = int((~np.isfinite(part)).sum())
                raise UsageError(reason=f"{self.quantity} forecast, part {name}: {count} of {part.size} draws are not finite.")
        taken = {"as_of", "draws", "unit", "periods", "total", "missing"} & set(self.extra)
        if taken:
            raise UsageError(reason=f"{self.quantity} forecast: extra keys {sorted(taken)} are the document's own.")

    @property
    def draws(self) -> int:
        """How many possible futures there are; 0 where nothing at all is modelled."""
        return next((part.shape[0] for part in self.parts.values()), 0)

    def total(self) -> Floats:
        """Give the sum of all parts in every draw, of shape (draws, periods)."""
        total = np.zeros((max(self.draws, 1), len(self.periods)))
        for part in self.parts.values():
            total += part
        return total

    def document(self) -> dict[str, Json]:
        """Give the forecast as CONTRACT's JSON: mean, quantiles and parts by period, and the same of the sum over all periods."""
        ends = {name: part.mean(axis=0) for name, part in self.parts.items()}
        total = self.total()
        sums: dict[str, Json] = {name: float(part.sum()) for name, part in ends.items()}
        return {
            "as_of": self.as_of.isoformat(),
            "draws": self.draws,
            "unit": self.currency,
            "periods": period_documents(self.periods, total, ends, self.as_of.timezone),
            "total": {**statistics(total.sum(axis=1)), "parts": sums},
            "missing": list(self.missing),
            **self.extra,
        }


def difference(changed: Forecast, plan: Forecast) -> dict[str, Json]:
    """Say what a scenario changes: the statistics of the differences draw by draw, so that the luck that both share cancels.

    Parameters
    ----------
    changed, plan
        The same quantity and periods, drawn with the same seed, with and without the scenario.

    Returns
    -------
    ``periods`` and ``total`` as in a forecast's document.

    Raises
    ------
    UsageError
        They aren't of the same draws, parts and periods.
    """
    if (changed.draws, changed.periods, set(changed.parts)) != (plan.draws, plan.periods, set(plan.parts)):
        raise UsageError(reason=f"A {changed.quantity} and a {plan.quantity} forecast of other draws, parts or periods have no difference.")
    parts = {name: part - plan.parts[name] for name, part in changed.parts.items()}
    document = Forecast(changed.quantity, changed.as_of, changed.currency, changed.periods, parts).document()
    return {key: document[key] for key in ("periods", "total")}


def statistics(draws: Floats) -> dict[str, Json]:
    """Give mean and quantiles of one quantity's draws (shape (draws,)); quantiles of a sum come from draws of the sum."""
    quantiles = np.quantile(draws, list(QUANTILES.values()))
    return {"mean": float(draws.mean()), **{key: float(value) for key, value in zip(QUANTILES, quantiles, strict=True)}}


def period_documents(periods: tuple[Period, ...], total: Floats, means: Mapping[str, Floats], timezone: str) -> list[Json]:
    """Give one document per period: its bounds, the statistics of ``total`` (draws, periods) and each part's mean (periods,)."""
    documents: list[Json] = []
    for index, period in enumerate(periods):
        parts: dict[str, Json] = {name: float(mean[index]) for name, mean in means.items()}
        bounds: dict[str, Json] = {"start": _stamp(period.start, timezone), "end": _stamp(period.end, timezone), "partial": period.partial}
        documents.append({**bounds, **statistics(total[:, index]), "parts": parts})
    return documents


def _stamp(instant: datetime, timezone: str) -> str:
    return AsOf(instant, timezone).isoformat()
