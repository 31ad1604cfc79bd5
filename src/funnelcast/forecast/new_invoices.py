"""Invoices still to be issued without a deal: how many, of what amounts, paid when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.invoice_counts import InvoiceCounts
from funnelcast.forecast.payments import NEVER, Days, Pace, PayDistribution

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_MOST = 20_000_000
_AT_A_TIME = 100_000


@dataclass(frozen=True, eq=False)
class Issued:
    """New invoices of every draw: issued, collected by day ([draws, days]), still open and lost ([draws]), all gross."""

    issued: Floats
    daily: Floats
    open: Floats
    lost: Floats


def issue(
    process: InvoiceCounts,
    amount: Floats,
    customer: Integers,
    distribution: PayDistribution,
    *,
    pace: Pace,
    first_day: int,
    days: int,
    generator: np.random.Generator,
) -> Issued:
    """Draw the invoices to come: each is like one of the past year's, with its amount, customer and days to payment.

    Parameters
    ----------
    amount
        Gross, of each past invoice: shape [templates]; 0 for those of a lost customer.
    customer
        Whose each was, as whole numbers from 0: shape [templates].
    distribution
        Days from issue to payment of each template.
    """
    draws = pace.factor.shape[0]
    counts = process.draw(generator, draws, first_day, days)
    table = distribution.table(generator)
    real = amount != 0
    level = _amount_level(generator, draws, amount[real], customer[real])
    worth = 1.0
    if counts.sum() > _MOST:  # beyond that many, each drawn invoice stands for several: wider than needed, never narrower
        worth = float(counts.sum()) / _MOST
        counts = generator.poisson(counts / worth)
    result = Issued(np.zeros(draws), np.zeros((draws, days)), np.zeros(draws), np.zeros(draws))
    step = max(1, int(_AT_A_TIME / max(counts.sum() / draws, 1.0)))
    for start in range(0, draws, step):
        rows = slice(start, start + step)
        chosen = worth * level[rows]
        _issue_some(result, rows, counts[rows], level=chosen, amount=amount, table=table, pace=pace, generator=generator)
    return result


def _issue_some(
    result: Issued,
    rows: slice,
    counts: Integers,
    *,
    level: Floats,
    amount: Floats,
    table: Days,
    pace: Pace,
    generator: np.random.Generator,
) -> None:
    draws, days = counts.shape
    draw, issued = (np.repeat(place, counts.ravel()) for place in np.divmod(np.arange(counts.size), days))
    slot = generator.integers(0, table.size, draw.size)
    template, lag = slot // table.shape[1], table.ravel().take(slot).astype(np.int64)
    paid = pace.day(draw + rows.start, issued, lag)
    outcome = np.where(paid >= NEVER, days + 1, np.minimum(paid, days))
    worth = amount[template] * level[draw]
    sums = np.bincount(draw * (days + 2) + outcome, weights=worth, minlength=draws * (days + 2)).reshape(draws, days + 2)
    result.issued[rows] = np.bincount(draw, weights=worth, minlength=draws)
    result.daily[rows], result.open[rows], result.lost[rows] = sums[:, :days], sums[:, days], sums[:, days + 1]


def _amount_level(generator: np.random.Generator, draws: int, amount: Floats, customer: Integers) -> Floats:
    """Draw how far the mean amount may lie from that of the few templates: log-normal with mean 1, shape [draws].

    A customer's invoices are alike, so customers are what the mean is known from: the ratio estimator's variance, and 1 / n^2 for one.
    """
    count, total = np.bincount(customer), np.bincount(customer, weights=amount)
    beyond = total - amount.mean() * count if amount.size else total
    variance = float((beyond**2).sum()) / max(float(np.abs(amount).sum()) ** 2, 1e-300) + 1.0 / max((count > 0).sum(), 1) ** 2
    deviation = min(np.sqrt(variance), 1.0)
    return np.asarray(np.exp(deviation * generator.standard_normal(draws) - 0.5 * deviation**2), dtype=np.float64)
