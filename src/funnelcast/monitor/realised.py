"""How right answers and forecasts were: what was expected beside what came, and how often bands held, each with its count.

What is said again of the same contact, or of the same week, isn't news. Intervals are those of n / (sum m^2 / n) answers, where m of the n
are about one contact (or week): as if those agreed perfectly, which they never do more than (Kish 1965, Survey Sampling, 8.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from funnelcast.evaluate.calibration import intercept_of, jeffreys, places
from funnelcast.evaluate.metrics import brier
from funnelcast.monitor.outcomes import JUDGED, REASONS
from funnelcast.monitor.words import of_forecasts, of_scores
from funnelcast.terms import Json

LEVEL = 0.90
"""Of the intervals about what came."""

BANDS: Mapping[int, tuple[str, str]] = {50: ("p25", "p75"), 80: ("p10", "p90"), 90: ("p05", "p95")}
"""The bands of a forecast, each by its bounds."""

Floats = npt.NDArray[np.float64]
_BINS = 10
_FEWEST_PER_BIN = 20


def of_versions(rows: pd.DataFrame, families: Mapping[str, str]) -> list[Json]:
    """Say of each model, version and horizon how many answers were given, what became of them, and how right they were.

    Parameters
    ----------
    rows
        Answers with their ``fate`` and ``outcome``.
    families
        By model: the outcomes of ``clv`` are counts, the others' 0 or 1.
    """
    groups = rows.groupby(["model", "version", "horizon_days"])
    return [{**_head(group), "version": int(group["version"].iloc[0]), **_fates(group), **_figures(group, families)} for _, group in groups]


def of_models(rows: pd.DataFrame, families: Mapping[str, str]) -> list[Json]:
    """Say the same of all versions of a model together, in words too: a champion is mostly younger than its horizon."""
    found: list[Json] = []
    for _, group in rows.groupby(["model", "horizon_days"]):
        versions: list[Json] = sorted(group.loc[group["fate"] == JUDGED, "version"].astype(int).unique().tolist())
        figures = {name: value for name, value in _figures(group, families).items() if name != "bins"}
        told = {**_head(group), "versions": versions, **_fates(group), **figures}
        found.append({**told, "text": of_scores(told, families.get(str(told["model"]), ""), LEVEL)})
    return found


def of_quantity(quantity: str, stored: int, judged: pd.DataFrame) -> dict[str, Json]:
    """Say how often the bands of one quantity's forecasts held, over all distances and at each.

    Parameters
    ----------
    stored
        How many periods were forecast.
    judged
        The weeks that are over, with ``start``, ``lead``, ``actual`` and the bands' bounds.
    """
    by_lead: list[Json] = [{"lead": int(weeks["lead"].iloc[0]), **_coverage(weeks)} for _, weeks in judged.groupby("lead")]
    found = {"quantity": quantity, "periods": stored, **_coverage(judged), "by_lead": by_lead}
    return {**found, "text": of_forecasts(found, LEVEL)}


def _head(group: pd.DataFrame) -> dict[str, Json]:
    return {"model": str(group["model"].iloc[0]), "horizon_days": float(group["horizon_days"].iloc[0])}


def _fates(group: pd.DataFrame) -> dict[str, Json]:
    counted = group["fate"].value_counts()
    return {"answers": len(group), **{reason: int(counted.get(reason, 0)) for reason in REASONS}}


def _figures(group: pd.DataFrame, families: Mapping[str, str]) -> dict[str, Json]:
    """Give what was expected and what came of the judged answers of one group; nothing where there are none."""
    judged = group[group["fate"] == JUDGED]
    if judged.empty:
        return {}
    counts = families.get(str(judged["model"].iloc[0])) == "clv"
    predicted, outcome = (judged[name].to_numpy(np.float64) for name in ("predicted", "outcome"))
    bins = [_bin(part, counts=counts) for _, part in judged.groupby(places(predicted, max(1, min(_BINS, len(judged) // _FEWEST_PER_BIN))))]
    told: dict[str, Json] = {"contacts": int(judged["contact_id"].nunique()), **_bin(judged, counts=counts)}
    told |= {"expected": float(predicted.sum()), "came": float(outcome.sum())}
    if not counts:
        intercept = intercept_of(outcome, predicted)
        told |= {"brier": brier(outcome, predicted), "calibration_intercept": intercept if np.isfinite(intercept) else None}
        told["bins_agreeing"] = sum(_agrees(one) for one in bins)
    return {**told, "bins": list(bins)}


def _bin(judged: pd.DataFrame, *, counts: bool) -> dict[str, Any]:
    """Give count, mean prediction and mean outcome with its interval, and the means of the bounds that the answers stated."""
    outcome = judged["outcome"].to_numpy(np.float64)
    contact = pd.factorize(judged["contact_id"])[0]
    low, high = _mean_interval(outcome, contact) if counts else _rate_interval(outcome, contact)
    told = {
        "count": len(judged),
        "predicted": float(judged["predicted"].mean()),
        "observed": float(outcome.mean()),
        "low": low,
        "high": high,
    }
    stated = judged[["low", "high"]].astype(np.float64).mean()
    return told if stated.isna().any() else {**told, "stated_low": float(stated["low"]), "stated_high": float(stated["high"])}


def _agrees(one: Mapping[str, Any]) -> bool:
    """Say whether the interval of what came meets the one that the answers stated: of a single probability no outcome can tell."""
    return bool(one["low"] <= one.get("stated_high", one["predicted"]) and one.get("stated_low", one["predicted"]) <= one["high"])


def _coverage(weeks: pd.DataFrame) -> dict[str, Json]:
    told: dict[str, Json] = {"judged": len(weeks), "weeks": int(weeks["start"].nunique())}
    if weeks.empty:
        return told
    actual, week = weeks["actual"].to_numpy(np.float64), pd.factorize(weeks["start"])[0]
    for level, (low, high) in BANDS.items():
        held = ((weeks[low].to_numpy() <= actual) & (actual <= weeks[high].to_numpy())).astype(np.float64)
        lowest, highest = _rate_interval(held, week)
        told[f"coverage_{level}"] = float(held.mean())
        told[f"coverage_{level}_interval"] = [lowest, highest]
    return told


def _rate_interval(outcome: Floats, cluster: npt.NDArray[np.int64]) -> tuple[float, float]:
    effect = _design_effect(cluster)
    low, high = jeffreys(np.array([outcome.sum() / effect]), np.array([outcome.size / effect]), LEVEL)
    return float(low[0]), float(high[0])


def _mean_interval(outcome: Floats, cluster: npt.NDArray[np.int64]) -> tuple[float, float]:
    half = float(ndtri((1 + LEVEL) / 2)) * float(outcome.std()) * np.sqrt(_design_effect(cluster) / outcome.size)
    return max(float(outcome.mean()) - half, 0.0), float(outcome.mean()) + half


def _design_effect(cluster: npt.NDArray[np.int64]) -> float:
    sizes = np.bincount(cluster)
    return float((sizes**2).sum() / cluster.size)
