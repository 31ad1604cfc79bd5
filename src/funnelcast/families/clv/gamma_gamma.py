"""What a purchase is worth: Gamma-Gamma where its assumptions hold, the customer's own mean where they don't.

Fader, Hardie and Lee (2005), RFM and CLV, Journal of Marketing Research 42; Hardie's note 25.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from funnelcast.errors import TooFewRows
from funnelcast.families.clv.first_values import FirstValues
from funnelcast.families.clv.process.fitting import fit_gamma_gamma
from funnelcast.families.clv.process.likelihood import Spend
from funnelcast.families.clv.process.maximum import Fitted
from funnelcast.families.clv.process.parameters import Floats, GammaGamma
from funnelcast.terms import Json

_RESAMPLES = 200
_LARGEST_SAMPLE = 20_000


@dataclass(frozen=True)
class SpendModel:
    """The expected value of a customer's purchases.

    Parameters
    ----------
    mean
        The mean value of a purchase over customers, in money.
    parameters, covariance
        Of Gamma-Gamma, the covariance in the logarithms; None where the means alone are used.
    uses_first
        Whether the first purchase counts as one more value beside the repeats.
    """

    mean: float
    parameters: GammaGamma | None = None
    covariance: Floats | None = None
    uses_first: bool = False

    @property
    def member(self) -> str:
        """Which model of spend this is."""
        return "mean" if self.parameters is None else "gamma_gamma"

    def seen(self, x: Floats, m: Floats, z: Floats | float = 0.0) -> tuple[Floats, Floats]:
        """Give how many purchase values are known of a customer, and their sum: x repeats of mean m, and the first of value z.

        A mean or a value of 0 is an unknown one. The first purchase counts where the model ``uses_first``.
        """
        repeats = np.where((x > 0) & (m > 0), x, 0.0)
        first = np.where(self.uses_first, z, 0.0)
        return repeats + (first > 0), repeats * m + first

    def expected(self, x: Floats, m: Floats, z: Floats | float = 0.0) -> Floats:
        """Expect the value of a purchase given x repeat purchases of mean value m, and a first one of value z (0: unknown).

        E = p (v + n M) / (p n + q - 1) for n known values of mean M: equation 5 of note 25. Where none is known, the customers' mean
        p v / (q - 1) is expected.
        """
        if self.parameters is None:
            return np.where((x > 0) & (m > 0), m, self.mean)
        p, q, v = self.parameters.p, self.parameters.q, self.parameters.v
        number, total = self.seen(x, m, z)
        return np.asarray(p * (v + total) / (p * number + q - 1), dtype=np.float64)

    def document(self) -> dict[str, Json]:
        """Give the model as JSON."""
        return {
            "mean": self.mean,
            "parameters": None if self.parameters is None else dict(self.parameters.document()),
            "covariance": None if self.covariance is None else self.covariance.tolist(),
            "uses_first": self.uses_first,
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> SpendModel:
        """Make the model of its JSON."""
        parameters, covariance = document["parameters"], document["covariance"]
        return cls(
            mean=float(document["mean"]),
            parameters=None if parameters is None else GammaGamma.of_document(parameters),
            covariance=None if covariance is None else np.array(covariance, dtype=np.float64),
            uses_first=bool(document.get("uses_first", False)),  # artefacts of before knew no first purchase
        )


def fit_spend(
    data: Spend, otherwise: float, correlation_limit: float, seed: int, first: FirstValues | None = None
) -> tuple[SpendModel, dict[str, Json]]:
    """Fit Gamma-Gamma, and fall back to the means where what it assumes doesn't hold.

    It assumes that spend doesn't depend on frequency (rank correlation, whose bootstrap interval must reach below the limit) and that the
    mean over customers exists (q > 1).

    Parameters
    ----------
    data
        Customers with a repeat purchase of positive value.
    otherwise
        The mean value of a purchase to expect where nobody has come back, in money.
    correlation_limit
        The strength of Spearman's correlation beyond which independence is refused.
    first
        How first purchases compare with repeats: where they are alike, prediction takes the first as one more value. The fit never does.

    Returns
    -------
    The model, and what was tested.
    """
    correlation, low, high = spearman(data, seed)
    fitted, parameters, reason = _try(data)
    if not reason and min(abs(low), abs(high)) > correlation_limit and low * high > 0:
        reason = f"spend depends on frequency: Spearman {correlation:.2f} ({low:.2f} to {high:.2f}), limit {correlation_limit}"
    document: dict[str, Json] = {
        "member": "mean" if reason else "gamma_gamma",
        "reason": reason,
        "customers": int(data.customers),
        "spearman": correlation,
        "spearman_low": low,
        "spearman_high": high,
        "first_purchase": None if first is None else first.document(),
    }
    if reason or fitted is None or parameters is None:
        mean = float(data.weight @ data.m / data.customers) if data.customers else otherwise
        return SpendModel(mean), document
    population = parameters.p * parameters.v / (parameters.q - 1)
    return SpendModel(float(population), parameters, fitted.covariance, first is not None and first.alike), document


def _try(data: Spend) -> tuple[Fitted | None, GammaGamma | None, str]:
    try:
        parameters, fitted = fit_gamma_gamma(data)
    except TooFewRows as error:
        return None, None, str(error)
    if parameters.q <= 1:
        return fitted, parameters, f"q = {parameters.q:.3f} <= 1: the mean value over customers would be infinite"
    return fitted, parameters, ""


def spearman(data: Spend, seed: int) -> tuple[float, float, float]:
    """Give Spearman's correlation of frequency and mean value, and its 95 % bootstrap interval (0, -1, 1 below three customers)."""
    x, m = (np.repeat(values, data.weight.astype(np.int64)) for values in (data.x, data.m))
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(m) == 0:
        return 0.0, -1.0, 1.0
    random = np.random.default_rng(seed)
    if len(x) > _LARGEST_SAMPLE:
        chosen = random.choice(len(x), _LARGEST_SAMPLE, replace=False)
        x, m = x[chosen], m[chosen]
    first, second = (ranks - ranks.mean() for ranks in (_ranks(x), _ranks(m)))
    moments = np.vstack([first, second, first**2, second**2, first * second])
    # How often each customer is drawn is enough: a resample's moments are sums over all, which needn't be copied.
    counts = (np.bincount(random.integers(0, len(x), len(x)), minlength=len(x)) for _ in range(_RESAMPLES))
    found = [_correlation(*(moments * count).mean(axis=1)) for count in counts]
    low, high = np.quantile(found, [0.025, 0.975])
    return _correlation(*moments.mean(axis=1)), float(low), float(high)


def _ranks(values: Floats) -> Floats:
    return np.asarray(pd.Series(values).rank(), dtype=np.float64)


def _correlation(first: float, second: float, squared: float, other_squared: float, product: float) -> float:
    """Give the correlation of two quantities from their means, those of their squares, and that of their product."""
    scale = np.sqrt(max((squared - first**2) * (other_squared - second**2), 0.0))
    return float(np.clip((product - first * second) / scale, -1, 1)) if scale > 0 else 0.0
