"""The folds on which members are chosen and calibrated: later dates judge earlier ones, or groups of contacts where there is no time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.labels import KEYS, LABEL
from funnelcast.spec import Spec
from funnelcast.splits import Fold, duplicate_groups, group_folds, time_folds

_FEWEST_POSITIVES = 10


def inner_folds(rows: pd.DataFrame, spec: Spec) -> tuple[Fold, ...]:
    """Fold the rows by time where at least one date can judge what was mature before it, else by contact."""
    gap = int(spec.folds.get("gap_days", spec.label.get("horizon_days", 0)))
    folds: tuple[Fold, ...] = ()
    if "as_of" in rows and rows["as_of"].notna().all() and rows["as_of"].nunique() > 1:
        folds = time_folds(rows["as_of"], gap, int(spec.folds.get("count", 3)))
    outcome = rows[LABEL].to_numpy(np.float64)
    usable = tuple(fold for fold in folds if _has_both(outcome[fold.fit]) and _has_both(outcome[fold.judge]))
    return usable or contact_folds(rows, int(spec.folds.get("inner", 4)), spec.seed)


def contact_folds(rows: pd.DataFrame, count: int, seed: int) -> tuple[Fold, ...]:
    """Deal contacts to folds, stratified by outcome; exact duplicates count as one contact."""
    outcome = rows[LABEL].to_numpy(np.float64)
    return group_folds(outcome, _groups(rows), count, seed)


def _groups(rows: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Give each contact a number where contacts have several rows; where each has one, give each distinct row a number."""
    if "contact_id" in rows and rows["contact_id"].duplicated().any():
        return rows["contact_id"].factorize()[0].astype(np.int64)
    return duplicate_groups(rows.drop(columns=[*KEYS], errors="ignore"))


def _has_both(outcome: npt.NDArray[np.float64]) -> bool:
    return bool(min(outcome.sum(), outcome.size - outcome.sum()) >= _FEWEST_POSITIVES)
