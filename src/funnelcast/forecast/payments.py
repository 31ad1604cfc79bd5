"""Days of payment in every draw, from each invoice's distribution; in a slow month all of them take longer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.forecast.instalments import Instalments

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Days = npt.NDArray[np.uint16]

SPAN_DAYS = 364
"""How far a distribution of payment reaches; ``pay_DDD`` columns start below it."""

LATER, NEVER = 400, 30_000
"""The days that stand for a payment after the last span, and for none at all."""

_SLOTS, _LEVELS = 4096, 1 << 16
_LATE_FROM = -200


@dataclass(frozen=True, eq=False)
class PayDistribution:
    """When each of some invoices is paid, in whole days after as_of (or after issue).

    Parameters
    ----------
    daily
        Probability of payment on each day: shape [invoices, 364].
    never
        Probability of no payment at all: shape [invoices]. What is left is paid after the last day.
    """

    daily: Floats
    never: Floats

    @classmethod
    def of(cls, predictions: pd.DataFrame) -> PayDistribution:
        """Read ``p_never`` and the ``pay_DDD`` columns, each the span from its day to the next column's; spans are spread evenly."""
        names = sorted(name for name in predictions.columns if name.startswith("pay_"))
        starts = np.array([int(name.removeprefix("pay_")) for name in names], dtype=np.int64)
        lengths = np.diff(np.append(starts, SPAN_DAYS))
        spans = predictions[names].to_numpy(np.float64) / lengths
        return cls(np.repeat(spans, lengths, axis=1), predictions["p_never"].to_numpy(np.float64))

    @property
    def size(self) -> int:
        """How many invoices."""
        return len(self.never)

    def table(self, generator: np.random.Generator) -> Days:
        """Give equally likely days of each invoice: shape [invoices, 4096].

        A day of probability p fills 4096 p slots; the fraction is rounded up or down at random, so that no small probability is lost on
        average.
        """
        reached = np.cumsum(self.daily, axis=1)
        paid = np.minimum(reached[:, -1:], 1.0)
        bounds = np.concatenate([reached, np.maximum(1.0 - self.never[:, None], paid)], axis=1) * _SLOTS
        bounds = np.floor(np.minimum(bounds, _SLOTS) + generator.random((self.size, 1))).clip(0, _SLOTS).astype(np.int64)
        counts = np.diff(np.concatenate([np.zeros((self.size, 1), np.int64), bounds, np.full((self.size, 1), _SLOTS)], axis=1), axis=1)
        days = np.append(np.arange(self.daily.shape[1]), [LATER, NEVER]).astype(np.uint16)
        return np.repeat(np.tile(days, self.size), counts.ravel()).reshape(self.size, _SLOTS)

    def in_parts(self, instalments: Instalments, age: Floats, whole: npt.NDArray[np.bool_]) -> PayDistribution:
        """Give when the money comes rather than the last of it: the share that is paid in parts comes earlier, on the mean.

        Parameters
        ----------
        age
            Days since issue: shape [invoices]. A part that would have come before as_of comes with the rest.
        whole
            Whether nothing was paid so far: shape [invoices]. What was paid in part already has only its rest to come.
        """
        if instalments.share == 0.0 or not self.size:
            return self
        day = np.arange(self.daily.shape[1])[None, :]
        earlier = np.floor(instalments.pace * (age[:, None] + day) - age[:, None]).astype(np.int64)
        place = np.where((earlier >= 0) & whole[:, None], earlier, day) + np.arange(self.size)[:, None] * self.daily.shape[1]
        moved = np.bincount(place.ravel(), weights=self.daily.ravel(), minlength=self.daily.size).reshape(self.daily.shape)
        return PayDistribution((1.0 - instalments.share) * self.daily + instalments.share * moved, self.never)

    def late(self, terms_days: Integers) -> Lateness:
        """Pool the invoices' days after their due dates."""
        shape = self.daily.shape[1] - _LATE_FROM
        place = np.clip(np.arange(self.daily.shape[1])[None, :] - terms_days[:, None] - _LATE_FROM, 0, shape - 1)
        pooled = np.bincount(place.ravel(), weights=self.daily.ravel(), minlength=shape) / max(self.size, 1)
        return Lateness(pooled, float(self.never.mean()) if self.size else 0.0)


@dataclass(frozen=True, eq=False)
class Lateness:
    """Days after the due date, one distribution for many: probabilities from day -200 on, and of never."""

    daily: Floats
    never: float

    def at(self, uniform: npt.NDArray[np.floating[Any]]) -> Integers:
        """Give the days after the due date at levels within (0, 1), to the nearest of 65,536; ``NEVER`` where nothing comes."""
        return np.asarray(self._days[(uniform * _LEVELS).astype(np.int64)], dtype=np.int64)

    @cached_property
    def _days(self) -> Integers:
        reached = np.append(np.cumsum(self.daily), [1.0 - self.never])
        days = np.append(np.arange(self.daily.size) + _LATE_FROM, [LATER, NEVER])
        return np.asarray(days[np.searchsorted(reached, (np.arange(_LEVELS) + 0.5) / _LEVELS, side="right")], dtype=np.int64)

    @classmethod
    def usual(cls) -> Lateness:
        """Give what stands in where no invoice was ever seen: around the due date, some long after, one in a hundred never."""
        daily = np.zeros(SPAN_DAYS - _LATE_FROM)
        for day, probability in ((-10, 0.09), (0, 0.35), (5, 0.2), (15, 0.2), (30, 0.1), (60, 0.05)):
            daily[day - _LATE_FROM] = probability
        return cls(daily, 0.01)


@dataclass(frozen=True, eq=False)
class Pace:
    """How much longer than expected all payments of a draw take.

    Parameters
    ----------
    factor
        Multiplies the days from as_of (or from a later issue) to payment, by the month in which it would fall: shape [draws, months].
    delay_days
        Added to every payment, as a scenario says.
    """

    factor: Floats
    delay_days: float = 0.0

    @classmethod
    def draw(cls, generator: np.random.Generator, draws: int, horizon_days: int, deviation: float, delay_days: float = 0.0) -> Pace:
        """Draw log-normal factors: half of the variance for all of a draw, half for each month."""
        months = (horizon_days + LATER) // 30 + 2
        whole, monthly = generator.standard_normal((draws, 1)), generator.standard_normal((draws, months))
        return cls(np.exp(deviation * np.sqrt(0.5) * (whole + monthly) - 0.5 * deviation**2), delay_days)

    def day(self, draw: Integers, start: Integers, lag: Integers) -> Integers:
        """Give the day of payment of what would be paid ``lag`` days after ``start``, never before ``start``; ``NEVER`` stays."""
        month = np.clip((start + lag) // 30, 0, self.factor.shape[1] - 1)
        took = np.floor((lag + 0.5) * self.factor[draw, month] + self.delay_days).astype(np.int64)
        return np.where(lag >= NEVER, NEVER, start + np.maximum(took, 0))
