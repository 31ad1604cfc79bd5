"""Rows made ready to fit on: the recipe of a fit, and the matrix, the outcome and the start that both members share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.boosting import Shape, TreeSettings
from funnelcast.families.scoring.columns import Columns, learn
from funnelcast.families.scoring.model import without
from funnelcast.families.scoring.reasons import Wording
from funnelcast.families.scoring.season import DAY_OF_YEAR, Season
from funnelcast.families.scoring.start import Start, learn_start

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
PENALTIES = (600.0, 200.0, 60.0, 20.0, 6.0)
FEWEST_FOR_A_MODEL = 10
"""Rows of the rarer outcome; under it everyone gets the base rate."""


@dataclass(frozen=True)
class Recipe:
    """Everything beside the rows that decides a fit.

    Parameters
    ----------
    family
        For messages.
    excluded
        Columns that must not be read, each with the reason.
    monotone
        The sign in which a column must move the trees' score, by name.
    features
        The fingerprint of the company's feature set, kept in the artefact.
    penalties
        Of the linear member, from strong to weak; the folds choose.
    rhythm_days
        The horizon over which the outcome is a silence, where members start from the customer's own rhythm; 0 where they don't.
    season
        The company's, where its history tells one.
    segment
        The category whose levels' rates, shrunk to the base rate, are tried instead of all columns where outcomes are few.
    """

    family: str
    seed: int
    threads: int = 1
    trees: TreeSettings = field(default_factory=TreeSettings)
    excluded: Mapping[str, str] = field(default_factory=dict)
    monotone: Mapping[str, int] = field(default_factory=dict)
    wording: Wording = field(default_factory=Wording)
    features: str = ""
    penalties: tuple[float, ...] = PENALTIES
    rhythm_days: float = 0.0
    season: Season | None = None
    segment: str = "source_channel"


@dataclass(frozen=True)
class Prepared:
    """Rows as numbers, ready for both members, and the log-odds that both start from."""

    columns: Columns
    matrix: Floats
    outcome: Floats
    shape: Shape
    start: Start = field(default_factory=Start)
    log_odds: Floats | None = None

    @property
    def rarer(self) -> float:
        """How many rows have the rarer outcome."""
        return float(min(self.outcome.sum(), self.outcome.size - self.outcome.sum()))

    def start_of(self, rows: Indices | slice = slice(None)) -> Floats | float:
        """Give the log-odds that some rows start from."""
        return 0.0 if self.log_odds is None else self.log_odds[rows]

    def only(self, place: int) -> Prepared:
        """Give the same rows with one column of the matrix alone."""
        columns = self.columns
        kept = columns.encoded[place]
        unread = [name for name in columns.kinds if name != kept.source]
        alone = Columns({kept.source: columns.kinds[kept.source]}, (kept,), columns.left_out)
        shape = Shape((0,) if kept.is_category else (), (0,))
        return replace(
            self,
            columns=without(alone, unread, f"too few outcomes to read more than {kept.source}"),
            matrix=self.matrix[:, [place]],
            shape=shape,
        )


def prepare(rows: pd.DataFrame, outcome: Floats, names: Collection[str], recipe: Recipe) -> Prepared:
    """Learn the columns and turn the rows into a matrix; what is excluded stays known, so that rows may hold it."""
    excluded = {DAY_OF_YEAR: "the season alone reads it", **recipe.excluded} if DAY_OF_YEAR in names else recipe.excluded
    columns = learn(rows, [name for name in names if name not in excluded])
    for reason_given in sorted(set(excluded.values())):
        columns = without(columns, [name for name, why in excluded.items() if why == reason_given], reason_given)
    categories = tuple(place for place, column in enumerate(columns.encoded) if column.is_category)
    monotone = tuple(recipe.monotone.get(column.source, 0) for column in columns.encoded)
    prepared = Prepared(columns, columns.matrix(rows), outcome, Shape(categories, monotone))
    if prepared.rarer < FEWEST_FOR_A_MODEL:
        return prepared
    start = learn_start(rows, outcome, recipe.rhythm_days, recipe.season)
    return replace(prepared, start=start, log_odds=start.log_odds(rows)) if start.columns else prepared
