"""How the gate's evidence looks: the challenger's loss beside the others', in all and by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from funnelcast.evaluate.gate import Losses, differences

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def differences_figure(losses: Losses, seed: int) -> Figure:
    """Draw the mean difference of losses with its 90 % interval; left of zero the challenger is better."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (a second that the service need not spend)

    found = list(differences(losses, seed))
    figure = Figure(figsize=(8, 1.2 + 0.35 * len(found)), layout="constrained")
    axes = figure.subplots()
    for place, (other, _, _, difference) in enumerate(reversed(found)):
        color = "tab:orange" if other == "champion" else "tab:blue"
        axes.plot([difference.low, difference.high], [place, place], color=color, linewidth=2)
        axes.plot([difference.mean], [place], "o", color=color)
    axes.axvline(0, color="grey", linewidth=1)
    names = [f"{channel or 'all'} beside the {other} ({rows} rows)" for other, channel, rows, _ in reversed(found)]
    axes.set_yticks(range(len(found)), names)
    axes.set_xlabel("challenger's mean loss less the other's, 90 % interval by paired bootstrap")
    axes.set_title("The newest fold: left of the line the challenger is better")
    return figure
