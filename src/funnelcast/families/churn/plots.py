"""The transition table as a heat map."""

from __future__ import annotations

from typing import Any

import numpy as np

from funnelcast.labels import STATES


def moves_figure(table: Any, horizon_days: int) -> Any:
    """Draw the expected share of each next state by present state, and the observed one in brackets."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (the service never draws: it needs no matplotlib)

    shares = np.array([[row["to"][state]["share"] for state in STATES] for row in table])
    figure = Figure(figsize=(6.5, 4.5), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, vmin=0.0, vmax=1.0, cmap="Blues", aspect="auto")
    for place, row in enumerate(table):
        for column, state in enumerate(STATES):
            cell = row["to"][state]
            text = f"{cell['share']:.0%} ({cell['observed']:.0%})"
            axes.text(column, place, text, ha="center", va="center", color="white" if cell["share"] > 0.5 else "black")
    axes.set_xticks(range(len(STATES)), STATES)
    axes.set_yticks(range(len(table)), [f"{row['from']} ({row['contacts']})" for row in table])
    axes.set(xlabel=f"the next {horizon_days} days", ylabel=f"the last {horizon_days} days", title="Moves: expected (observed)")
    figure.colorbar(image, label="expected share")
    return figure
