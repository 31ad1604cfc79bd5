"""LightGBM, native and in its text format: the only module that imports it.

A column of the matrix is a number, or a category as whole numbers from 0; not a number means missing.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
_ONLINE_ROWS = 1_000  # below this, starting threads costs more than it saves
_PARALLEL_ROWS = 100_000  # below this, threads within one fit cost more than they save
_CELLS_PER_THREAD = 300_000  # of a matrix to fit on: below, threads wait for each other longer than they work
_PATIENCE = 40


@dataclass(frozen=True)
class TreeSettings:
    """The hyperparameters of one boosted model, under LightGBM's names."""

    num_leaves: int = 8
    learning_rate: float = 0.05
    min_data_in_leaf: int = 20
    feature_fraction: float = 0.5
    lambda_l2: float = 1.0
    rounds: int = 1_500

    def with_rounds(self, rounds: int) -> TreeSettings:
        """Give the same settings with another number of trees."""
        return replace(self, rounds=rounds)


@dataclass(frozen=True)
class Shape:
    """What the matrix is made of: which columns are categories, and the sign (-1, 0, 1) in which each must move the score."""

    categories: tuple[int, ...] = ()
    monotone: tuple[int, ...] = ()


def _lightgbm() -> Any:
    """Import LightGBM without scikit-learn, for which it has wrappers that nobody calls here: half a second of every start."""
    modules: dict[str, Any] = sys.modules
    if "sklearn" in modules:
        return importlib.import_module("lightgbm")
    modules["sklearn"] = None
    try:
        return importlib.import_module("lightgbm")
    finally:
        del modules["sklearn"]


lightgbm = _lightgbm()


class Trees:
    """A boosted model: its text, and what it says of a matrix."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._booster = lightgbm.Booster(model_str=text)

    def scores(self, matrix: Floats, rounds: int | None = None) -> Floats:
        """Give the raw score (log-odds) of each row, shape (n,)."""
        if not len(matrix):
            return np.zeros(0)
        return np.asarray(self._booster.predict(matrix, raw_score=True, num_iteration=rounds, num_threads=_threads(matrix)), np.float64)

    def contributions(self, matrix: Floats) -> Floats:
        """Give the exact contribution of each column and, last, the base: shape (n, columns + 1), rows sum to the raw score.

        Tree SHAP (Lundberg et al. 2020) as LightGBM computes it.
        """
        if not len(matrix):
            return np.zeros((0, matrix.shape[1] + 1))
        return np.asarray(self._booster.predict(matrix, pred_contrib=True, num_threads=_threads(matrix)), np.float64)


def train(
    matrix: Floats, outcome: Floats, settings: TreeSettings, shape: Shape, *, seed: int, threads: int, start: Floats | None = None
) -> Trees:
    """Fit a binary model with log-loss and no class weights, the same whatever the number of threads.

    Parameters
    ----------
    start
        Log-odds that each row starts from, shape (n,); the trees add to them. None: all from one constant, which the trees hold.
    """
    data = _dataset(matrix, outcome, shape, start=start)
    useful = threads if len(matrix) >= _PARALLEL_ROWS else 1
    booster = lightgbm.train(_parameters(settings, shape, seed, useful), data, settings.rounds)
    return Trees(_text(booster))


def cross_fit(
    matrix: Floats,
    outcome: Floats,
    folds: Sequence[tuple[Indices, Indices]],
    settings: TreeSettings,
    shape: Shape,
    *,
    seed: int,
    threads: int,
    start: Floats | None = None,
) -> tuple[int, list[Floats]]:
    """Fit on each fold's first part, stop early on its second, and score that second part at the rounds that suit all folds.

    Folds are fitted side by side, each on one thread: at these sizes threads within a fit wait for each other longer than they work,
    many times as long where the machine is busy.

    Returns
    -------
    The median of the folds' best numbers of rounds, and the raw scores of each fold's second part at that number.
    """
    parameters = _parameters(settings, shape, seed, threads=1)

    def fit_one(fold: tuple[Indices, Indices]) -> tuple[Any, int]:
        data, judged = (_dataset(matrix[part], outcome[part], shape, start=None if start is None else start[part]) for part in fold)
        judged.set_reference(data)
        stop = lightgbm.early_stopping(_PATIENCE, verbose=False)
        booster = lightgbm.train(parameters, data, settings.rounds, valid_sets=[judged], callbacks=[stop])
        return booster, booster.best_iteration or settings.rounds

    with ThreadPoolExecutor(max(1, min(threads, len(folds)))) as pool:
        fitted = list(pool.map(fit_one, folds))
    rounds = max(1, int(np.median([best for _, best in fitted])))
    scores = [
        np.asarray(booster.predict(matrix[judge], raw_score=True, num_iteration=rounds, num_threads=1), np.float64)
        for (booster, _), (_, judge) in zip(fitted, folds, strict=True)
    ]
    return rounds, scores


def _dataset(matrix: Floats, outcome: Floats, shape: Shape, *, start: Floats | None = None) -> Any:
    quiet = {"verbosity": -1, "feature_pre_filter": False}
    return lightgbm.Dataset(matrix, outcome, categorical_feature=list(shape.categories), init_score=start, params=quiet)


def _parameters(settings: TreeSettings, shape: Shape, seed: int, threads: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "objective": "binary",
        "num_leaves": settings.num_leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.min_data_in_leaf,
        "feature_fraction": settings.feature_fraction,
        "lambda_l2": settings.lambda_l2,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "num_threads": threads,
        "verbosity": -1,
    }
    if any(shape.monotone):
        found["monotone_constraints"] = list(shape.monotone)
    return found


def _text(booster: Any) -> str:
    text = booster.model_to_string(num_iteration=-1)
    return re.sub(r"\[num_threads: \d+\]", "[num_threads: 0]", text)  # the same bytes whatever the number of threads


def _worth(threads: int, matrix: Floats) -> int:
    return max(1, min(threads, matrix.size // _CELLS_PER_THREAD))


def _threads(matrix: Floats) -> int:
    return 1 if len(matrix) <= _ONLINE_ROWS else 0  # 0: as many as the machine has
