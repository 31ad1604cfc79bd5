"""Gather the view of sales from below: the model of CLV draws what known customers and newcomers buy again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.clv import FAMILY as CLV
from funnelcast.families.clv.first_values import FIRST_VALUE
from funnelcast.families.clv.groups import PurchaseModel
from funnelcast.families.clv.rows import read_by
from funnelcast.forecast.sales.bottom_up import DAYS, BottomUp, busy
from funnelcast.forecast.sales.fit import fit
from funnelcast.forecast.sales.history import History, histories, weekly
from funnelcast.forecast.sales.promotions import promotions
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]

WORLDS = 200
_NEWCOMERS = 1000
_RECENT_DAYS = 364
_FEWEST = 10


def bottom_up(facts: Facts, as_of: AsOf, model: PurchaseModel, spec: Spec, horizon_days: int, seed: int) -> BottomUp | None:
    """Draw purchases by customer and week; None where hardly anyone has bought yet.

    Newcomers are taken to be like those of the last year, without what these bought since. The model knows no season, so that its weeks
    are scaled by the company's.
    """
    known = cut(facts, as_of)
    rows = CLV.candidates(known, spec, None, as_of).order_by("contact_id").execute()
    recent = rows[rows["T"] < _RECENT_DAYS]
    first = _first_purchases(rows, as_of)
    if first is None or len(recent) < _FEWEST or recent[FIRST_VALUE].sum() <= 0:
        return None
    weeks = -(-horizon_days // DAYS)
    newcomers = recent.sample(min(len(recent), _NEWCOMERS), random_state=seed)
    again = _by_week(model, newcomers.assign(frequency=0.0, recency=0.0, T=0.0, monetary_value=0.0), weeks, seed)
    series = histories(facts, as_of, "week", "transactions")
    planned, country = promotions(known), facts.source.country
    return BottomUp(
        existing=_by_week(model, rows, weeks, seed).round(2),
        repeats=(again / newcomers[FIRST_VALUE].sum()).round(6),
        first=fit(first, weeks + 1, country, planned),
        season=busy(series, weeks, country, planned),
    )


def _first_purchases(rows: pd.DataFrame, as_of: AsOf) -> History | None:
    days = pd.Timestamp(as_of.at).normalize() - pd.to_timedelta(rows["T"] + 1, unit="D")
    return weekly("first purchases", pd.DataFrame({"day": days, "amount": rows[FIRST_VALUE]}), as_of)


def _by_week(model: PurchaseModel, rows: pd.DataFrame, weeks: int, seed: int) -> Floats:
    drawn = model.simulate(read_by(model.columns, rows), weeks * DAYS, WORLDS, seed).amounts
    return np.asarray(drawn.reshape(WORLDS, weeks, DAYS).sum(axis=2))
