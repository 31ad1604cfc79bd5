"""What a CLV is asked over, unless the caller says otherwise: travels with every artefact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from funnelcast.errors import SpecError, UsageError
from funnelcast.spec import Spec
from funnelcast.terms import DAYS_PER_YEAR, Json

_UNITS = {"day": 1.0, "week": 7.0}


@dataclass(frozen=True)
class Terms:
    """The defaults of a prediction.

    Parameters
    ----------
    time_unit
        ``day`` or ``week``: the unit of alpha; it only rescales.
    horizon_days, discount_rate
        CLV counts purchases in the next ``horizon_days``, each discounted at a yearly rate by its own day.
    margin
        The share of a purchase's value that is earned.
    draws
        Simulated worlds behind clv_p10 and clv_p90.
    """

    time_unit: str = "week"
    horizon_days: float = 365.0
    discount_rate: float = 0.10
    margin: float = 1.0
    draws: int = 400
    seed: int = 0

    @property
    def days_per_unit(self) -> float:
        """How many days one unit of time has."""
        return _UNITS[self.time_unit]

    def asked(self, horizon_days: float | None, discount_rate: float | None) -> tuple[float, float]:
        """Give the horizon in units of time and the force of interest per unit, for what a caller asks.

        A yearly rate i discounts a purchase after d days by (1 + i)^(-d / 365.25).

        Raises
        ------
        UsageError
            The horizon isn't between 0 and 100 years, or the rate isn't between 0 and 10.
        """
        days = self.horizon_days if horizon_days is None else float(horizon_days)
        rate = self.discount_rate if discount_rate is None else float(discount_rate)
        if not 0 < days <= 100 * DAYS_PER_YEAR:
            raise UsageError(reason=f"horizon_days is {days:g}: give days above 0, at most 36525.")
        if not 0 <= rate <= 10:
            raise UsageError(reason=f"discount_rate is {rate:g}: give a yearly rate from 0 to 10, such as 0.10.")
        return days / self.days_per_unit, float(np.log1p(rate)) / DAYS_PER_YEAR * self.days_per_unit

    def document(self) -> dict[str, Json]:
        """Give the terms as JSON."""
        return dict(asdict(self))

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Terms:
        """Make the terms of their JSON."""
        return cls(**document)

    @classmethod
    def of_spec(cls, spec: Spec) -> Terms:
        """Read the section [options] of spec.toml, and the label's horizon.

        Raises
        ------
        SpecError
            The unit of time is neither day nor week.
        """
        options = spec.options
        unit = str(options.get("time_unit", "week"))
        if unit not in _UNITS:
            raise SpecError(path=f"models/{spec.name}/spec.toml", reason=f"options.time_unit is {unit!r}; it is `day` or `week`")
        return cls(
            time_unit=unit,
            horizon_days=float(spec.label.get("horizon_days", 365)),
            discount_rate=float(options.get("discount_rate", 0.10)),
            margin=float(options.get("margin", 1.0)),
            draws=int(options.get("interval_draws", 400)),
            seed=spec.seed,
        )
