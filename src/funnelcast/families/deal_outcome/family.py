"""The family of deal outcomes: fitted on stage history, judged on the newest weeks, ready for the pipeline forecast."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.artefacts import digest, to_json
from funnelcast.errors import ArtefactDamaged, TooFewRows
from funnelcast.families.deal_outcome import baseline, history, judging, model, newcomers, plots
from funnelcast.families.deal_outcome.baseline import StageWeighted
from funnelcast.families.deal_outcome.model import HazardModel
from funnelcast.families.deal_outcome.table import COLUMNS, closings, describe, open_at
from funnelcast.families.family import Development, Model, Options
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf, Json

Floats = npt.NDArray[np.float64]

_FEATURE_SET = "deal_outcome/3"
_HALF_LIFE_WEEKS = 104.0


class DealOutcome:
    """Weekly hazards of won and lost for every open deal."""

    name = "deal_outcome"
    needs: tuple[tuple[str, ...], ...] = (("deals", "deal_events"),)

    def develop(self, facts: Facts, spec: Spec, as_of: AsOf, options: Options) -> Development:
        """Fit on what was known before as_of; judge on the newest weeks by models that haven't seen them."""
        known = cut(facts, as_of)
        options.progress("deal_outcome: deal-weeks at risk")
        rows = self.rows_at(known, spec, as_of)
        split = _split(rows, spec, as_of)
        earlier, newest = history.before(rows, split), history.since(rows, split)
        options.progress(f"deal_outcome: hazards from {len(rows)} deal-weeks")
        judged, judged_baseline = _fit(earlier, spec), baseline.fit(earlier, _weeks(spec))
        fitted, fitted_baseline = _fit(rows, spec), baseline.fit(rows, _weeks(spec))
        taken = judging.snapshots(known, split.to_pydatetime(), as_of)
        return Development(
            model=fitted,
            baseline=fitted_baseline,
            judged=judged,
            judged_baseline=judged_baseline,
            newest=newest,
            metrics=_metrics(judged, newest, taken),
            baseline_metrics=_metrics(judged_baseline, newest, taken),
            rows=len(rows),
            judged_as_of=AsOf(split.to_pydatetime(), as_of.timezone),
            details=self._details(known, spec, as_of, rows, fitted),
            plots={
                "cumulative_incidence": partial(plots.cumulative_incidence, fitted, rows),
                "calibration_of_wins": partial(plots.calibration_of_wins, judged, judged_baseline, taken),
            },
        )

    def matured(self, facts: Facts, spec: Spec, as_of: AsOf) -> pd.DataFrame | None:
        """Give the deal-weeks of the newest weeks that were over by as_of."""
        rows = self.rows_at(cut(facts, as_of), spec, as_of)
        return history.since(rows, _split(rows, spec, as_of))

    def candidates(self, facts: Facts, spec: Spec, cohort: ir.Table | None, as_of: AsOf) -> ir.Table:  # noqa: ARG002 (no feature is optional yet)
        """Give the deals open at as_of (or those of the cohort) with their columns, as known then; ordered by deal."""
        chosen = open_at(facts, [as_of.at]) if cohort is None else cohort
        return describe(facts, chosen).order_by("deal_id")

    def newcomers(self, facts: Facts, as_of: AsOf, weeks: int) -> pd.DataFrame:
        """Give a typical new deal of each channel for each coming week: ``channel``, ``week`` and the model's columns."""
        return newcomers.typical(cut(facts, as_of), as_of, weeks)

    def rows_at(self, known: Facts, spec: Spec, as_of: AsOf) -> pd.DataFrame:
        """Give the deal-weeks of all that was known before as_of (``known`` is cut there): what a back-test fits on at each origin."""
        return history.load(known, as_of, tuple(spec.label["lead_weeks"]), int(spec.options["most_rows"]))

    def fit(self, rows: pd.DataFrame, spec: Spec) -> HazardModel:
        """Fit on rows of the person-period table.

        Raises
        ------
        TooFewRows
            There is none.
        """
        if rows.empty:
            raise TooFewRows(model=spec.name, found=0, what="deal-weeks at risk", needed=1, advice="Bring deals that were open for a week.")
        return _fit(rows, spec)

    def fit_baseline(self, rows: pd.DataFrame, spec: Spec) -> StageWeighted:
        """Fit the stage-weighted win rate with a constant weekly hazard."""
        return baseline.fit(rows, _weeks(spec))

    def rebuild(self, files: Mapping[str, bytes]) -> HazardModel | StageWeighted:
        """Make the model or the baseline from its artefact.

        Raises
        ------
        ArtefactDamaged
            It is of no kind that this family knows.
        """
        document: dict[str, Any] = json.loads(files["model.json"])
        if document.get("kind") == model.KIND:
            return model.rebuild(document)
        if document.get("kind") == baseline.KIND:
            return baseline.rebuild(document)
        raise ArtefactDamaged(folder="deal_outcome", reason=f"model.json is of the kind {document.get('kind')!r}")

    def fingerprint(self, model: Model) -> str:
        """Hash the names and types of the columns and the version of their definition."""
        return digest({_FEATURE_SET: to_json(dict(model.columns))})

    def losses(self, model: Model, rows: pd.DataFrame) -> Floats:
        """Give the log loss of each deal-week: won, lost or still open."""
        if not isinstance(model, HazardModel | StageWeighted):
            message = f"deal_outcome judges its own models, not {type(model).__name__}"
            raise TypeError(message)
        return judging.deal_week_losses(model, rows)

    def _details(self, known: Facts, spec: Spec, as_of: AsOf, rows: pd.DataFrame, fitted: HazardModel) -> dict[str, Json]:
        ended = closings(known).inner_join(known.table("deals").select("deal_id", "opened_at"), "deal_id")
        lives = ended.select("outcome", days=(ended.closed_at.epoch_seconds() - ended.opened_at.epoch_seconds()) / 86_400.0)
        closed = lives.order_by("outcome", "days").execute()
        pending = self.candidates(known, spec, None, as_of).execute()
        dead = fitted.predict(pending[list(COLUMNS)])["dead_weight"]
        return {
            "closed_deals": len(closed),
            "open_deals": len(pending),
            "win_rate": float((closed["outcome"] == "won").mean()) if len(closed) else None,
            "median_cycle_days": float(closed["days"].median()) if len(closed) else None,
            "oldest_closed_days": float(closed["days"].max()) if len(closed) else None,
            "dead_weight": int(dead.sum()),
            "closings_recorded_from": None if rows.empty else rows["start"].min().isoformat(),
            "shocks": dict(fitted.shocks.document()),
        }


def _fit(rows: pd.DataFrame, spec: Spec) -> HazardModel:
    return model.fit(rows, _weeks(spec), float(spec.options.get("half_life_weeks", _HALF_LIFE_WEEKS)))


def _split(rows: pd.DataFrame, spec: Spec, as_of: AsOf) -> pd.Timestamp:
    return history.newest_split(rows, as_of, int(spec.folds["newest_weeks"]))


def _metrics(judged: HazardModel | StageWeighted, newest: pd.DataFrame, taken: pd.DataFrame) -> dict[str, float]:
    found = {} if newest.empty else {"log_loss": float(judging.deal_week_losses(judged, newest).mean())}
    return {**found, **judging.judge(judged, taken)}


def _weeks(spec: Spec) -> int:
    return -(-spec.horizon_days // 7)
