"""A sample of whom a champion answers for, at dates four weeks apart over two years: what it read, what it says, what came true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.champions import Champion
from funnelcast.cohorts import clocks
from funnelcast.errors import FunnelcastError
from funnelcast.families.deal_outcome.table import open_at
from funnelcast.families.family import Family
from funnelcast.families.registry import family_of
from funnelcast.families.scoring.family import ScoringFamily, given_label
from funnelcast.labels import KEYS, LABEL, matured
from funnelcast.monitor.drift import BLOCK_DAYS, BLOCKS
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf

SCORE = "score"
SCORES = ("probability", "p_win", "expected_days", "clv")
"""What a model says of a row, by the name that each kind of model gives it."""

_MOST_CONTACTS = 3_000
"""Ids that are looked up, of whom a half or less is in question on a day."""
_WHO = {
    "clv": ("transactions", "contact_id", 500),
    "payment_delay": ("invoices", "invoice_id", 2_000),
    "deal_outcome": ("deals", "deal_id", 2_000),
}
"""By kind of model, the table and key of its members, and how many are looked up; every customer has a value on any day."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of one model at each date.

    Parameters
    ----------
    rows
        The model's columns and ``score``, one row per member and date.
    block
        Which date each row stands at, 0 for the oldest, shape (rows,).
    outcomes, outcome_block
        What came true of those whose horizon is over, and which date they stood at; none for models whose outcome isn't yes or no.
    """

    rows: pd.DataFrame
    block: npt.NDArray[np.int64]
    outcomes: pd.Series
    outcome_block: npt.NDArray[np.int64]


def sample_of(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf) -> Sample | None:
    """Read the sample in one query; None where the facts or the kind of model don't allow it."""
    try:
        spec, family = read(settings.models, champion.about.model), family_of(champion.about.family)
        known = cut(facts, as_of)
        dates = [as_of.plus(-BLOCK_DAYS * back) for back in reversed(range(BLOCKS))]
        cohort = _cohort(known, spec, family, dates)
        if cohort is None:
            return None
        rows = family.candidates(known, spec, cohort, as_of).execute()
        outcomes = _outcomes(known, spec, family, cohort, as_of)
    except FunnelcastError:
        return None
    columns = list(champion.model.columns)
    said = champion.model.predict(rows[columns]) if len(rows) else pd.DataFrame(columns=SCORES)
    name = next(one for one in SCORES if one in said)
    return Sample(
        rows[columns].assign(**{SCORE: said[name].astype(np.float64)}), _blocks(rows, dates), outcomes[LABEL], _blocks(outcomes, dates)
    )


def _cohort(known: Facts, spec: Spec, family: Family, dates: Sequence[AsOf]) -> ir.Table | None:
    """Give whom to look up, and when; a model of whole paths reads nothing whose share could drift column by column."""
    if isinstance(family, ScoringFamily):
        if given_label(known, spec):
            return None  # nothing is dated
        table = "contacts" if known.has("contacts") else family.clock_table(known, spec)
        return family.cohort(known, spec, _chosen(known, table, "contact_id", _MOST_CONTACTS).cross_join(clocks(dates)))
    if family.name not in _WHO:
        return None
    table, key, most = _WHO[family.name]
    ids = _chosen(known, table, key, most)
    if family.name != "deal_outcome":
        return ids.cross_join(clocks(dates))
    deals = known.table(table).semi_join(ids, key)
    return open_at(known.with_tables({**known.tables, table: deals}, known.as_of), [date.at for date in dates])


def _chosen(known: Facts, table: str, key: str, most: int) -> ir.Table:
    """Take about ``most`` ids, the same ones at any date: those whose hash is small."""
    ids = known.table(table).select(key).distinct()
    share = most / max(int(ids.count().execute()), 1)
    return ids if share >= 1 else ids.filter(ids[key].hexdigest("md5") < f"{int(share * 16**8):08x}")


def _outcomes(known: Facts, spec: Spec, family: Family, cohort: ir.Table, as_of: AsOf) -> pd.DataFrame:
    """Read the outcomes of those whose horizon was over by as_of."""
    if not isinstance(family, ScoringFamily):
        return pd.DataFrame({"as_of": pd.Series(dtype="datetime64[us]"), LABEL: pd.Series(dtype=np.float64)})
    labelled = family.label(known, spec)(known, matured(cohort, spec.horizon_days, as_of), spec.horizon_days)
    found: pd.DataFrame = labelled.select(*KEYS, LABEL).execute()
    return found.astype({LABEL: np.float64})


def _blocks(rows: pd.DataFrame, dates: Sequence[AsOf]) -> npt.NDArray[np.int64]:
    at = pd.Index(pd.to_datetime([date.at for date in dates]).astype("datetime64[us]"))
    return np.asarray(at.get_indexer(rows["as_of"].astype("datetime64[us]")), np.int64)
