"""What the monitor's report draws: how far each column moved, and what a champion expected beside what came."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from funnelcast.monitor.drift import SMALLEST_EFFECT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 15
_STILL, _MOVED, _LINE = "#8fa8c3", "#c0392b", "#666666"


def plots(document: Mapping[str, Any]) -> dict[str, bytes]:
    """Draw the plots of a monitor's document, as PNG by their file names."""
    drift = {f"drift.{model}.png": _effects(changes) for model, changes in document["drift"].items() if changes}
    groups = {
        f"groups.{model}.png": _groups(told)
        for model, one in document.get("performance", {}).items()
        if (told := [*one["by_channel"], *one["by_segment"]])
    }
    return {name: _png(figure) for name, figure in {**drift, **groups}.items()}


def _effects(changes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the largest effects as bars, those that count in red, and the line below which none does."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (a second that a refresh need not spend)

    shown = [*changes[:_MOST]][::-1]
    figure = Figure(figsize=(7.5, 1.2 + 0.26 * len(shown)), layout="constrained")
    axes = figure.subplots()
    colors = [_MOVED if change["drifted"] else _STILL for change in shown]
    axes.barh(range(len(shown)), [change["effect"] for change in shown], color=colors)
    axes.axvline(SMALLEST_EFFECT, color=_LINE, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(shown)), [_plain(change["name"]) for change in shown])
    axes.set_xlim(0, max(0.2, *(1.1 * change["effect"] for change in shown)))
    axes.set_xlabel("effect · effet (0–1)")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _groups(told: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw what came of each group with its interval, and what was expected of it."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (as above)

    shown = [*sorted(told, key=lambda group: -group["rows"])[:_MOST]][::-1]
    figure = Figure(figsize=(7.5, 1.3 + 0.28 * len(shown)), layout="constrained")
    axes = figure.subplots()
    places = range(len(shown))
    for place, group in zip(places, shown, strict=True):
        color = _STILL if group["agrees"] else _MOVED
        if group["low"] is not None and group["high"] is not None:
            axes.plot([group["low"], group["high"]], [place, place], color=color, linewidth=3, alpha=0.6)
    axes.plot([group["observed"] for group in shown], places, "o", color="#222222", markersize=5, label="came · réalisé")
    axes.plot([group["expected"] for group in shown], places, "d", color="#1f6fb2", markersize=6, label="expected · attendu")
    axes.set_yticks(places, [_plain(f"{group['column']}: {group['name']} ({group['rows']})") for group in shown])
    axes.legend(loc="best", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _plain(name: str) -> str:
    """Give a name from the facts as it is: matplotlib reads what stands between two dollars as a formula."""
    short = name if len(name) <= 40 else f"{name[:39]}…"
    return short.replace("$", r"\$")


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    return content.getvalue()
