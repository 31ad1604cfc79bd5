"""The bridge as a figure, drawn when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from funnelcast.families.lead_scoring.bridge import Bridge

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def bridge_figure(bridge: Bridge) -> Figure:
    """Draw the rule's points against the learned ones with their 90 % intervals; kinds with too few touches are pale."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (the service never draws: it needs no matplotlib)

    figure = Figure(figsize=(6, 1.5 + 0.4 * len(bridge.kinds)), layout="constrained")
    axes = figure.add_subplot()
    kinds = bridge.kinds[::-1]
    for place, one in enumerate(kinds):
        colour = "0.7" if one.too_few else "C0"
        axes.hlines(place, one.low, one.high, color=colour)
        axes.plot(one.learned, place, "o", color=colour)
    axes.plot([one.rule or 0.0 for one in kinds], range(len(kinds)), "x", color="C1", label="rule")
    axes.plot([], [], "o-", color="C0", label="learned, 90 % interval")
    axes.set_yticks(range(len(kinds)), [f"{one.kind} ({one.touches})" for one in kinds])
    fading = "nothing fades" if np.isinf(bridge.half_life) else f"half after {bridge.half_life:.0f} days"
    axes.set(xlabel="points of a fresh touch", title=f"Rule and learned points ({fading})")
    axes.legend(loc="lower right")
    return figure
