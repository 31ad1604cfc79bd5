"""What a run says of a scoring model beside its metrics: what it reads and leaves out, what moves it, and how it fares by segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.evaluate.calibration import intercept_of, slope_of
from funnelcast.evaluate.metrics import roc_auc
from funnelcast.families.scoring.model import ScoringModel
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
MOST_ROWS = 2_000
_FEWEST_IN_SEGMENT = 20  # of each outcome


def of_model(model: ScoringModel, rows: pd.DataFrame) -> dict[str, Json]:
    """Say which member is shipped, what it reads, what it leaves out and what moves it most, on a sample of the rows."""
    strength = contributions(model, rows).abs().mean()
    return {
        "member": model.member,
        "trees_weight": model.weight,
        "calibration": model.calibrator.method,
        "data_sufficiency": model.sufficiency,
        "columns": len(model.columns),
        "left_out": dict(model.read.left_out),
        "contributions": {str(name): round(float(value), 6) for name, value in strength.items()},
    }


def contributions(model: ScoringModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Give the contributions of a sample of the rows, the column that moves the score most first."""
    parts = model.contributions(rows.iloc[:MOST_ROWS][list(model.columns)]).parts
    return parts[parts.abs().mean().sort_values(ascending=False, kind="stable").index]


def ranks(model: ScoringModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Give each value's rank in its column, 0 to 1, for the columns that have an order; of the same sample."""
    sample = rows.iloc[:MOST_ROWS]
    values = pd.DataFrame(model.read.matrix(sample), columns=[column.source for column in model.read.encoded], index=sample.index)
    for column in model.read.encoded:
        if column.is_category:
            values[column.source] = np.nan
    return values.assign(**model.start.told(sample)).rank(pct=True)


def segments(segment: pd.Series | None, outcome: Floats, probability: Floats) -> list[Json]:
    """Judge the model segment by segment, the largest first, where both outcomes are there often enough to tell.

    Parameters
    ----------
    segment
        The rows' level; None where the company doesn't bring the column.
    outcome, probability
        Out of sample, shape (n,).
    """
    if segment is None:
        return []
    found: list[Json] = []
    for name, count in segment.value_counts().items():
        chosen = (segment == name).to_numpy()
        events = float(outcome[chosen].sum())
        if min(events, count - events) >= _FEWEST_IN_SEGMENT:
            own, said = outcome[chosen], probability[chosen]
            figures = {
                "roc_auc": roc_auc(own, said),
                "calibration_slope": slope_of(own, said),
                "calibration_intercept": intercept_of(own, said),
            }
            rates = {"observed": float(own.mean()), "predicted": float(said.mean())}
            found.append({"segment": str(name), "rows": int(count), "events": int(events), **rates, **_finite(figures)})
    return found


def sections(details: Mapping[str, Any]) -> tuple[str, ...]:
    """Write the account as sections of the run's card: no column is dropped silently."""
    return tuple(
        section
        for section in (
            _sufficiency(details["data_sufficiency"]),
            _table("What moves the score", ("column", "mean contribution, log-odds"), list(details["contributions"].items())[:15]),
            _table("By segment", _columns_of(details["segments"]), [tuple(row.values()) for row in details["segments"]]),
            _table(
                "Leak suspects", ("column", "action", "reason"), [(s["name"], s["action"], s["reason"]) for s in details["leak_suspects"]]
            ),
            _table("Left out", ("column", "reason"), list(details["left_out"].items())),
        )
        if section
    )


def _sufficiency(told: Mapping[str, Any]) -> str:
    return f"## How much it rests on\n\n{told['text_en']}"


def _columns_of(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(rows[0]) if rows else ()


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return ""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows]
    return f"## {title}\n\n" + "\n".join(lines)


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _finite(figures: Mapping[str, float]) -> dict[str, Json]:
    return {name: float(value) if np.isfinite(value) else None for name, value in figures.items()}
