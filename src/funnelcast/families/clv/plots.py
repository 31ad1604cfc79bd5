"""How the fit looks: purchase counts, purchases over time, who is alive, the ranking, and the segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from funnelcast.families.clv.holdout import deciles as tenths
from funnelcast.families.clv.process.parameters import Floats
from funnelcast.families.clv.process.predictions import p_alive
from funnelcast.families.clv.weekly import parts

if TYPE_CHECKING:
    from funnelcast.families.clv.groups import PurchaseModel
    from funnelcast.families.clv.model import ClvModel

_MOST_COUNTS = 8
_POINTS = 60
_ACTUAL, _MODEL, _QUIET = "#444444", "#1f77b4", "#999999"


def frequency(model: PurchaseModel, rows: pd.DataFrame) -> Any:
    """Draw how many customers had 0, 1, 2 … repeat purchases by their age, and how many the model expects."""
    counted = np.bincount(np.minimum(rows["frequency"], _MOST_COUNTS).astype(np.int64), minlength=_MOST_COUNTS + 1)
    expected = np.sum([_expected_counts(part, customers) for part, customers in parts(model, rows)], axis=0)
    figure, axes = _axes("Repeat purchases before the hold-out", "repeat purchases", "customers")
    _paired(axes, np.arange(_MOST_COUNTS + 1), counted, expected)
    axes.set_xticks(np.arange(_MOST_COUNTS + 1), [*(str(count) for count in range(_MOST_COUNTS)), f"{_MOST_COUNTS}+"])
    return figure


def _expected_counts(model: ClvModel, customers: pd.DataFrame) -> Floats:
    T = customers["T"].to_numpy(dtype=np.float64) / model.terms.days_per_unit
    ages, place = np.unique(T, return_inverse=True)
    weight = np.bincount(place, weights=customers["weight"])
    new = np.zeros(len(ages))
    survivals = model.process.today.survival_of_counts(new, new, model.process.seen(ages, ages))
    stay = weight * p_alive(model.process, new, new, new)
    more = [float(stay @ next(survivals)) for _ in range(_MOST_COUNTS)]
    return -np.diff([float(weight.sum()), *more, 0.0])


def tracking(weeks: pd.DataFrame, *, cumulative: bool) -> Any:
    """Draw the repeat purchases of the customers known at the cut, week by week or summed, against the model's."""
    title = "Repeat purchases, cumulative" if cumulative else "Repeat purchases per week"
    figure, axes = _axes(title, "weeks from the cut", "purchases")
    drawn = weeks.cumsum().assign(week=weeks["week"]) if cumulative else weeks
    ends = drawn["week"] + 1
    axes.plot(ends, drawn["actual"], color=_ACTUAL, lw=1.2, label="actual")
    axes.plot(ends, drawn["model"], color=_MODEL, lw=2, label="model")
    axes.axvline(0, color=_QUIET, ls="--", lw=1)
    top = axes.get_ylim()[1]
    axes.set_ylim(0, top)
    axes.annotate("hold-out", (0, top), xytext=(5, -5), textcoords="offset points", va="top", color=_QUIET)
    axes.legend(loc="lower right" if cumulative else "best", frameon=False)
    return figure


def alive(model: PurchaseModel, rows: pd.DataFrame) -> Any:
    """Draw P(alive) over frequency and recency, at the longest age among the customers."""
    T = float(rows["T"].max())
    most = float(np.ceil(max(np.quantile(rows["frequency"], 0.995), 5.0)))
    x, t_x = np.meshgrid(np.arange(most + 1), np.linspace(0, T, _POINTS))
    unit = model.terms.days_per_unit
    matrix = p_alive(model.process, x, t_x / unit, np.full_like(x, T / unit))
    # nobody who has bought only once has a recency, and purchases are a day apart
    matrix = np.where((x == 0) | (t_x < x), np.nan, matrix)
    figure, axes = _axes(f"P(alive) of customers who came {T:.0f} days ago", "repeat purchases", "days from the first to the last purchase")
    image = axes.imshow(matrix, origin="lower", aspect="auto", extent=(-0.5, most + 0.5, 0, T), vmin=0, vmax=1, cmap="viridis")
    axes.set_xlim(0.5, most + 0.5)
    axes.set_xticks(np.arange(1, most + 1, np.ceil(most / 15)))
    axes.grid(visible=False)
    figure.colorbar(image, label="P(alive)")
    return figure


