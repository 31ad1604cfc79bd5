"""Weekly series as the watch reads them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.sales.history import History
from funnelcast.monitor.surprises import Surprises, surprises
from funnelcast.monitor.watched import Watched

START = datetime(2021, 1, 25)  # noqa: DTZ001 (wall-clock; the Monday with which a block of 13 weeks begins)


def history(values: npt.ArrayLike, name: str = "") -> History:
    return History(name, "week", START, np.asarray(values, dtype=np.float64), np.full(7, 1 / 7))


def measured(values: npt.ArrayLike, name: str = "", blocks: int = 11) -> Surprises:
    found = surprises(Watched("sales", history(values, name)), "FR", blocks)
    assert found is not None
    return found


def noisy(weeks: int, seed: int, deviation: float = 0.1, level: float = 1000.0) -> npt.NDArray[np.float64]:
    """Give a level with lognormal noise."""
    return np.asarray(level * np.exp(deviation * np.random.default_rng(seed).standard_normal(weeks)))
