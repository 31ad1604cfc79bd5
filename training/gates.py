"""What is asked of a challenger beside its losses: that its facts are whole, that it can be rebuilt, and that it answers in time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from funnelcast.champions import About, Champion
from funnelcast.evaluate.calibration import log_odds
from funnelcast.evaluate.gate import Gate
from funnelcast.families.family import Development, Family, Model
from funnelcast.labels import LABEL
from funnelcast.spec import Spec
from funnelcast.terms import AsOf

LATENCY_MILLISECONDS = 250.0
"""Processor time for one row, where spec.toml sets no other; what answers takes more than a caller waits for is of no use."""
FEWEST_ROWS = 0.5
"""A challenger fitted on a smaller share of its champion's rows than this has lost facts."""
_SAMPLE = 50
_FEWEST_DATES = 3
_LARGEST_ODDS_RATIO = 4.0
_DEVIATIONS = 4.0
_REPEATS = 5
_NAMED = 5


def facts_gates(offered: About, champion: Champion | None, as_of: AsOf) -> Iterator[Gate]:
    """Hold the facts against those of the champion's training: columns that went or changed their type, and rows that went.

    Parameters
    ----------
    offered
        Where the challenger comes from.
    """
    if champion is None or as_of < AsOf.parse(champion.about.trained_as_of, as_of.timezone):
        return
    about = champion.about
    lost = [*_lost(about, offered), *_changed(about, offered)]
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    since = f"since the champion was trained ({about.trained_as_of[:10]})"
    reason = f"{since}: {', '.join(lost[:_NAMED])}{more}; if that is meant, promote with --force" if lost else f"nothing went {since}"
    yield Gate("schema", not lost, float(len(lost)), 0.0, safety=True, reason=reason, facts=True)
    if about.rows:
        share = offered.rows / about.rows
        rows = f"{offered.rows} rows, the champion's run had {about.rows}"
        yield Gate("facts_kept", share >= FEWEST_ROWS, share, FEWEST_ROWS, safety=True, reason=rows, facts=True)


def outcome_gate(development: Development) -> Iterator[Gate]:
    """Hold the newest dates' rate of outcomes against those of earlier dates: an export cut short makes everyone look gone.

    The change of the rate's log-odds may reach four times their standard deviation between earlier dates, or a factor of four in the odds.
    """
    earlier, newest = development.earlier, development.newest
    if LABEL not in earlier or LABEL not in newest or earlier["as_of"].nunique() < _FEWEST_DATES:
        return
    counted = earlier.groupby("as_of")[LABEL].agg(["sum", "size"])
    before = log_odds((counted["sum"].to_numpy(np.float64) + 0.5) / (counted["size"].to_numpy(np.float64) + 1))
    now = float(log_odds(np.array([(newest[LABEL].sum() + 0.5) / (len(newest) + 1)]))[0])
    allowed = max(np.log(_LARGEST_ODDS_RATIO), _DEVIATIONS * float(before.std(ddof=1)))
    moved = abs(now - float(before.mean()))
    rates = f"the outcome came in {newest[LABEL].mean():.1%} of the newest rows, in {earlier[LABEL].mean():.1%} of those before"
    yield Gate("outcome_rate", bool(moved <= allowed), moved, float(allowed), safety=True, reason=rates, facts=True)


def model_gates(spec: Spec, family: Family, development: Development) -> Iterator[Gate]:
    """See that what is registered gives what was judged: rebuilt from its files it predicts the same, and soon enough."""
    model = development.model
    rows = development.newest.head(_SAMPLE)[list(model.columns)] if len(development.newest) else None
    if rows is None:
        return
    apart = _apart(model.predict(rows), family.rebuild(model.files()).predict(rows))
    yield Gate("rebuilds", apart == 0, apart, 0.0, safety=True, reason="largest difference of any prediction after reading its files again")
    allowed = float(spec.gates.get("latency_ms", LATENCY_MILLISECONDS))
    taken = _milliseconds(model, rows.head(1))
    yield Gate("latency", taken <= allowed, taken, allowed, safety=True, reason="milliseconds of processor time for one row")


def _lost(before: About, now: About) -> list[str]:
    tables = [f"table {name} is gone" for name in before.brought if name not in now.brought]
    columns = [
        f"{table}.{column} is gone"
        for table, known in before.brought.items()
        if table in now.brought
        for column in known
        if column not in now.brought[table]
    ]
    return [*tables, *columns, *(f"attribute {name} is gone" for name in before.attributes if name not in now.attributes)]


def _changed(before: About, now: About) -> list[str]:
    both = ((name, kind, now.attributes[name]) for name, kind in before.attributes.items() if name in now.attributes)
    return [f"attribute {name} was a {was} and is a {kind}" for name, was, kind in both if was != kind]


def _apart(ours: pd.DataFrame, again: pd.DataFrame) -> float:
    numbers = ours.select_dtypes("number").columns
    if list(ours.columns) != list(again.columns) or not ours.drop(columns=numbers).equals(again.drop(columns=numbers)):
        return float("inf")
    mine, theirs = (rows[numbers].to_numpy(np.float64) for rows in (ours, again))
    if not (np.isnan(mine) == np.isnan(theirs)).all():
        return float("inf")
    return float(np.nanmax(np.abs(mine - theirs), initial=0.0))


def _milliseconds(model: Model, row: pd.DataFrame) -> float:
    taken = []
    for _ in range(_REPEATS):
        started = time.process_time()
        model.predict(row)
        taken.append(1000 * (time.process_time() - started))
    return float(np.median(taken))
