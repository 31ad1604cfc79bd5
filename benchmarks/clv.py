"""BG/NBD on a simulated base of customers: fitting and predicting beside lifetimes on the raw rows."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from benchmarks.measure import Row, compare
from funnelcast.families.clv.fitting import fit_bg_nbd
from funnelcast.families.clv.rows import distinct
from funnelcast.families.clv.summary import compress, purchases_of

CUSTOMERS = 100_000
_R, _ALPHA, _A, _B, _WEEKS = 0.243, 4.414, 0.793, 2.426, 78


def customers(count: int, seed: int = 1) -> pd.DataFrame:
    """Simulate the model's own assumptions: purchases at a gamma rate until a beta dropout, seen for up to 78 weeks."""
    random = np.random.default_rng(seed)
    age = 7.0 * random.integers(1, _WEEKS, count)
    rate = random.gamma(_R, 7.0 / _ALPHA, count) / 49.0
    chance = random.beta(_A, _B, count)
    frequency, recency, now, alive = np.zeros(count), np.zeros(count), np.zeros(count), np.ones(count, dtype=bool)
    while alive.any():
        now = now + random.exponential(1.0 / np.maximum(rate, 1e-12))
        alive &= now <= age
        frequency += alive
        recency = np.where(alive, np.ceil(now), recency)
        alive &= random.random(count) > chance
    return pd.DataFrame({"frequency": frequency, "recency": np.minimum(recency, age), "T": age})


def rows() -> list[Row]:
    """Fit on all customers at once."""
    from lifetimes import BetaGeoFitter  # noqa: PLC0415 (it changes warning filters when imported)

    warnings.simplefilter("ignore")
    frame = customers(CUSTOMERS)
    compressed = len(distinct(*(frame[name].to_numpy(float) for name in frame))[0])
    fitter = BetaGeoFitter()
    weeks = frame.assign(recency=frame["recency"] / 7, T=frame["T"] / 7)

    def own() -> object:
        return fit_bg_nbd(purchases_of(compress(frame.assign(weight=1.0), *frame), 7.0))

    def theirs() -> object:
        return fitter.fit(weeks["frequency"], weeks["recency"], weeks["T"])

    parameters = own()[0]  # type: ignore[index]
    theirs()
    gap = max(abs(np.log(getattr(parameters, name) / fitter.params_[name])) for name in ("r", "alpha", "a", "b"))
    said = f"{CUSTOMERS:,} customers, {compressed:,} distinct; parameters within {gap:.1e}"
    return [compare("BG/NBD fit, three starts", "lifetimes on raw rows, one start", own, theirs, said)]