def deciles(predicted: Floats, actual: Floats) -> Any:
    """Draw the mean purchases of each tenth of the customers, in the order of the prediction."""
    rows = tenths(predicted, actual)
    figure, axes = _axes("Purchases in the hold-out by tenth of the customers", "tenth by prediction, best first", "mean purchases")
    place = np.array([row["decile"] for row in rows])
    _paired(axes, place, [row["actual"] for row in rows], [row["predicted"] for row in rows])
    axes.set_xticks(place)
    return figure


def pit(found: Mapping[str, Any]) -> Any:
    """Draw the shares of the randomised PIT of single customers by tenth, and where 99 of 100 would lie if predictions were right."""
    shares = np.array(found["bins"])
    even = 1 / len(shares)
    width = 2.58 * np.sqrt(even * (1 - even) / found["customers"])
    figure, axes = _axes("Where customers' purchases lie within their predictions", "randomised PIT", "share of customers")
    axes.bar((np.arange(len(shares)) + 0.5) * even, shares, 0.9 * even, color=_QUIET, label="hold-out")
    axes.axhspan(even - width, even + width, color=_MODEL, alpha=0.4, label="right predictions, 99 of 100")
    axes.set_ylim(0, 1.3 * max(shares.max(), even + width))
    axes.legend(frameon=False, loc="upper center", ncols=2)
    return figure


def segments(document: Mapping[str, Any]) -> Any:
    """Draw the mean CLV of each segment with its 80 % interval, table by table."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (takes half a second that the service need not spend)

    tables = list(document["tables"].values())
    sizes = [len(found["segments"]) for found in tables]
    figure = Figure(figsize=(8, 1.2 + 0.34 * sum(sizes) + 0.7 * len(sizes)), layout="constrained")
    figure.suptitle(f"CLV over {document['horizon_days']:.0f} days per customer: mean and 80 % interval (dashed: of all)")
    panels = np.atleast_1d(figure.subplots(max(len(sizes), 1), 1, sharex=True, height_ratios=sizes or [1]))
    for axes, found in zip(panels, tables, strict=False):
        _errorbars(axes, found["title"]["en"], found["segments"], document["total"]["mean_clv"])
    return figure


def _errorbars(axes: Any, title: str, rows: list[Mapping[str, Any]], overall: float) -> None:
    place = np.arange(len(rows))[::-1]
    mean, low, high = (np.array([row[name] for row in rows]) for name in ("mean_clv", "mean_p10", "mean_p90"))
    axes.axvline(overall, color=_QUIET, ls="--", lw=1)
    axes.errorbar(mean, place, xerr=np.abs([mean - low, high - mean]), fmt="o", color=_MODEL, ecolor=_MODEL, capsize=3)
    axes.set_yticks(place, [f"{row['label']['en']}  ({row['customers']:,})" for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_title(title, loc="left", fontsize="medium")
    _quiet(axes)


def _paired(axes: Any, place: Any, actual: Any, expected: Any) -> None:
    axes.bar(place - 0.2, actual, 0.4, label="actual", color=_ACTUAL)
    axes.bar(place + 0.2, expected, 0.4, label="model", color=_MODEL)
    axes.legend(frameon=False)


def _axes(title: str, across: str, up: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415 (takes half a second that the service need not spend)

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=across, ylabel=up)
    _quiet(axes)
    return figure, axes


def _quiet(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
