"""How good the expected moves between channels are on simulated companies: `python -m benchmarks.channel_moves`.

Each company is judged at four dates of a year, a quarter apart, by a model fitted on earlier dates: the log-loss of where buyers buy next,
beside the shares of their present state alone; and how often the 90 % intervals of the table hold what came, with and without the shocks
that all customers share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table

from funnelcast.families.churn import FAMILY
from funnelcast.families.churn.channels import Moves, channel_state
from funnelcast.families.churn.model import ChurnModel
from funnelcast.families.churn.transitions import judged_moves
from funnelcast.families.scoring.rows import Dated, Rows, dated_rows
from funnelcast.labels import NEXT_STATE, STATES
from funnelcast.simulate import company
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]
_MODELS = Path(__file__).parent.parent / "models"
_COMPANIES, _CONTACTS = 6, 6_000
_DATES = ("2025-01-01", "2025-04-01", "2025-07-01", "2025-10-01")
_BUYING = STATES[:3]


def main() -> None:
    """Judge every company at every date, and print means."""
    spec = read(_MODELS, "churn")
    found = []
    for seed in range(_COMPANIES):
        facts = company(_CONTACTS, seed=seed).facts()
        found += [judge(rows_at(facts, spec, date), spec) for date in _DATES]
    table = Table("measure", "mean", title=f"{_COMPANIES} companies of {_CONTACTS:,} contacts at {len(_DATES)} dates")
    for name, value in pd.DataFrame(found).mean().items():
        table.add_row(str(name), f"{value:.3f}")
    Console(width=110).print(table)


def rows_at(facts: Facts, spec: Spec, date: str) -> Rows:
    """Give the rows of a development as of a date, the following quarter held out."""
    as_of = AsOf.parse(date, facts.source.timezone)
    dated = Dated(lambda cut, dates: FAMILY.cohort(cut, spec, list(dates)), FAMILY.label(facts, spec), FAMILY.clock_table(facts, spec))
    return dated_rows(facts, spec, as_of, dated)


def judge(rows: Rows, spec: Spec) -> dict[str, float]:
    """Fit on the earlier dates, and hold the newest one against it."""
    model = FAMILY.fit(rows.earlier, spec)
    if not isinstance(model, ChurnModel) or model.moves is None:
        message = "a simulated company sells on both sides"
        raise TypeError(message)
    alone = replace(model.moves, shocks=(0.0,) * len(STATES))
    buyers = rows.newest[rows.newest[NEXT_STATE].isin(_BUYING)]
    return {
        "log-loss of the next state of buyers, moves": _loss(model.moves.chances(buyers), buyers),
        "… shares of the present state alone": _loss(_shares_by_state(rows.earlier, buyers, spec.horizon_days), buyers),
        **{f"coverage of 90 %, {name}": value for name, value in _coverage(model, model.moves, rows.newest)},
        **{f"coverage of 90 % without shocks, {name}": value for name, value in _coverage(model, alone, rows.newest)},
    }


def _loss(chances: Floats, buyers: pd.DataFrame) -> float:
    came = pd.Categorical(buyers[NEXT_STATE], categories=list(_BUYING)).codes
    return float(-np.log(chances[np.arange(len(buyers)), came]).mean())


def _shares_by_state(earlier: pd.DataFrame, buyers: pd.DataFrame, horizon_days: int) -> Floats:
    bought = earlier[earlier[NEXT_STATE].isin(_BUYING)]
    counts = pd.crosstab(channel_state(bought, horizon_days), bought[NEXT_STATE])[list(_BUYING)]
    return counts.div(counts.sum(axis=1), axis=0).loc[channel_state(buyers, horizon_days)].to_numpy()


def _coverage(model: ChurnModel, moves: Moves, newest: pd.DataFrame) -> Iterator[tuple[str, float]]:
    judged: Any = judged_moves(model, moves, newest)
    cells = [cell for row in judged["table"] for cell in row["to"].values()]
    yield "states", _held(cells)
    yield "total", _held(list(judged["total"]["to"].values()))
    yield "channels of acquisition", _held(judged["churn_by_source_channel"])


def _held(cells: list[Any]) -> float:
    return float(np.mean([cell["low"] <= cell["observed"] <= cell["high"] for cell in cells]))


if __name__ == "__main__":
    main()
