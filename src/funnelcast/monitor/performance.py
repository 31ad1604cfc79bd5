"""How well a champion does: what it expects of itself before labels mature, and what came of rows that it hadn't seen, in all and by group.

What is expected rests on the model's own probabilities: it is right where they are calibrated, and names itself as expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import entr, ndtri
from scipy.stats import norm

from funnelcast.errors import FunnelcastError
from funnelcast.evaluate.calibration import jeffreys
from funnelcast.evaluate.grouping import FEWEST_IN_GROUP, clusters
from funnelcast.evaluate.metrics import brier, classification, lift
from funnelcast.families.clv import development as clv
from funnelcast.families.family import Family, Model
from funnelcast.families.payment_delay.scoring import metrics as payment_metrics
from funnelcast.labels import LABEL
from funnelcast.monitor.drift import FALSE_DISCOVERY_RATE, benjamini_hochberg
from funnelcast.monitor.realised import LEVEL
from funnelcast.spec import Spec
from funnelcast.terms import Json

_UNKNOWN = "unknown"
SUMMED = ("expected_purchases", "expected_spend", "p_win", "p_paid")
_BEST = 0.10
_FOLDS = 5

Floats = npt.NDArray[np.float64]


def expected(predicted: pd.DataFrame) -> dict[str, Json]:
    """Say what a model expects of those in question now.

    Of probabilities p: the mean entropy (expected log loss), the mean of p (1 - p) (expected Brier score), the sum of p, the expected
    area under the ROC curve and the expected lift among the best tenth. Of others: the sums over the rows of what they expect.
    """
    rows: dict[str, Json] = {"rows": len(predicted)}
    if predicted.empty:
        return rows
    if "probability" not in predicted:
        return rows | {name: float(predicted[name].sum()) for name in SUMMED if name in predicted}
    p = predicted["probability"].to_numpy(np.float64)
    return rows | _finite(
        {
            "positives": float(p.sum()),
            "log_loss": float((entr(p) + entr(1 - p)).mean()),
            "brier": float((p * (1 - p)).mean()),
            "roc_auc": expected_auc(p),
            "lift_at_10pct": lift(p, p, _BEST),
        }
    )


def expected_auc(p: Floats) -> float:
    """Give the sum over pairs i, j of p_i (1 - p_j) [p_i > p_j], ties half, over that of p_i (1 - p_j): i positive, j negative, i not j.

    Not a number where no pair of a positive and a negative is to be expected.
    """
    _, level = np.unique(p, return_inverse=True)
    positive, negative = np.bincount(level, weights=p), np.bincount(level, weights=1 - p)
    itself = float((p * (1 - p)).sum())
    pairs = float(p.sum() * (1 - p).sum()) - itself
    below = np.cumsum(negative) - negative
    return float(positive @ (below + negative / 2) - itself / 2) / pairs if pairs > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class Unseen:
    """Rows whose outcome is known and that the champion hadn't seen.

    Parameters
    ----------
    spec
        What the model is: by it the field's simple rule is fitted.
    """

    family: Family
    spec: Spec
    model: Model
    rows: pd.DataFrame

    def figures(self) -> dict[str, Json]:
        """Give loss and skill with their standard errors, and the family's metrics."""
        loss, cluster = self.family.losses(self.model, self.rows), clusters(self.rows)
        told = {"loss": float(loss.mean()), "loss_se": standard_error(loss, cluster)}
        simple = self.simple()
        if simple is not None:
            ratio = float(loss.mean() / simple.mean())
            spread = standard_error(loss - ratio * simple, cluster) / float(simple.mean())  # of a ratio of means, by its linear part
            told |= {"baseline_loss": float(simple.mean()), "skill": 1 - ratio, "skill_se": spread}
        metrics = _METRICS.get(self.family.name)
        counted: dict[str, Json] = {"rows": len(self.rows), "clusters": int(np.unique(cluster).size)}
        return {**counted, **_finite(told), "metrics": _finite(metrics(self.model, self.rows)) if metrics else {}}

    def simple(self) -> Floats | None:
        """Give the loss of each row under the field's simple rule, fitted on the other rows; None where they are too few.

        Not on rows from before: where what drives outcomes changed, a rule from before is as wrong as the champion, and would make it look
        good. Deals, or contacts, are dealt to ``_FOLDS`` folds, and each fold is judged by what was fitted on the others.
        """
        place = np.unique(clusters(self.rows), return_inverse=True)[1]
        fold = np.random.default_rng(self.spec.seed).permutation(place.max(initial=0) + 1)[place] % _FOLDS
        found = np.full(len(self.rows), np.nan)
        try:
            for number in np.unique(fold):
                mine = fold == number
                found[mine] = self.family.losses(self.family.fit_baseline(self.rows[~mine], self.spec), self.rows[mine])
        except FunnelcastError:
            return None
        return found

    def by(self, columns: Sequence[str]) -> list[Json]:
        """Hold what was expected against what came, group by group of each column, where a group has 30 rows or more.

        The test is of calibration in the large: the sum of outcome - expected over its standard deviation, against a normal; all groups
        of these columns together keep the false discovery rate (Benjamini and Hochberg 1995).
        """
        sides = _SIDES.get(self.family.name)
        if sides is None:
            return []
        # a week of a deal stands once for each lead; seen from its own beginning it stands once
        rows = self.rows[self.rows["lead_weeks"] == 0] if "lead_weeks" in self.rows else self.rows
        said, came = sides(self.model, rows)
        weight = rows["weight"].to_numpy(np.float64) if "weight" in rows else np.ones(len(rows))
        table = pd.DataFrame({"said": said, "came": came, "loss": self.family.losses(self.model, rows), "weight": weight})
        found = [
            {
                "column": column,
                "name": _named(name),
                **_group(part, counts=self.family.name == "clv"),
            }
            for column in columns
            if column in rows
            for name, part in table.groupby(rows[column].to_numpy(), dropna=False)
            if len(part) >= FEWEST_IN_GROUP
        ]
        adjusted = benjamini_hochberg(np.array([one["p_value"] for one in found], dtype=np.float64))
        return [
            {**one, "q_value": float(q_value), "agrees": bool(q_value > FALSE_DISCOVERY_RATE)}
            for one, q_value in zip(found, adjusted, strict=True)
        ]


