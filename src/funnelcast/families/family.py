"""What every kind of model offers: fit on rows, predict on rows, parameters in and out, and its own development in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf, Json

Floats = npt.NDArray[np.float64]
Progress = Callable[[str], None]


@runtime_checkable
class Model(Protocol):
    """A fitted model: numbers, and what predicts from them.

    ``columns`` are what ``predict`` reads, by name, with their types (``number`` or ``category``).
    """

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that predict reads, with ``number`` or ``category``."""
        ...

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Predict each row; the index is kept. Raises WrongColumns on a missing, unknown or wrongly typed column."""
        ...

    def files(self) -> dict[str, bytes]:
        """Give the artefact: JSON and LightGBM text, from which the family rebuilds the very same model."""
        ...


@dataclass(frozen=True)
class Options:
    """What a run may change about a fit, beside the spec; ``studies`` is where searches are kept, so that one that was stopped goes on."""

    trials: int | None = None
    threads: int = 1
    progress: Progress = lambda _: None
    studies: Path | None = None


@dataclass(frozen=True)
class Development:
    """What a family learned at one as_of: the challenger, its baseline, and the fold on which the gate judges both.

    Parameters
    ----------
    model, baseline
        What is registered: each ready to be served.
    judged, judged_baseline
        What stands in for them on the newest fold. The same objects, unless the family refits on all facts after the hold-out.
    newest
        Rows of the newest fold with their outcome columns; never used to fit ``judged``.
    metrics, baseline_metrics
        Out of sample, by name.
    folds
        The same metrics by earlier fold, newest last.
    rows
        How many rows the fit saw.
    details
        Further top-level keys of the train document.
    plots
        Matplotlib figures by name, made when called.
    tables
        Kept with the run as spreadsheets, by name.
    earlier
        Keys and outcomes of the rows that ``judged`` was fitted on, where they are dated.
    sections
        What the family adds to the run's card, each in Markdown with its heading.
    judged_as_of
        Nothing known from then on entered ``judged``; None where the facts have no time.
    """

    model: Model
    baseline: Model
    judged: Model
    judged_baseline: Model
    newest: pd.DataFrame
    metrics: Mapping[str, float]
    baseline_metrics: Mapping[str, float]
    rows: int
    folds: tuple[Mapping[str, float], ...] = ()
    details: Mapping[str, Json] = field(default_factory=dict)
    plots: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    earlier: pd.DataFrame = field(default_factory=pd.DataFrame)
    sections: tuple[str, ...] = ()
    judged_as_of: AsOf | None = None


@runtime_checkable
class Family(Protocol):
    """One kind of model."""

    @property
    def name(self) -> str:
        """The name under which the registry knows it."""
        ...

    @property
    def needs(self) -> tuple[tuple[str, ...], ...]:
        """Alternatives of tables, each enough: ``(("transactions",), ("contacts",))``."""
        ...

    def develop(self, facts: Facts, spec: Spec, as_of: AsOf, options: Options) -> Development:
        """Fit challenger and baseline on what was known before as_of (later facts are hold-out alone), and judge them out of sample."""
        ...

    def matured(self, facts: Facts, spec: Spec, as_of: AsOf) -> pd.DataFrame | None:
        """Give the fold that ``develop`` judges on, without fitting anything: the newest rows whose outcome is known.

        Where the facts go on after as_of for long enough, a family may take the days after it as its hold-out.

        Returns
        -------
        Rows as ``losses`` takes them, with ``as_of`` (``start`` for deal-weeks): the instant from which each row's outcome counts. None
        where the facts have no time or too little of it.
        """
        ...

    def candidates(self, facts: Facts, spec: Spec, cohort: ir.Table | None, as_of: AsOf) -> ir.Table:
        """Give the rows to score: key, as_of and the model's columns.

        ``cohort`` (key and as_of) names who is asked for, as the service does; None takes everyone who is in question at as_of.
        """
        ...

    def fit(self, rows: pd.DataFrame, spec: Spec) -> Model:
        """Fit on rows with their outcome columns."""
        ...

    def fit_baseline(self, rows: pd.DataFrame, spec: Spec) -> Model:
        """Fit the field's simple rule on the same rows."""
        ...

    def rebuild(self, files: Mapping[str, bytes]) -> Model:
        """Make the model (challenger or baseline) from its artefact."""
        ...

    def fingerprint(self, model: Model) -> str:
        """Hash the definitions of the features that a model reads, as this code computes them.

        It travels with the artefact; the service refuses a model that was trained on other definitions.
        """
        ...

    def losses(self, model: Model, rows: pd.DataFrame) -> Floats:
        """Give one proper loss per row with its outcome; lower is better. The gate compares models by it."""
        ...
