"""What a purchase is worth: Gamma-Gamma where its assumptions hold, the customer's own mean where they don't.

Fader, Hardie and Lee (2005), RFM and CLV, Journal of Marketing Research 42; Hardie's note 25.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from funnelcast.errors import TooFewRows
from funnelcast.families.clv.fitting import Fitted, fit_gamma_gamma
from funnelcast.families.clv.likelihood import Spend
from funnelcast.families.clv.parameters import Floats, GammaGamma
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
    """

    mean: float
    parameters: GammaGamma | None = None
    covariance: Floats | None = None

    @property
    def member(self) -> str:
        """Which model of spend this is."""
        return "mean" if self.parameters is None else "gamma_gamma"

    def expected(self, x: Floats, m: Floats) -> Floats:
        """Expect the value of a purchase given x repeat purchases of mean value m.

        E = p (v + x m) / (p x + q - 1): equation 5 of note 25. Where there is no repeat purchase of positive value, the customers' mean
        p v / (q - 1) is expected.
        """
        known = (x > 0) & (m > 0)
        if self.parameters is None:
            return np.where(known, m, self.mean)
        p, q, v = self.parameters.p, self.parameters.q, self.parameters.v
        seen = np.where(known, x, 0.0)
        return np.asarray(p * (v + seen * m) / (p * seen + q - 1), dtype=np.float64)

    def document(self) -> dict[str, Json]:
        """Give the model as JSON."""
        return {
            "mean": self.mean,
            "parameters": None if self.parameters is None else dict(self.parameters.document()),
            "covariance": None if self.covariance is None else self.covariance.tolist(),
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> SpendModel:
        """Make the model of its JSON."""
        parameters, covariance = document["parameters"], document["covariance"]
        return cls(
            mean=float(document["mean"]),
            parameters=None if parameters is None else GammaGamma.of_document(parameters),
            covariance=None if covariance is None else np.array(covariance, dtype=np.float64),
        )


def fit_spend(data: Spend, otherwise: float, correlation_limit: float, seed: int) -> tuple[SpendModel, dict[str, Json]]:
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
    }
    if reason or fitted is None or parameters is None:
        mean = float(data.weight @ data.m / data.customers) if data.customers else otherwise
        return SpendModel(mean), document
    population = parameters.p * parameters.v / (parameters.q - 1)
    return SpendModel(float(population), parameters, fitted.covariance), document


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
    ranks = np.vstack([rankdata(x), rankdata(m)])
    found = [_correlation(ranks[:, random.integers(0, len(x), len(x))]) for _ in range(_RESAMPLES)]
    low, high = np.quantile(found, [0.025, 0.975])
    return _correlation(ranks), float(low), float(high)


def _correlation(pairs: Floats) -> float:
    centred = pairs - pairs.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred**2).sum(axis=1).prod())
    return float(centred[0] @ centred[1] / scale) if scale > 0 else 0.0
