"""Customers who buy as BG/NBD and Gamma-Gamma say: their transactions as a file, or what is known of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from funnelcast.families.clv.process.parameters import BgNbd, GammaGamma
from funnelcast.terms import AsOf

PAPER = BgNbd(0.243, 4.414, 0.793, 2.426)
"""CDNOW's, in weeks: most customers never come back."""
BUSY = BgNbd(1.3, 6.0, 0.7, 7.0)
"""About ten purchases a customer in three years."""
SPEND = GammaGamma(6.25, 3.74, 15.45)
AS_OF = AsOf.parse("2026-01-01", "UTC")

_DAYS = 3 * 365
_AT_ONCE = 200_000
_SOURCE = """[source]
name = "buyers{customers}"
currency = "EUR"
timezone = "UTC"
country = "FR"

[tables.transactions]
path = "transactions.parquet"
"""
Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


def known(customers: int, seed: int = 1) -> pd.DataFrame:
    """Draw frequency, recency and T in days and the mean value of repeats of customers seen for up to 78 weeks."""
    rng = np.random.default_rng(seed)
    age = rng.integers(7, 78 * 7 + 1, customers).astype(np.float64)
    frequency, recency = np.zeros(customers), np.zeros(customers)
    for buyer, days in _repeats(PAPER, age, rng):
        frequency[buyer] += 1
        recency[buyer] = np.minimum(np.ceil(days), age[buyer])
    values = np.maximum(frequency, 1)
    mean = rng.gamma(SPEND.p * values) / values * _worth(customers, rng)
    return pd.DataFrame({"frequency": frequency, "recency": recency, "T": age, "monetary_value": np.where(frequency > 0, mean, 0.0)})


def write(folder: Path, customers: int, seed: int = 1) -> Path:
    """Write some ten transactions a customer over three years, in order of time, and the source.toml beside them; gives the latter."""
    rng = np.random.default_rng(seed)
    drawn = [_transactions(start, min(_AT_ONCE, customers - start), rng) for start in range(0, customers, _AT_ONCE)]
    buyer, day, amount = (np.concatenate(column) for column in zip(*drawn, strict=True))
    order = np.argsort(day, kind="stable")
    when = np.datetime64(AS_OF.at, "us") - ((_DAYS - day[order]) * 86_400e6).astype("timedelta64[us]")
    names = pa.array([f"c{number:07d}" for number in range(customers)])
    columns = {"contact_id": names.take(pa.array(buyer[order])), "occurred_at": pa.array(when), "amount": pa.array(amount[order])}
    pq.write_table(pa.table(columns), folder / "transactions.parquet", row_group_size=122_880)  # as DuckDB writes them
    source = folder / "source.toml"
    source.write_text(_SOURCE.format(customers=customers))
    return source


def _transactions(start: int, customers: int, rng: np.random.Generator) -> tuple[Whole, Floats, Floats]:
    begun = rng.uniform(0, _DAYS, customers)
    everyone = np.arange(customers)
    bought = [(everyone, np.zeros(customers)), *_repeats(BUSY, _DAYS - begun, rng)]
    buyer, day = (np.concatenate(column) for column in zip(*bought, strict=True))
    amount = rng.gamma(SPEND.p, size=len(buyer)) * _worth(customers, rng)[buyer]
    return start + buyer, begun[buyer] + day, np.maximum(amount.round(2), 0.01)


def _worth(customers: int, rng: np.random.Generator) -> Floats:
    """Give the factor by which a customer's Gamma(p) amounts are money: v / Gamma(q)."""
    return np.asarray(SPEND.v / rng.gamma(SPEND.q, size=customers), dtype=np.float64)


def _repeats(process: BgNbd, age: Floats, rng: np.random.Generator) -> Iterator[tuple[Whole, Floats]]:
    """Give, purchase by purchase, which customers make it before their age in days, and how many days after their first."""
    rate = rng.gamma(process.r, 1 / process.alpha, len(age)) / 7
    chance = rng.beta(process.a, process.b, len(age))
    active, clock = np.arange(len(age)), np.zeros(len(age))
    while len(active):
        clock = clock + rng.exponential(1 / np.maximum(rate[active], 1e-12))
        buys = clock <= age[active]
        active, clock = active[buys], clock[buys]
        yield active, clock
        stays = rng.random(len(active)) > chance[active]
        active, clock = active[stays], clock[stays]
