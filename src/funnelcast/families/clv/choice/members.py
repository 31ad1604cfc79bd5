"""How the members of the family are fitted that may replace BG/NBD where its hold-out contradicts it, in the order in which they are tried.

1. ``bg_nbd_dropout_prior``: BG/NBD with a weak prior on dropout.
2. ``bg_nbd_recent``: BG/NBD calibrated on the purchases of the last window, given everything before.
3. ``mbg_nbd``: customers may leave after their first purchase already.
4. ``pareto_nbd``: customers leave at any time.
5. ``bg_nbd_trend``: purchase rates change over calendar time. It isn't of the textbook's family, and the likeliest remedy: where rates
   fall, every member above takes the past's mean rate for the future's, however it lets customers leave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import ibis
import numpy as np
import pandas as pd
from scipy.special import expit, logit

from funnelcast.errors import ModelError
from funnelcast.families.clv.process.fitting import enough, starts, thinned
from funnelcast.families.clv.process.likelihood import Objective, Purchases, bg_nbd, mbg_nbd, pareto_nbd
from funnelcast.families.clv.process.maximum import Fitted, climb, highest
from funnelcast.families.clv.process.parameters import BgNbd, Floats, MbgNbd, ParetoNbd, Process, TrendBgNbd
from funnelcast.families.clv.summary import compress_purchases, first_purchase, purchase_days, summarise
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

# A quarter of customers leave after a purchase, and differ in that as Beta(a, b) of a + b = 3: about CDNOW's (.246 and 3.2). One deviation
# of the prior is from a tenth to half, and from 1 to 8: a hundred customers with a few purchases each outweigh it.
_USUAL_DROPOUT = (float(logit(0.25)), float(np.log(3.0)))
_STEP_OF_PACE = 1e-5
_STILL_TO_GAIN = 1e-2


@dataclass(frozen=True)
class History:
    """What is known before an instant.

    Parameters
    ----------
    window_days
        The length of the hold-out that is to be forecast: ``bg_nbd_recent`` is calibrated on as long a window, or on the last half of the
        history where that is shorter.
    """

    facts: Facts
    as_of: AsOf
    days_per_unit: float
    window_days: float

    @cached_property
    def purchases(self) -> Purchases:
        """Give everyone's purchases."""
        return self._at(self.as_of)

    @cached_property
    def within_window(self) -> Purchases:
        """Give everyone's purchases, and with the opposite sign what was known of them when the window began."""
        begun = first_purchase(self.facts, self.as_of)
        half = 0.0 if begun is None else begun.days_until(self.as_of) / 2
        now, before = self.purchases, self._at(self.as_of.plus(-int(min(self.window_days, half))))
        x, t_x, T = (np.concatenate([getattr(now, name), getattr(before, name)]) for name in ("x", "t_x", "T"))
        return Purchases(x, t_x, T, np.concatenate([now.weight, -before.weight]))

    @cached_property
    def time_since_purchases(self) -> float:
        """Sum the time since each repeat purchase over all of them, in the model's unit."""
        days = purchase_days(cut(self.facts, self.as_of).table("transactions"), "contact_id")
        dated = days.select("contact_id", day=days.day.delta(ibis.literal(self.as_of.at.date(), type="date"), unit="day"))
        of_each = dated.group_by("contact_id").aggregate(
            first=dated.day.min(), until=ibis.greatest(dated.day.max(), -1), count=dated.count(), total=dated.day.sum()
        )
        since = (of_each["count"] - 1) * of_each["until"] - (of_each["total"] - of_each["first"])
        found = of_each.aggregate(since=since.sum()).execute()["since"].iloc[0]
        return 0.0 if pd.isna(found) else float(found) / self.days_per_unit

    def _at(self, as_of: AsOf) -> Purchases:
        return compress_purchases(summarise(self.facts, as_of), self.days_per_unit)


def fit_member(name: str, history: History) -> tuple[Process, Fitted]:
    """Fit a member on what is known before an instant.

    Raises
    ------
    TooFewRows
        Fewer than ten customers have come back.
    ModelError
        Its likelihood has no maximum.
    """
    enough(float(history.purchases.weight[history.purchases.x > 0].sum()), "customers with a repeat purchase", "The CLV model")
    return FITS[name](history)


def _dropout_prior(history: History) -> tuple[Process, Fitted]:
    def objective(of: Purchases) -> Objective:
        return partial(with_dropout_prior, likelihood=partial(bg_nbd, data=of))

    fitted = _fit(objective, history.purchases)
    return BgNbd.of_logarithms(fitted.logarithms), fitted


