"""Leads week by week: who was open at the start of a week, and who bought within it.

Rows a horizon apart see most touches only once they have faded. A week apart, every touch is seen fresh, just before the outcome that it
may have brought: a nested case-control sample (Borgan, Goldstein, Langholz 1995) of all conversions and some of the other leads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from funnelcast.cohorts import age_days
from funnelcast.families.lead_scoring.exposure import keys_of
from funnelcast.labels import KEYS, LABEL, conversion
from funnelcast.sources.as_of import cut, known_to
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

Cohort = Callable[[Facts, Sequence[AsOf]], ir.Table]
TENURE = "tenure"
_WEEK = 7
_MOST_WEEKS = 104
_CONTROLS = 8
_MOST_CONTACTS = 20_000


def weekly_rows(facts: Facts, cohort: Cohort, first: AsOf, until: AsOf, seed: int) -> pd.DataFrame:
    """Give each week's conversions and eight times as many other open leads, drawn at random.

    Parameters
    ----------
    first, until
        Weeks lie within [first, until), at most two years of them; nothing known at or after ``until`` is used.
    seed
        Of the draw: 20,000 contacts where there are more, and the rows without conversion.

    Returns
    -------
    contact_id, as_of (the start of the week), label, and tenure: the days since the lead was created; ordered by as_of and contact_id.
    """
    rng = np.random.default_rng(seed)
    known = _some(cut(facts, until), rng)
    dates = [date for date in (until.plus(-_WEEK * week) for week in range(1, _MOST_WEEKS + 1)) if date >= first]
    if not dates:
        return pd.DataFrame({"contact_id": [], "as_of": pd.to_datetime([]), LABEL: [], TENURE: []})
    asked = conversion(known, cohort(known, dates[::-1]), _WEEK)
    weeks = asked.select(*KEYS, LABEL).order_by("as_of", "contact_id").execute()
    rows = _cases_and_controls(weeks, rng)
    contacts = known_to(known, "contacts", keys_of(rows))
    tenure = contacts.select(*KEYS, **{TENURE: age_days(contacts.as_of, contacts.created_at).cast("float64")}).execute()
    return rows.merge(tenure.astype({"as_of": rows["as_of"].dtype}), on=KEYS, how="left")


def _cases_and_controls(weeks: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    converted = weeks[LABEL].to_numpy() == 1
    others = rng.permutation(np.flatnonzero(~converted))[: _CONTROLS * int(converted.sum())]
    kept: pd.DataFrame = weeks.iloc[np.sort(np.concatenate([np.flatnonzero(converted), others]))]
    return kept.reset_index(drop=True)


def _some(facts: Facts, rng: np.random.Generator) -> Facts:
    ids = facts.table("contacts").select("contact_id").distinct().order_by("contact_id").execute()
    if len(ids) <= _MOST_CONTACTS:
        return facts
    drawn = ibis.memtable(ids.iloc[np.sort(rng.permutation(len(ids))[:_MOST_CONTACTS])], schema={"contact_id": "string"})
    some = {name: table.semi_join(drawn, "contact_id") if "contact_id" in table.columns else table for name, table in facts.tables.items()}
    return facts.with_tables(some, facts.as_of)
