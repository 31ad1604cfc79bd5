"""What changed between two samples of the same columns: effect sizes, and the share of false findings kept small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.terms import Json

FALSE_DISCOVERY_RATE = 0.05
SMALLEST_EFFECT = 0.1
"""An effect below a tenth (of probability mass) is not worth a person's time, however certain."""

_SMALLEST_SAMPLE = 20
_MISSING = "∅"


@dataclass(frozen=True)
class Drift:
    """How one column changed.

    Parameters
    ----------
    effect
        In [0, 1]: the largest distance between the distribution functions of a number, half the sum of the changes in share of a category.
    p_value
        Of no change: Kolmogorov and Smirnov's two-sample test, or the chi-squared test of homogeneity.
    q_value
        The same after Benjamini and Hochberg (1995) over all columns.
    """

    name: str
    effect: float
    p_value: float
    q_value: float

    @property
    def drifted(self) -> bool:
        """Say whether the change is both certain and large enough to matter."""
        return self.q_value <= FALSE_DISCOVERY_RATE and self.effect >= SMALLEST_EFFECT

    def document(self) -> dict[str, Json]:
        """Give the finding as JSON."""
        return {"name": self.name, "effect": self.effect, "p_value": self.p_value, "q_value": self.q_value, "drifted": self.drifted}


def compare(reference: pd.DataFrame, recent: pd.DataFrame) -> list[Drift]:
    """Compare every column that both samples have, largest effect first.

    A missing value is a value: its share may drift as well. Samples of fewer than 20 rows say nothing, and give nothing.
    """
    if min(len(reference), len(recent)) < _SMALLEST_SAMPLE:
        return []
    names = [name for name in reference.columns if name in recent.columns]
    found = [(name, *_change(reference[name], recent[name])) for name in names]
    adjusted = benjamini_hochberg(np.array([p_value for _, _, p_value in found]))
    drifts = [Drift(name, effect, p_value, float(q_value)) for (name, effect, p_value), q_value in zip(found, adjusted, strict=True)]
    return sorted(drifts, key=lambda drift: (-drift.effect, drift.name))


def benjamini_hochberg(p_values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Adjust p-values for the false discovery rate: q_(i) = min over j >= i of p_(j) n / j (Benjamini and Hochberg 1995)."""
    count = p_values.size
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _change(reference: pd.Series, recent: pd.Series) -> tuple[float, float]:
    from scipy.stats import chi2_contingency, ks_2samp  # noqa: PLC0415 (half a second that the service need not spend)

    if pd.api.types.is_numeric_dtype(reference) and pd.api.types.is_numeric_dtype(recent):
        lowest = min(reference.min(), recent.min(), 0.0) - 1.0
        # a missing number sorts below every number, so that its share is part of the distribution
        result = ks_2samp(reference.fillna(lowest).to_numpy(float), recent.fillna(lowest).to_numpy(float), method="asymp")
        return float(result.statistic), float(result.pvalue)
    counts = pd.DataFrame(
        {
            "reference": reference.astype("object").fillna(_MISSING).astype(str).value_counts(),
            "recent": recent.astype("object").fillna(_MISSING).astype(str).value_counts(),
        }
    ).fillna(0.0)
    shares = counts / counts.sum()
    effect = float((shares["reference"] - shares["recent"]).abs().sum() / 2)
    return effect, 1.0 if len(counts) == 1 else float(chi2_contingency(counts.to_numpy())[1])
