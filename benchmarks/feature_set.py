"""The whole feature set of a large company from its files, beside hand-written SQL and plain pandas for the very same columns."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import features_in_pandas
from benchmarks.large_company import AS_OF, TABLE_NAMES, draw, open_folder
from benchmarks.measure import Cost, Ready, Row, apart, gigabytes, seconds
from funnelcast import features
from funnelcast.cohorts import every_contact

TOUCHPOINTS, TRANSACTIONS = 20, 3
"""Per contact."""
_ROUNDS = 3  # of the two that take seconds; pandas runs in the first alone
_SQL = Path(__file__).parent / "features.sql"


def rows(contacts: int) -> Iterator[Row]:
    """Draw the company, run the contenders in turn, and hold their answers against each other."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        draw(folder, contacts, TOUCHPOINTS * contacts, TRANSACTIONS * contacts)
        own, hand, pandas = (partial(contender, folder) for contender in (by_funnelcast, by_hand, by_pandas))
        found: dict[Callable[[], Ready], list[Cost]] = {own: [], hand: [], pandas: []}
        for turn in range(_ROUNDS):
            for contender in (own, hand, pandas) if turn == 0 else (own, hand):
                found[contender].append(apart(contender, sample))
    name = f"feature set of {contacts:,} contacts, {TOUCHPOINTS * contacts:,} touchpoints"
    for other, contender in (("hand-written SQL", hand), ("pandas", pandas)):
        said = agreement(found[own][0].kept, found[contender][0].kept)
        yield seconds(name, other, found[own], found[contender], said)
        yield gigabytes("peak memory of that", other, found[own], found[contender], "a process each")


def by_funnelcast(folder: Path) -> Ready:
    """Build the expression, compile and run it."""
    facts = open_folder(folder)
    return lambda: features.build(facts, every_contact(facts, [AS_OF])).to_pyarrow()


def by_hand(folder: Path) -> Ready:
    """Run features.sql."""
    connection: Any = open_folder(folder).backend
    for name in TABLE_NAMES:
        connection.con.execute(f"create view {name} as from file_{name}")
    return lambda: connection.con.execute(_SQL.read_text(), {"as_of": AS_OF.at}).to_arrow_table()


def by_pandas(folder: Path) -> Ready:
    """Compute the columns as one would in a notebook."""
    return lambda: features_in_pandas.features(folder, pd.Timestamp(AS_OF.at)).reset_index()


def by_contact(found: pa.Table | pd.DataFrame) -> pd.DataFrame:
    """Give an answer of any contender as a frame in the order of the contacts."""
    frame = found.to_pandas() if isinstance(found, pa.Table) else found
    return frame.set_index(frame["contact_id"].astype(str)).drop(columns="contact_id").sort_index()


def sample(found: pa.Table | pd.DataFrame) -> pd.DataFrame:
    """Keep one contact in a hundred."""
    if isinstance(found, pa.Table):
        return by_contact(found.filter(pc.ends_with(found["contact_id"], "77")))
    return by_contact(found[found["contact_id"].astype(str).str.endswith("77")])


def differing(own: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    """Name the columns that differ: whole numbers must be equal, others within 1e-9 of each other."""
    if set(own) != set(other) or not own.index.equals(other.index):
        return sorted(set(own) ^ set(other)) or ["contact_id"]
    return [name for name in own if not _same(own[name], other[name])]


def agreement(own: pd.DataFrame, other: pd.DataFrame) -> str:
    """Say in how many columns a sample of both answers agrees."""
    return f"{own.shape[1] - len(differing(own, other))} of {own.shape[1]} columns agree on {len(own):,} contacts"


def _same(own: pd.Series, other: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(own.dtype):
        return own.equals(other.astype(own.dtype))
    mine, theirs = own.to_numpy(np.float64), other.to_numpy(np.float64, na_value=np.nan)
    whole = bool((mine[~np.isnan(mine)] % 1 == 0).all())
    return np.allclose(mine, theirs, rtol=0.0 if whole else 1e-9, atol=0.0 if whole else 1e-9, equal_nan=True)
