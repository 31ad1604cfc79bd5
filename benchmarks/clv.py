"""BG/NBD and lifetime value on simulated customers, in weeks: beside lifetimes on the raw rows."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import clv_company
from benchmarks.clv_company import PAPER, SPEND
from benchmarks.large_company import connect
from benchmarks.measure import Ready, Row, apart, gigabytes, in_turn, seconds
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.model import ClvModel
from funnelcast.families.clv.process.distinct import distinct
from funnelcast.families.clv.process.fitting import fit_bg_nbd
from funnelcast.families.clv.process.likelihood import bg_nbd
from funnelcast.families.clv.process.parameters import Floats
from funnelcast.families.clv.process.predictions import discounted_by_month, discounted_purchases
from funnelcast.families.clv.summary import compress, compress_purchases, purchases_of
from funnelcast.families.clv.terms import Terms

_ROUNDS = 3
_DAYS_PER_WEEK = 7.0
_MONTHS, _MONTH, _RATE = 12, 4.345, 0.01  # lifetimes' year of weeks
_DEVIATIONS = np.array([0.01, 0.015, 0.03, 0.04])  # of the logarithms, as a fit would give


def rows(customers: int) -> Iterator[Row]:
    """Fit on all customers at once, then value them."""
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "customers.parquet"
        frame = clv_company.known(customers)
        frame.to_parquet(file, index=False)
        yield from _fits(file, frame)
    yield from _values(frame)


def fit_by_funnelcast(file: Path) -> Ready:
    """Compress in the engine and fit, as training does; the import of lifetimes, which judges the fit, is timed on neither side."""
    with warnings.catch_warnings():
        import lifetimes  # noqa: F401, PLC0415 (it changes warning filters when imported)

    table = connect().read_parquet(file)

    def run() -> Floats:
        process, _ = fit_bg_nbd(compress_purchases(table, _DAYS_PER_WEEK))
        return process.logarithms()

    return run


def fit_by_lifetimes(file: Path) -> Ready:
    """Fit on one row per customer."""
    with warnings.catch_warnings():
        from lifetimes import BetaGeoFitter  # noqa: PLC0415 (it changes warning filters when imported)

    warnings.simplefilter("ignore")
    frame = pd.read_parquet(file)
    given = frame["frequency"], frame["recency"] / _DAYS_PER_WEEK, frame["T"] / _DAYS_PER_WEEK
    return lambda: np.log(BetaGeoFitter().fit(*given).params_[["r", "alpha", "a", "b"]].to_numpy())


def value_by_funnelcast(frame: pd.DataFrame, *, by_month: bool) -> Floats:
    """Give the discounted value of a year at the paper's parameters: each purchase by its own day, or by lifetimes' months."""
    x, t_x, T, m = _columns(frame)
    worth = SpendModel(0.0, SPEND).expected(x, m)
    if by_month:
        return discounted_by_month(PAPER, x, t_x, T, _MONTHS, month=_MONTH, rate=_RATE) * worth
    return discounted_purchases(PAPER, x, t_x, T, _MONTHS * _MONTH, delta=np.log1p(_RATE) / _MONTH) * worth


def value_by_lifetimes(frame: pd.DataFrame) -> Ready:
    """Give the same by months, at the same parameters."""
    from lifetimes import BetaGeoFitter, GammaGammaFitter  # noqa: PLC0415 (it changes warning filters when imported)

    warnings.simplefilter("ignore")
    purchases, spend = BetaGeoFitter(), GammaGammaFitter()
    purchases.params_, spend.params_ = pd.Series(PAPER.document()), pd.Series(SPEND.document())
    purchases.predict = purchases.conditional_expected_number_of_purchases_up_to_time
    given = [pd.Series(column) for column in _columns(frame)]
    return lambda: spend.customer_lifetime_value(purchases, *given, time=_MONTHS, discount_rate=_RATE, freq="W").to_numpy()


def _fits(file: Path, frame: pd.DataFrame) -> Iterator[Row]:
    own, theirs = [], []
    for _ in range(_ROUNDS):
        own.append(apart(partial(fit_by_funnelcast, file), np.asarray))
        theirs.append(apart(partial(fit_by_lifetimes, file), np.asarray))
    compressed = purchases_of(compress(frame, "frequency", "recency", "T"), _DAYS_PER_WEEK)
    mine, others = (bg_nbd(costs[0].kept, compressed)[0] for costs in (own, theirs))
    said = f"{len(compressed.x):,} distinct rows; ln L {mine:.3f}, {(mine - others) / abs(others):+.0e} of it above theirs"
    yield seconds(f"BG/NBD fit on {len(frame):,} customers", "lifetimes on the raw rows", own, theirs, said)
    yield gigabytes("peak memory of that", "lifetimes", own, theirs, "a process each")


def _values(frame: pd.DataFrame) -> Iterator[Row]:
    model = ClvModel(PAPER, np.diag(_DEVIATIONS**2), SpendModel(0.0, SPEND, np.eye(3) * 1e-4), Terms())
    by_day, by_month = (partial(value_by_funnelcast, frame, by_month=by_month) for by_month in (False, True))
    theirs = value_by_lifetimes(frame)
    gap = _largest_gap(by_month(), theirs())
    *own, others = in_turn(by_day, by_month, partial(model.predict, frame), theirs, turns=_ROUNDS)
    x, _, T, _ = _columns(frame)
    said = f"{len(x[distinct(x, T)[0]]):,} distinct (x, T)", f"within {gap:.0e} of each other", f"with {model.terms.draws} futures each"
    names = f"12-month CLV of {len(frame):,} customers", "that by lifetimes' months", "all predictions and p10, p90 of the CLV"
    yield from (seconds(name, "lifetimes' CLV", costs, others, text) for name, costs, text in zip(names, own, said, strict=True))


def _columns(frame: pd.DataFrame) -> tuple[Floats, Floats, Floats, Floats]:
    x, t_x, T, m = (frame[name].to_numpy() for name in ("frequency", "recency", "T", "monetary_value"))
    return x, t_x / _DAYS_PER_WEEK, T / _DAYS_PER_WEEK, m


def _largest_gap(own: Any, theirs: Any) -> float:
    return float(np.max(np.abs(own / theirs - 1)))
