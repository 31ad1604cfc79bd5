"""The discrete-time hazard of payment: the probability that an invoice still open is paid on this day.

logit h(d) = f(r) + g(r) / (1 + n) + u(s) + weekday + month position + b * amount, with s the days after the due date, r what s is
beyond the customer's expected delay, n the number of the customer's earlier payments; f, g, u piecewise linear with penalised bends.
Open invoices are censored. See Tutz and Schmid (2016), Modeling Discrete Time-to-Event Data, chapters 3 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from funnelcast.families.payment_delay.prior import WRITE_OFF_DAYS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_PERSONAL_KNOTS = np.array([-4.0, -3.0, -2.25, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.25, 3.0, 4.5, 7.0, 12.0])
_DUE_KNOTS = np.array([-60.0, -30.0, -15.0, -7.0, -3.0, -1.0, 0.0, 1.0, 3.0, 7.0, 15.0, 30.0, 60.0, 120.0])
_WEEKDAYS, _MONTH_POSITIONS = 7, 5
_BEND, _THIN_BEND, _EFFECT, _TINY = 3.0, 10.0, 3.0, 1e-3
_THURSDAY = 3
_STEPS, _CLOSE_ENOUGH = 40, 1e-8


@dataclass(frozen=True)
class Hazard:
    """The fitted hazard.

    Parameters
    ----------
    scale
        Days of one unit of r: how widely payments lie around the expected delay.
    personal, thin, due
        f and g at the knots of r (shape [15] each) and u at those of s (shape [14]); level beyond the outermost.
    weekday
        From Monday: shape [7].
    month
        Days 1-5, 6-25 but for the middle, 26 to the last but three, the last three, and 14-17: shape [5].
    amount, typical_log_amount
        b, per unit of log amount away from the typical one.
    """

    scale: float
    personal: tuple[float, ...]
    thin: tuple[float, ...]
    due: tuple[float, ...]
    weekday: tuple[float, ...]
    month: tuple[float, ...]
    amount: float
    typical_log_amount: float

    def of(self, rows: pd.DataFrame, location: Floats, days: Integers) -> Floats:
        """Give the probability of payment on each day after as_of, if still open: shape [rows, days]."""
        late = _column(rows, "age_days")[:, None] + days[None, :] - _column(rows, "terms_days")[:, None]
        relative = (late - location[:, None]) / self.scale
        logit = np.interp(relative, _PERSONAL_KNOTS, self.personal)
        logit += np.interp(relative, _PERSONAL_KNOTS, self.thin) * _thinness(rows)[:, None]
        logit += np.interp(late, _DUE_KNOTS, self.due)
        logit += self.calendar(rows, days)
        logit += (self.amount * _log_amount(rows, self.typical_log_amount))[:, None]
        return np.asarray(1.0 / (1.0 + np.exp(-logit)), dtype=np.float64)

    def calendar(self, rows: pd.DataFrame, days: Integers) -> Floats:
        """Give the effect of weekday and place in the month: shape [rows, days]."""
        first = _column(rows, "as_of_day").astype(np.int64)
        if not first.size:
            return np.zeros((0, days.size))
        start = int(first.min())
        every = np.arange(start, int(first.max()) + int(days.max()) + 1)
        effect = np.asarray(self.weekday)[weekday_of(every)] + np.asarray(self.month)[month_position(every)]
        return np.asarray(effect[first[:, None] - start + days[None, :]], dtype=np.float64)

    def document(self) -> dict[str, Any]:
        """Give the numbers as JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

    @classmethod
    def read(cls, document: dict[str, Any]) -> Hazard:
        """Read the numbers from JSON."""
        numbers: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
        return cls(**numbers)


def fit(rows: pd.DataFrame, location: Floats, weights: Floats) -> Hazard:
    """Fit by penalised maximum likelihood on invoice-days.

    Parameters
    ----------
    rows
        Invoices with ``paid_days`` (missing while open) and ``observed_days``.
    location
        Expected delay of each: shape [rows].
    weights
        What each counts: shape [rows].
    """
    error = (rows["age_days"] + rows["paid_days"] - rows["terms_days"]).to_numpy(np.float64) - location
    spread = error[np.isfinite(error)]
    scale = max(1.4826 * float(np.median(np.abs(spread - np.median(spread)))), 1.0)
    amounts = np.log(np.maximum(np.abs(_column(rows, "amount")), 1e-2))
    typical = float(np.average(amounts, weights=weights))
    invoice, day, paid = invoice_days(rows)
    design = _design(rows.iloc[invoice], location[invoice], day, scale, typical)
    # rounded far below any meaning, so that the order in which threads add up doesn't show
    coefficients = _penalised_logistic(design, paid, weights[invoice], _penalty()).round(9)
    sizes = np.cumsum([_PERSONAL_KNOTS.size, _PERSONAL_KNOTS.size, _DUE_KNOTS.size, _WEEKDAYS, _MONTH_POSITIONS])
    personal, thin, due, weekday, month, amount = (tuple(map(float, block)) for block in np.split(coefficients, sizes))
    return Hazard(scale, personal, thin, due, weekday, month, amount[0], typical)


def invoice_days(rows: pd.DataFrame) -> tuple[Integers, Integers, Floats]:
    """Spread each invoice over the days on which it could be paid: its position, the day after as_of, and whether it was paid then."""
    paid_days = rows["paid_days"].to_numpy(np.float64)
    limit = np.maximum(_column(rows, "terms_days") - _column(rows, "age_days") + WRITE_OFF_DAYS, 0.0)
    seen = np.minimum(np.where(np.isfinite(paid_days), paid_days + 1.0, rows["observed_days"].to_numpy(np.float64)), limit).astype(np.int64)
    invoice = np.repeat(np.arange(len(rows)), seen)
    day = np.arange(invoice.size) - np.repeat(np.cumsum(seen) - seen, seen)
    return invoice, day, (day == paid_days[invoice]).astype(np.float64)


