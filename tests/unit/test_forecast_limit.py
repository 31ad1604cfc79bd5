"""The benchmark of the best possible forecast: its losses by hand, and a company of its own."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from benchmarks.forecast_coverage import origin_of
from benchmarks.forecast_limit import bias_table, futures, judged, loss_table, losses


def plain(table: Table) -> str:
    console = Console(file=io.StringIO(), width=150)
    with console.capture() as told:
        console.print(table)
    return told.get()


def test_losses_are_taken_against_what_came_and_what_might_have_come() -> None:
    # draws that are always 10 lose half of how far off they are, averaged over levels that lie evenly around one half
    found = losses("in total", {"model": np.full((5, 1), 10.0)}, np.array([[14.0]]), np.array([[10.0], [16.0]]))
    assert found == {"model in total came": pytest.approx(2.0), "model in total might": pytest.approx(1.5)}


def test_the_true_state_is_judged_beside_the_model() -> None:
    row = judged(1_000, 5, 20)
    rows = pd.DataFrame([row, row])
    true = futures(1_000, 5, origin_of(5), 26, 20)
    assert row["true state 13"] == pytest.approx(true[:, :13].sum(axis=1).mean())
    assert 0 < row["true state 4"] < row["true state 13"] < row["true state 26"]
    ratio = row["model by week might"] / row["stage_weighted by week might"]
    assert f"{ratio:.3f} ({ratio:.3f} to {ratio:.3f})" in plain(loss_table(rows))
    over = 100 * row["model 26"] / row["true state 26"] - 100
    assert f"{over:+.1f} ({over:+.1f} to {over:+.1f})" in plain(bias_table(rows))