def standard_error(values: Floats, cluster: npt.NDArray[np.int64]) -> float:
    """Give the standard error of a mean where rows of one cluster depend on each other; not a number for a single cluster.

    sqrt(C / (C - 1) * sum over clusters of (sum of x - mean)^2) / n (Liang and Zeger 1986, Biometrika 73, with the usual correction).
    """
    sums = np.bincount(np.unique(cluster, return_inverse=True)[1], weights=values - values.mean())
    count = sums.size
    return float(np.sqrt(count / (count - 1) * (sums**2).sum()) / values.size) if count > 1 else float("nan")


def _named(name: Any) -> str:
    if pd.isna(name):
        return _UNKNOWN
    return f"{name:g}" if isinstance(name, float) else str(name)


def _group(part: pd.DataFrame, *, counts: bool) -> dict[str, Any]:
    said, came, weight = (part[name].to_numpy(np.float64) for name in ("said", "came", "weight"))
    gap = weight * (came - said)
    variance = float((gap**2).sum() if counts else (weight**2 * said * (1 - said)).sum())
    low, high = _interval_of_mean(came) if counts else _interval_of_rate(came, weight)
    return {
        "rows": len(part),
        "expected": float(np.average(said, weights=weight)),
        "observed": float(np.average(came, weights=weight)),
        "low": low,
        "high": high,
        "loss": float(part["loss"].mean()),
        "p_value": float(2 * norm.sf(abs(gap.sum()) / np.sqrt(variance))) if variance > 0 else 1.0,
    }


def _interval_of_rate(came: Floats, weight: Floats) -> tuple[float, float]:
    low, high = jeffreys(np.array([came @ weight]), np.array([weight.sum()]), LEVEL)
    return float(low[0]), float(high[0])


def _interval_of_mean(came: Floats) -> tuple[float, float]:
    half = float(ndtri((1 + LEVEL) / 2)) * float(came.std()) / np.sqrt(came.size)
    return max(float(came.mean()) - half, 0.0), float(came.mean()) + half


def _probability(model: Model, rows: pd.DataFrame) -> Floats:
    return model.predict(rows[list(model.columns)])["probability"].to_numpy(np.float64)


def _scored(model: Model, rows: pd.DataFrame) -> tuple[Floats, Floats]:
    return _probability(model, rows), rows[LABEL].to_numpy(np.float64)


def _journeys(model: Model, rows: pd.DataFrame) -> tuple[Floats, Floats]:
    return _probability(model, rows), rows["conversions"].to_numpy(np.float64)


def _bought(model: Any, rows: pd.DataFrame) -> tuple[Floats, Floats]:
    return clv.expected_in_holdout(model, rows)[:2]


def _won(model: Any, rows: pd.DataFrame) -> tuple[Floats, Floats]:
    hazards = model.hazards(rows, rows["lead_weeks"].to_numpy(np.float64))
    return hazards[:, 0], (rows["outcome"] == "won").to_numpy().astype(np.float64)


def _of_journeys(model: Model, rows: pd.DataFrame) -> dict[str, float]:
    said, came = _journeys(model, rows)
    return {"brier": brier(came, said), "mean_predicted": float(said.mean()), "observed_rate": float(came.mean())}


_SIDES: Mapping[str, Callable[[Any, pd.DataFrame], tuple[Floats, Floats]]] = {
    "churn": _scored,
    "lead_scoring": _scored,
    "attribution": _journeys,
    "clv": _bought,
    "deal_outcome": _won,
}
"""What was expected of each row beside what came, by family; a payment that is still open has no outcome to be held against."""

_METRICS: Mapping[str, Callable[[Any, pd.DataFrame], Mapping[str, float]]] = {
    "churn": lambda model, rows: classification(*reversed(_scored(model, rows))),
    "lead_scoring": lambda model, rows: classification(*reversed(_scored(model, rows))),
    "attribution": _of_journeys,
    "clv": clv.metrics_of,
    "payment_delay": payment_metrics,
}


def _finite(figures: Mapping[str, float]) -> dict[str, Json]:
    return dict(_pairs(figures))


def _pairs(figures: Mapping[str, float]) -> Iterator[tuple[str, Json]]:
    for name, value in figures.items():
        yield name, float(value) if np.isfinite(value) else None
