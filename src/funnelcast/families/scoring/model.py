"""The fitted model of churn and lead scoring, and of their baselines: numbers, and what predicts and explains from them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.artefacts import to_json
from funnelcast.families.boosting import Trees
from funnelcast.families.scoring.calibrator import Calibrator
from funnelcast.families.scoring.columns import Columns
from funnelcast.families.scoring.design import Design
from funnelcast.families.scoring.reasons import Reason, Wording, reason, sufficiency
from funnelcast.families.scoring.start import Start
from funnelcast.families.table import Table
from funnelcast.labels import LABEL, NEXT_STATE
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
KEYS = frozenset({"contact_id", "as_of", LABEL, NEXT_STATE})
"""What rows may hold beside the columns that are read."""


@dataclass(frozen=True)
class Contributions:
    """What each column adds to the raw score of each row: ``parts`` (rows by column) and ``base`` sum to it."""

    parts: pd.DataFrame
    base: Floats


@dataclass(frozen=True)
class ScoringModel:
    """A weighted mean of two log-odds, boosted trees and a logistic regression, on top of where both start; then calibrated.

    raw = start(x) + weight * trees(x) + (1 - weight) * (beta_0 + design(x) beta);  probability = calibrator(raw).
    """

    family: str
    read: Columns
    design: Design
    beta: Floats
    trees: Trees | None
    weight: float
    calibrator: Calibrator
    wording: Wording = field(default_factory=Wording)
    start: Start = field(default_factory=Start)
    about: Mapping[str, Json] = field(default_factory=dict)

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that predict reads, with ``number`` or ``category``."""
        return {**self.read.kinds, **dict.fromkeys(self.start.columns, "number")}

    @property
    def member(self) -> str:
        """Which member is shipped: ``boosted_trees``, ``logistic_regression``, ``blend`` or ``base_rate``."""
        if not self.read.encoded:
            return "base_rate"
        return {0.0: "logistic_regression", 1.0: "boosted_trees"}.get(self.weight, "blend")

    @property
    def sufficiency(self) -> dict[str, Json]:
        """Say on how many outcomes of the rarer kind it rests, and how many more would halve its intervals: widths go with 1 / sqrt(n)."""
        positives, rows = float(str(self.about["positives"])), float(str(self.about["rows"]))
        rarer, words = (positives, self.wording.events) if positives <= rows - positives else (rows - positives, self.wording.others)
        return sufficiency(round(rarer), words)

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give probability, low and high (its 90 % interval) for each row; the index is kept.

        Raises
        ------
        WrongColumns
            A column is missing, isn't known, or holds text where numbers were fitted.
        """
        return pd.DataFrame(self.predictions(Table.of(rows)), index=rows.index)

    def predictions(self, rows: Table) -> dict[str, Floats]:
        """Give the same by column, each of shape (n,)."""
        raw = self.scores(rows)
        probability = self.calibrator.probability(raw)
        low, high = self.calibrator.interval(raw, probability)
        return {"probability": probability, "low": low, "high": high}

    def scores(self, rows: pd.DataFrame | Table) -> Floats:
        """Give the raw score of each row: log-odds before calibration."""
        table = Table.of(rows)
        self._check(table)
        matrix = self.read.matrix(table)
        raw = self.start.log_odds(table)
        if self.weight < 1:
            raw = raw + (1 - self.weight) * self.design.eta(matrix, self.beta)
        return raw if self.trees is None else raw + self.weight * self.trees.scores(matrix)

    def _check(self, rows: Table) -> None:
        beside = {name: "number" for name in self.columns if name not in self.read.kinds}
        self.read.check(rows, self.family, KEYS | beside.keys())
        if beside:
            Columns(beside, ()).check(rows.only(beside), self.family, ())

    def contributions(self, rows: pd.DataFrame) -> Contributions:
        """Give the exact parts of the raw score, grouped to the company's own columns; the season is a part of its own."""
        table = Table.of(rows)
        self._check(table)
        matrix = self.read.matrix(table)
        total = np.zeros((len(rows), len(self.read.encoded) + 1))
        if self.weight < 1:
            total += (1 - self.weight) * self.design.contributions(matrix, self.beta)
        if self.trees is not None:
            total += self.weight * self.trees.contributions(matrix)
        parts = pd.DataFrame(total[:, :-1], columns=[column.source for column in self.read.encoded], index=rows.index)
        started = self.start.parts(rows)
        return Contributions(
            parts.add(started, fill_value=0.0)[[*parts, *started.columns.difference(parts.columns, sort=False)]],
            total[:, -1] + self.start.base,
        )

    def explain(self, rows: pd.DataFrame, count: int, lang: str = "en") -> list[list[Reason]]:
        """Give for each row the ``count`` columns that move its raw score most, strongest first, as sentences."""
        parts = self.contributions(rows).parts
        values = parts.to_numpy()
        order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :count]
        names = list(parts.columns)
        told = rows.assign(**self.start.told(rows))
        return [
            [reason(names[column], told[names[column]].iloc[row], float(values[row, column]), self.wording, lang) for column in chosen]
            for row, chosen in enumerate(order)
        ]

    def files(self) -> dict[str, bytes]:
        """Give the artefact."""
        document = {
            "family": self.family,
            "columns": self.read.document(),
            "design": self.design.document(),
            "beta": self.beta.tolist(),
            "weight": self.weight,
            "calibrator": self.calibrator.document(),
            "wording": self.wording.document(),
            "start": self.start.document(),
            "about": dict(self.about),
        }
        found = {"model.json": to_json(document)}
        return found if self.trees is None else {**found, "booster.txt": self.trees.text.encode()}

    @classmethod
    def rebuild(cls, files: Mapping[str, bytes]) -> ScoringModel:
        """Make the model from its artefact."""
        document: dict[str, Any] = json.loads(files["model.json"])
        return cls(
            family=document["family"],
            read=Columns.of(document["columns"]),
            design=Design.of(document["design"]),
            beta=np.asarray(document["beta"], np.float64),
            trees=Trees(files["booster.txt"].decode()) if "booster.txt" in files else None,
            weight=float(document["weight"]),
            calibrator=Calibrator.of(document["calibrator"]),
            wording=Wording.of(document["wording"]),
            start=Start.of(document["start"]),
            about=document["about"],
        )


def without(columns: Columns, names: Collection[str], reason_given: str) -> Columns:
    """Give the same columns with further ones known but left out."""
    return Columns(columns.kinds, columns.encoded, {**columns.left_out, **dict.fromkeys(names, reason_given)})