def weekday_of(days: Integers) -> Integers:
    """Give Monday as 0; day 0 (1970-01-01) was a Thursday."""
    return np.asarray((days + _THURSDAY) % 7, dtype=np.int64)


def month_position(days: Integers) -> Integers:
    """Give 0 for days 1-5 of the month, 3 for the last three, 2 for those from the 26th before them, 4 for 14-17, else 1.

    Payment runs are on the last day or in the middle of the month, or on the next working day.
    """
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    of_month = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    to_end = ((months + 1).astype("datetime64[D]") - dates).astype(np.int64)
    middle = (of_month >= 14) & (of_month <= 17)
    return np.select([to_end <= 3, of_month <= 5, of_month >= 26, middle], [3, 0, 2, 4], default=1).astype(np.int64)


def tents(values: Floats, knots: Floats) -> sparse.csr_array:
    """Give the basis of piecewise linear functions that are level beyond the outermost knots: shape [values, knots]."""
    place = np.clip(values, knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, place, side="right") - 1, 0, knots.size - 2)
    share = (place - knots[left]) / (knots[left + 1] - knots[left])
    shares, columns = np.column_stack([1.0 - share, share]), np.column_stack([left, left + 1])
    return _rows_of(shares, columns, knots.size)


def _design(rows: pd.DataFrame, location: Floats, day: Integers, scale: float, typical: float) -> sparse.csr_array:
    late = _column(rows, "age_days") + day - _column(rows, "terms_days")
    personal = tents((late - location) / scale, _PERSONAL_KNOTS)
    date = _column(rows, "as_of_day").astype(np.int64) + day
    blocks = (
        personal,
        personal.multiply(_thinness(rows)[:, None]),
        tents(late, _DUE_KNOTS),
        _rows_of(np.ones((date.size, 1)), weekday_of(date)[:, None], _WEEKDAYS),
        _rows_of(np.ones((date.size, 1)), month_position(date)[:, None], _MONTH_POSITIONS),
        sparse.csr_array(_log_amount(rows, typical)[:, None]),
    )
    return sparse.csr_array(sparse.hstack(blocks, format="csr"))


def _rows_of(values: Floats, columns: Integers, width: int) -> sparse.csr_array:
    """Give the matrix that has these values in these columns of each row, and else nothing."""
    starts = np.arange(len(values) + 1) * values.shape[1]
    return sparse.csr_array((values.ravel(), columns.ravel(), starts), shape=(len(values), width))


def _penalty() -> Floats:
    blocks = (
        _bends(_PERSONAL_KNOTS.size, _BEND, _TINY),
        _bends(_PERSONAL_KNOTS.size, _THIN_BEND, 1.0),
        _bends(_DUE_KNOTS.size, _BEND, 0.1),
        _EFFECT * np.eye(_WEEKDAYS),
        _EFFECT * np.eye(_MONTH_POSITIONS),
        _EFFECT * np.eye(1),
    )
    size = sum(len(block) for block in blocks)
    whole, start = np.zeros((size, size)), 0
    for block in blocks:
        end = start + len(block)
        whole[start:end, start:end] = block
        start = end
    return whole


def _bends(count: int, bend: float, level: float) -> Floats:
    second = np.diff(np.eye(count), n=2, axis=0)
    return np.asarray(bend * second.T @ second + level * np.eye(count), dtype=np.float64)


def _penalised_logistic(design: sparse.csr_array, outcome: Floats, weights: Floats, penalty: Floats) -> Floats:
    """Maximise the weighted log-likelihood less half the penalty, by Newton's method with halved steps."""
    coefficients = np.zeros(design.shape[1])
    value = _objective(design, outcome, weights, penalty, coefficients)
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-(design @ coefficients)))
        slope = design.T @ (weights * (outcome - chance)) - penalty @ coefficients
        curvature = (design.T @ design.multiply((weights * chance * (1.0 - chance))[:, None])).toarray() + penalty
        step = np.linalg.solve(curvature, slope)
        while (better := _objective(design, outcome, weights, penalty, coefficients + step)) < value and np.abs(step).max() > _CLOSE_ENOUGH:
            step = step / 2.0
        coefficients, gain, value = coefficients + step, better - value, better
        if gain < _CLOSE_ENOUGH * (1.0 + abs(value)):
            break
    return coefficients


def _objective(design: sparse.csr_array, outcome: Floats, weights: Floats, penalty: Floats, coefficients: Floats) -> float:
    logit = design @ coefficients
    likelihood = weights @ (outcome * logit - np.logaddexp(0.0, logit))
    return float(likelihood - 0.5 * coefficients @ penalty @ coefficients)


def _column(rows: pd.DataFrame, name: str) -> Floats:
    return rows[name].to_numpy(np.float64)


def _thinness(rows: pd.DataFrame) -> Floats:
    return np.asarray(1.0 / (1.0 + _column(rows, "prior_count")), dtype=np.float64)


def _log_amount(rows: pd.DataFrame, typical: float) -> Floats:
    amounts = np.maximum(np.abs(np.nan_to_num(_column(rows, "amount"))), 1e-2)
    return np.asarray(np.clip(np.log(amounts) - typical, -5.0, 5.0), dtype=np.float64)
