"""What churn and lead scoring do alike: rows, search, fit, judge; each family says who is in question and what happened next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from funnelcast import features
from funnelcast.artefacts import digest, to_json
from funnelcast.cohorts import Asked, every_contact
from funnelcast.errors import TooFewRows
from funnelcast.evaluate.metrics import log_losses
from funnelcast.families.family import Development, Floats, Model, Options
from funnelcast.families.scoring.develop import Question, develop
from funnelcast.families.scoring.fitting import fit_scoring, fit_simple
from funnelcast.families.scoring.folds import inner_folds
from funnelcast.families.scoring.model import KEYS, ScoringModel
from funnelcast.families.scoring.prepared import Recipe, prepare
from funnelcast.families.scoring.reasons import Wording, Words
from funnelcast.families.scoring.rows import Dated, Labelled, newest_rows, read_tables
from funnelcast.labels import LABEL
from funnelcast.sources.facts import Facts, Label
from funnelcast.spec import Spec
from funnelcast.terms import AsOf


class ScoringFamily(ABC):
    """A family that gives each contact a probability."""

    name: ClassVar[str]
    needs: ClassVar[tuple[tuple[str, ...], ...]]
    baseline_column: ClassVar[str]
    raises: ClassVar[Words]
    lowers: ClassVar[Words]
    events: ClassVar[Words]
    others: ClassVar[Words]

    @abstractmethod
    def cohort(self, facts: Facts, spec: Spec, dates: Asked) -> ir.Table:
        """Give who is in question at each date, or of the asked: contact_id and as_of."""

    @abstractmethod
    def label(self, facts: Facts, spec: Spec) -> Labelled:
        """Give what labels a cohort with the outcome of the horizon."""

    @abstractmethod
    def clock_table(self, facts: Facts, spec: Spec) -> str:
        """Name the table whose first row begins the history.

        Raises
        ------
        MissingTable
            The company brings neither a history nor a column that states the outcome.
        """

    def develop(self, facts: Facts, spec: Spec, as_of: AsOf, options: Options) -> Development:
        """Fit challenger and baseline on what was known before as_of, and judge them out of sample."""
        wording = self._wording(features.words(read_tables(facts, spec)))
        outcomes = self._source_of_outcomes(facts, spec)
        question = Question(
            family=self.name,
            baseline=self.baseline_column,
            wording=wording,
            outcomes=outcomes,
            rhythm_days=0.0 if isinstance(outcomes, Label) else self.rhythm_days(spec),
            complete=lambda model, rows: self.complete(model, rows, spec),
        )
        return develop(facts, spec, as_of, options, question)

    def matured(self, facts: Facts, spec: Spec, as_of: AsOf) -> pd.DataFrame | None:
        """Give the newest date's rows with their outcomes; None where a column of contacts states the outcome and nothing is dated."""
        outcomes = self._source_of_outcomes(facts, spec)
        return None if isinstance(outcomes, Label) else newest_rows(facts, spec, as_of, outcomes)

    def _source_of_outcomes(self, facts: Facts, spec: Spec) -> Label | Dated:
        stated = given_label(facts, spec)
        if stated is not None:
            return stated
        table = self.clock_table(facts, spec)
        return Dated(lambda known, dates: self.cohort(known, spec, list(dates)), self.label(facts, spec), table)

    def candidates(self, facts: Facts, spec: Spec, cohort: ir.Table | None, as_of: AsOf) -> ir.Table:
        """Give contact_id, as_of and every feature of the asked, or of everyone in question at as_of."""
        if cohort is None:
            cohort = every_contact(facts, [as_of]) if given_label(facts, spec) else self.cohort(facts, spec, [as_of])
        return features.build(read_tables(facts, spec), cohort)

    def fit(self, rows: pd.DataFrame, spec: Spec) -> ScoringModel:
        """Fit on rows with ``label``; contact_id and as_of, where they are there, decide the folds."""
        self._require(rows)
        recipe = self._recipe(spec)
        prepared = prepare(rows, rows[LABEL].to_numpy(np.float64), _names(rows), recipe)
        return self.complete(fit_scoring(prepared, inner_folds(rows, spec), recipe).model, rows, spec)

    def fit_baseline(self, rows: pd.DataFrame, spec: Spec) -> ScoringModel:
        """Fit the field's simple rule on the same rows: its one column alone, or the base rate where that isn't there."""
        self._require(rows)
        fitted = fit_simple(rows, _names(rows), self.baseline_column, inner_folds(rows, spec), self._recipe(spec))
        return self.complete(fitted.model, rows, spec)

    def rhythm_days(self, spec: Spec) -> float:  # noqa: ARG002 (most outcomes are no silence)
        """Give the horizon over which the outcome is a silence of the contact; 0 where it isn't one."""
        return 0.0

    def complete(self, model: ScoringModel, rows: pd.DataFrame, spec: Spec) -> ScoringModel:  # noqa: ARG002 (most add nothing)
        """Add to a fitted score what else the family learns from the same rows."""
        return model

    def rebuild(self, files: Mapping[str, bytes]) -> ScoringModel:
        """Make the model or its baseline from the artefact."""
        return ScoringModel.rebuild(files)

    def fingerprint(self, model: Model) -> str:
        """Hash names and types of the columns and the SQL that computes every feature."""
        return digest({"columns": to_json(dict(model.columns)), "sql": features.definition().encode()})

    def losses(self, model: Model, rows: pd.DataFrame) -> Floats:
        """Give the log-loss of each row."""
        predicted: Any = model.predict(rows[list(model.columns)])["probability"].to_numpy()
        return log_losses(rows[LABEL].to_numpy(np.float64), predicted)

    def _recipe(self, spec: Spec) -> Recipe:
        monotone = spec.features.get("monotone", {})
        return Recipe(family=self.name, seed=spec.seed, monotone=monotone, wording=self._wording({}), rhythm_days=self.rhythm_days(spec))

    def _wording(self, names: Mapping[str, Words]) -> Wording:
        return Wording(names, self.raises, self.lowers, self.events, self.others)

    def _require(self, rows: pd.DataFrame) -> None:
        if not len(rows):
            advice = "Check the cohort and the horizon in spec.toml, and the dates of the facts."
            raise TooFewRows(model=self.name, found=0, what="rows with a known outcome", needed=1, advice=advice)


def given_label(facts: Facts, spec: Spec) -> Label | None:
    """Give the column that states the outcome, where source.toml names one for this model or its family."""
    return facts.source.labels.get(spec.name) or facts.source.labels.get(spec.family)


def _names(rows: pd.DataFrame) -> list[str]:
    return [str(name) for name in rows.columns if name not in KEYS]
