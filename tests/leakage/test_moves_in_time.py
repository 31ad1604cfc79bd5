"""Moves between channels know no future: neither the chances given at T, nor what was learned as of T."""

from __future__ import annotations

from functools import cache

import ibis
import numpy as np
import pandas as pd
from pandas.testing import assert_frame_equal

from funnelcast.families.churn import FAMILY
from funnelcast.families.churn.channels import NEXT_COLUMNS, channel_state, fit_moves
from funnelcast.families.churn.model import ChurnModel
from funnelcast.families.scoring.rows import Dated, Rows, dated_rows
from funnelcast.labels import NEXT_STATE
from tests.leakage.handmade import T, features_at, frames, known_before
from tests.unit.families.scoring_company import SPECS, earlier, facts, newest, rows_of

SPEC = SPECS["churn"]


@cache
def model() -> ChurnModel:
    found = FAMILY.fit(earlier(FAMILY), SPEC)
    assert isinstance(found, ChurnModel)
    assert found.moves is not None
    return found


def flipped_rows() -> Rows:
    """The rows of the same company, had everything from the newest date on been bought on the other side."""
    company = facts()
    assert company.observed_until is not None
    sales = company.table("transactions")
    later = sales.occurred_at >= ibis.literal(company.observed_until.plus(-90).at, type="timestamp")
    other = ibis.ifelse(later, ibis.ifelse(sales.channel == "web", "store", "web"), sales.channel)
    flipped = company.with_tables({**company.tables, "transactions": sales.mutate(channel=other)}, None)
    dated = Dated(lambda known, dates: FAMILY.cohort(known, SPEC, list(dates)), FAMILY.label(flipped, SPEC), "transactions")
    return dated_rows(flipped, SPEC, company.observed_until, dated)


def test_what_is_bought_after_as_of_changes_neither_rows_nor_moves_nor_chances() -> None:
    own, flipped = rows_of(FAMILY), flipped_rows()
    assert_frame_equal(flipped.earlier, own.earlier, check_exact=True)
    assert fit_moves(flipped.earlier, 90) == fit_moves(own.earlier, 90)
    columns = list(model().columns)
    assert_frame_equal(model().predict(flipped.newest[columns]), model().predict(own.newest[columns]), check_exact=True)
    assert (channel_state(flipped.newest, 90) == channel_state(own.newest, 90)).all()
    came = own.newest[NEXT_STATE].isin(["online", "offline"])
    assert (flipped.newest[NEXT_STATE] != own.newest[NEXT_STATE])[came].all()


def test_the_next_state_is_read_by_nothing() -> None:
    rows = newest(FAMILY)
    assert NEXT_STATE not in model().columns
    told = rows[[*model().columns, NEXT_STATE]]
    shuffled = told.assign(**{NEXT_STATE: np.random.default_rng(1).permutation(told[NEXT_STATE])})
    assert_frame_equal(model().predict(shuffled), model().predict(told), check_exact=True)


def test_shuffled_next_states_leave_nothing_to_learn() -> None:
    rows = earlier(FAMILY)
    buyers = rows[rows["label"] == 0]
    moves = fit_moves(buyers.assign(**{NEXT_STATE: np.random.default_rng(2).permutation(buyers[NEXT_STATE])}), 90)
    assert moves is not None
    judged = newest(FAMILY).query("label == 0")
    chances = pd.DataFrame(moves.chances(judged), index=judged.index, columns=list(NEXT_COLUMNS[:3]))
    came = np.column_stack([judged[NEXT_STATE] == name.removeprefix("next_") for name in NEXT_COLUMNS[:3]])
    shares = buyers[NEXT_STATE].value_counts(normalize=True)[["online", "offline", "both"]].to_numpy()
    gain = (np.log(chances.to_numpy()) - np.log(shares))[came].mean()
    assert gain < 0.02


def test_time_travel() -> None:
    tables = frames(7)
    truncated = known_before(tables, T)
    now, then = channel_state(features_at(tables), 90), channel_state(features_at(truncated), 90)
    pd.testing.assert_series_equal(now.loc[then.index], then)
    assert now.nunique() == 4
    late = tables["transactions"].iloc[[0]].assign(contact_id="c0", occurred_at=T.plus(-5).at, known_at=T.at, channel="web", amount=9.0)
    informed = {**tables, "transactions": pd.concat([tables["transactions"], late], ignore_index=True)}
    assert channel_state(features_at(informed), 90)["c0"] == now["c0"]
