"""Small companies that sell, made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.forecast.periods import Every
from funnelcast.forecast.sales.history import History
from funnelcast.forecast.sales.state import Luck
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source

MONDAY = datetime.fromisoformat("2023-01-02")
EVEN = np.full(7, 1 / 7)
SOURCE = Source("acme", timezone="Europe/Paris")


def history(values: Sequence[float] | npt.NDArray[np.float64], every: Every = "week", name: str = "web") -> History:
    start = MONDAY if every == "week" else datetime.fromisoformat("2015-01-01")
    return History(name, every, start, np.asarray(values, dtype=np.float64), EVEN)


def luck(picks: npt.NDArray[np.int64]) -> Luck:
    """These picks of past errors, with random errors of effects."""
    return Luck(picks, np.random.default_rng(5).standard_normal((len(picks), 16)))


def shop(purchases: Sequence[tuple[str, float, str | None]], known: Mapping[int, str] | None = None) -> Facts:
    """Purchases as (instant, amount, channel); ``known`` by row, where it became known later."""
    frame = pd.DataFrame(purchases, columns=["occurred_at", "amount", "channel"])
    frame["occurred_at"] = pd.to_datetime(frame.occurred_at)
    frame["contact_id"] = "c1"
    frame["known_at"] = [pd.Timestamp((known or {}).get(row, str(when))) for row, when in enumerate(frame.occurred_at)]
    return from_frames(SOURCE, {"transactions": frame})


def weekly_shop(weeks: int, seed: int = 0, channels: Sequence[str] = ("web", "store")) -> Facts:
    """A purchase a day per channel, growing, with a yearly season, a Saturday peak and a shared good or bad week."""
    draw = np.random.default_rng(seed)
    rows: list[tuple[str, float, str]] = []
    for week in range(weeks):
        shared = draw.normal(0, 0.1)
        for channel in channels:
            level = 1000 * np.exp(0.002 * week + 0.2 * np.sin(2 * np.pi * week / 52.18) + shared + draw.normal(0, 0.05))
            for day, share in enumerate((1, 1, 1, 1, 1, 3, 0)):
                if share:
                    rows.append(((MONDAY + timedelta(days=7 * week + day, hours=12)).isoformat(), float(level * share / 8), channel))
    return shop(rows)


def totals(figures: Mapping[str, tuple[str, Sequence[float]]]) -> Facts:
    """Monthly totals by series: (first month, amounts); each known on the last day of its month."""
    frames = []
    for name, (first, amounts) in figures.items():
        dates = pd.date_range(first, periods=len(amounts), freq="MS")
        frames.append(pd.DataFrame({"series": name, "date": dates, "amount": amounts, "known_at": dates + pd.offsets.MonthEnd(1)}))
    frame = pd.concat(frames).dropna(subset=["amount"])
    return from_frames(SOURCE, {"sales": frame})
