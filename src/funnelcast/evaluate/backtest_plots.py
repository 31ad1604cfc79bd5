"""Figures of a back-test: what was expected beside what came, whether it came as often as said, and the loss beside the baselines'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from funnelcast.evaluate.backtest import Outcome, of_baseline, totals
from funnelcast.evaluate.quantiles import mean_pinball, pit

_BINS, _WHOLE = 10, 100
_SHADES = (("p05 to p95", 0.05, 0.95, 0.15), ("p10 to p90", 0.1, 0.9, 0.25), ("p25 to p75", 0.25, 0.75, 0.35))


def fan(outcomes: Sequence[Outcome], quantity: str, currency: str) -> Figure:
    """Draw each origin's quantiles and what came, period by period."""
    figure, axes = _axes((9, 4))
    for place, one in enumerate(outcomes):
        # a period is drawn over its whole span, so that origins with a single one show too
        edges = [period.start for period in one.periods] + [one.periods[-1].end]
        for name, low, high, alpha in _SHADES:
            below, above = (np.append(quantile, quantile[-1]) for quantile in np.quantile(one.draws, [low, high], axis=0))
            label = None if place else name
            axes.fill_between(edges, below, above, step="post", color="tab:blue", alpha=alpha, linewidth=0, label=label)
        axes.stairs(np.median(one.draws, axis=0), edges, color="tab:blue", label=None if place else "p50", baseline=None)
        middles = [period.start + (period.end - period.start) / 2 for period in one.periods]
        axes.plot(middles, one.actual, "o", color="black", markersize=3, label=None if place else "came")
        axes.axvline(one.origin.at, color="grey", linewidth=0.6, linestyle=":")
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set(ylabel=f"{currency} per week", title=f"{quantity}: {len(outcomes)} origins (dotted), forecast and what came")
    axes.legend(fontsize="small", ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    return figure


def pit_histogram(outcomes: Sequence[Outcome], quantity: str) -> Figure:
    """Draw where what came lay among the draws, by tenth of their distribution: flat where the forecast says how sure it is."""
    values = np.concatenate([pit(one.actual, one.draws, seed=place) for place, one in enumerate(outcomes)])
    figure, axes = _axes((6, 4))
    axes.hist(values, bins=_BINS, range=(0.0, 1.0), color="tab:blue", alpha=0.6, edgecolor="white")
    axes.axhline(len(values) / _BINS, color="black", linewidth=1, label="if calibrated")
    axes.set(xlabel="share of draws below what came (PIT)", ylabel="periods", title=f"{quantity}: {len(values)} periods")
    axes.legend(fontsize="small")
    return figure


def pinball_by_method(outcomes: Sequence[Outcome], quantity: str, currency: str) -> Figure:
    """Draw the mean pinball loss of the forecast and of each baseline, per period and in total."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, name, judged in zip(figure.subplots(1, 2), ("per week", "in total"), (outcomes, totals(outcomes)), strict=True):
        methods = {"forecast": judged, **{baseline: of_baseline(judged, baseline) for baseline in judged[0].baselines}}
        losses = {method: np.mean([mean_pinball(one.actual, one.draws) for one in found]) for method, found in methods.items()}
        bars = axes.barh(list(losses), list(losses.values()), color=["tab:blue", *["lightgrey"] * (len(losses) - 1)])
        axes.bar_label(bars, [f"{loss:,.0f}" if loss >= _WHOLE else f"{loss:.3g}" for loss in losses.values()], padding=3, fontsize="small")
        axes.margins(x=0.25)
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set(xlabel=f"mean pinball loss, {currency}", title=f"{quantity} {name}")
    return figure


def _axes(size: tuple[float, float]) -> tuple[Figure, Any]:
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()