def with_dropout_prior(logarithms: Floats, likelihood: Objective) -> tuple[float, Floats]:
    """Add to a log-likelihood in (ln r, ln alpha, ln a, ln b) normal densities of deviation 1 of logit(a / (a + b)) and ln(a + b)."""
    value, gradient = likelihood(logarithms)
    odds = logarithms[2] - logarithms[3]
    size = np.logaddexp(logarithms[2], logarithms[3])
    of_odds, of_size = odds - _USUAL_DROPOUT[0], size - _USUAL_DROPOUT[1]
    share = expit(odds)
    pull = np.array([0.0, 0.0, of_odds + of_size * share, -of_odds + of_size * (1 - share)])
    return value - float(of_odds**2 + of_size**2) / 2, gradient - pull


def _recent(history: History) -> tuple[Process, Fitted]:
    """Maximise the likelihood of the window's purchases given those before it: of all purchases less that of the earlier ones.

    Such a difference need not have a maximum, so that slope and curvature are looked at where the search for it ended.
    """
    data = history.within_window
    objective = partial(bg_nbd, data=data)
    fitted = highest(objective, climb(objective, starts(data)).best)
    slope = objective(fitted.logarithms)[1]
    if fitted.diagnostics["rising_directions"] != 0 or slope @ fitted.covariance @ slope > _STILL_TO_GAIN:
        raise ModelError(reason="the conditional likelihood of the last window has no maximum")
    return BgNbd.of_logarithms(fitted.logarithms), fitted


def _mbg_nbd(history: History) -> tuple[Process, Fitted]:
    fitted = _fit(lambda of: partial(mbg_nbd, data=of), history.purchases)
    return MbgNbd.of_logarithms(fitted.logarithms), fitted


def _pareto_nbd(history: History) -> tuple[Process, Fitted]:
    fitted = fit_pareto_nbd(history.purchases)
    return ParetoNbd.of_logarithms(fitted.logarithms), fitted


def fit_pareto_nbd(data: Purchases) -> Fitted:
    """Fit r, alpha, s and beta; beta starts beside a tenth of the longest history, as alpha does."""
    beside = np.array([0.0, 0.0, 0.0, np.log(float(data.T.max()) / 10)])
    return _fit(lambda of: partial(pareto_nbd, data=of), data, beside)


def _fit(objective: Callable[[Purchases], Objective], data: Purchases, shift: Floats | float = 0.0) -> Fitted:
    few = thinned(data)
    return highest(objective(data), climb(objective(few), [start + shift for start in starts(few)]).best)


def _trend(history: History) -> tuple[Process, Fitted]:
    data, since = history.purchases, history.time_since_purchases
    plain = climb(partial(bg_nbd, data=data), starts(data)).best
    # Over the longest history rates have stayed, fallen to a third or trebled; in that unit the pace is of the size of the others.
    unit = 1 / float(data.T.max())

    def scaled(at: Floats) -> tuple[float, Floats]:
        value, gradient = trend(at * [1, 1, 1, 1, unit], data, since)
        return value, gradient * [1, 1, 1, 1, unit]

    found = climb(scaled, [np.append(plain, change) for change in (0.0, -1.0, 1.0)]).best
    fitted = highest(lambda at: trend(at, data, since), found * [1, 1, 1, 1, unit])
    return TrendBgNbd.of_logarithms(fitted.logarithms), fitted


def trend(logarithms: Floats, data: Purchases, since: float) -> tuple[float, Floats]:
    """Give ln L of BG/NBD with a trend and its gradient in (ln r, ln alpha, ln a, ln b, ln pace).

    With rates of lambda pace^(time from now), a purchase u ago has the density of BG/NBD on the clock at today's pace times pace^-u, so
    that ln L is BG/NBD's on that clock, less ln pace times the time since all repeat purchases.

    Parameters
    ----------
    since
        That sum of times, in the unit of ``data``.
    """

    def on_clock(log_pace: float) -> Purchases:
        process = TrendBgNbd(1.0, 1.0, 1.0, 1.0, np.exp(log_pace))
        elapsed = process.elapsed(data.T)
        return Purchases(data.x, np.minimum(process.seen(data.t_x, data.T), elapsed), elapsed, data.weight)

    def height(log_pace: float) -> float:
        return bg_nbd(logarithms[:4], on_clock(log_pace))[0] - log_pace * since

    value, gradient = bg_nbd(logarithms[:4], on_clock(logarithms[4]))
    slope = (height(logarithms[4] + _STEP_OF_PACE) - height(logarithms[4] - _STEP_OF_PACE)) / (2 * _STEP_OF_PACE)
    return value - float(logarithms[4]) * since, np.append(gradient, slope)


FITS: Mapping[str, Callable[[History], tuple[Process, Fitted]]] = {
    "bg_nbd_dropout_prior": _dropout_prior,
    "bg_nbd_recent": _recent,
    "mbg_nbd": _mbg_nbd,
    "pareto_nbd": _pareto_nbd,
    "bg_nbd_trend": _trend,
}
