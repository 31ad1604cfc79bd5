"""Predictions of any purchase process for customers with x repeat purchases, the last at age t_x, observed to age T.

All ages and horizons are in the unit of alpha.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from funnelcast.families.clv.process.distinct import distinct
from funnelcast.families.clv.process.parameters import Floats, Process


def p_alive(model: Process, x: Floats, t_x: Floats, T: Floats) -> Floats:
    """Give the probability that a customer hasn't dropped out by T.

    BG/NBD: P = 1 / (1 + [x > 0] a / (b + x - 1) ((alpha + T) / (alpha + t_x))^(r + x)); Hardie's note 21. There a customer can only drop
    out at a repeat purchase, so it is 1 for everyone who has bought once: it isn't a statement about churn.

    Parameters
    ----------
    x, t_x, T
        Broadcast together, and with the parameters where those are arrays; 0 <= t_x <= T.

    Returns
    -------
    Probabilities in [0, 1].
    """
    return np.asarray(expit(-model.log_odds_of_death(x, t_x, T)), dtype=np.float64)


def p_purchase(model: Process, x: Floats, t_x: Floats, T: Floats, t: float, alive: Floats | None = None) -> Floats:
    """Give the probability of at least one purchase in (T, T + t]: for BG/NBD P_alive (1 - ((alpha + T) / (alpha + T + t))^(r + x)).

    Parameters
    ----------
    alive
        ``p_alive`` of the same customers, where it is known already.
    """
    alive = p_alive(model, x, t_x, T) if alive is None else alive
    return np.asarray(alive * model.buys_while_alive(x, T, t), dtype=np.float64)


def expected_purchases(model: Process, x: Floats, t_x: Floats, T: Floats, t: float) -> Floats:
    """Give E[purchases in (T, T + t]] (for BG/NBD equation 10 of the paper), finite and right for all parameters and t."""

    def while_alive(x: Floats, T: Floats) -> Floats:
        return model.expected_while_alive(x, T, t)

    return np.asarray(p_alive(model, x, t_x, T) * _once(while_alive, x, T), dtype=np.float64)


def discounted_purchases(model: Process, x: Floats, t_x: Floats, T: Floats, t: float, *, delta: float) -> Floats:
    """Give the expected purchases in (T, T + t], each discounted by exp(-delta tau) at its own time tau."""

    def while_alive(x: Floats, T: Floats) -> Floats:
        return model.discounted_while_alive(x, T, t, delta=delta)

    return np.asarray(p_alive(model, x, t_x, T) * _once(while_alive, x, T), dtype=np.float64)


def discounted_by_month(model: Process, x: Floats, t_x: Floats, T: Floats, months: int, *, month: float, rate: float) -> Floats:
    """Give the expected purchases of the next whole months, each discounted from the end of its month.

    The sum over months i of (E_i - E_(i-1)) (1 + rate)^-i is the convention of the library lifetimes (``_customer_lifetime_value`` in its
    utils), where a month has 4.345 weeks or 30 days. ``discounted_purchases`` discounts each purchase by its own day instead.

    Parameters
    ----------
    months, month
        How many, and the length of one in the unit of alpha.
    rate
        Monthly, such as 0.01.
    """
    number = np.arange(1, months + 1)
    discounts = (1 + rate) ** -number.astype(np.float64)

    def while_alive(x: Floats, T: Floats) -> Floats:
        until = [model.expected_while_alive(x, T, end) for end in (number * month).tolist()]
        return np.asarray(discounts @ np.diff(until, axis=0, prepend=0.0), dtype=np.float64)

    return np.asarray(p_alive(model, x, t_x, T) * _once(while_alive, x, T), dtype=np.float64)


def _once(formula: Callable[[Floats, Floats], Floats], x: Floats, T: Floats) -> Floats:
    """Evaluate what depends on x and T alone once for each distinct pair: there are far fewer of them than customers."""
    x, T = np.broadcast_arrays(np.asarray(x, dtype=np.float64), T)
    first, place = distinct(x.ravel(), T.ravel())
    return formula(x.ravel()[first], T.ravel()[first])[place].reshape(x.shape)
