"""The family: develop, candidates, fit, losses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.artefacts import digest, to_json
from funnelcast.errors import TooFewRows
from funnelcast.families.family import Development, Model, Options
from funnelcast.families.payment_delay import model as models
from funnelcast.families.payment_delay import plots
from funnelcast.families.payment_delay.model import PaymentHazard, SimpleRule
from funnelcast.families.payment_delay.rows import as_if_new, at_issue, definition, execute, unpaid
from funnelcast.families.payment_delay.scoring import date_errors, log_loss, metrics
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf, Json

Floats = npt.NDArray[np.float64]

_DSO_DAYS = 90
_ENOUGH_PAID = 30


class PaymentDelayFamily:
    """Days to payment per invoice; works from a single invoice on, with intervals as wide as that knowledge."""

    name = "payment_delay"
    needs = (("invoices",),)

    def develop(self, facts: Facts, spec: Spec, as_of: AsOf, options: Options) -> Development:
        """Fit on the invoices known before as_of and judge on the newest that the fit didn't see.

        Where facts of at least half a fold lie after as_of, the fold is what was issued then and the very model is judged. Otherwise
        the fold is what was issued just before as_of, and a twin fitted as of the fold's start is judged in its place. The error of the
        payment date is the median over that fold and the earlier ones, each predicted by what was known at its start.
        """
        rows, horizon = self.rows_at(facts, spec, as_of), spec.horizon_days
        _require_some(rows)
        options.progress(f"{spec.name}: {len(rows)} invoices, {int(rows['paid_days'].notna().sum())} of them paid")
        start, until = self._newest_fold(facts, spec, as_of)
        newest = self._fold(facts, spec, start, until)
        model, baseline = self.fit(rows, spec), self.fit_baseline(rows, spec)
        due_date = models.fit_rule(rows, "due_date", horizon)
        judged, judged_baseline = model, baseline
        if start != as_of:
            earlier = self.rows_at(facts, spec, start)
            # where nothing was known so early, the twin is what is believed before any invoice was seen
            judged, judged_baseline = models.fit_hazard(earlier, horizon), models.fit_rule(earlier, "last_delay", horizon)
            due_date = models.fit_rule(earlier, "due_date", horizon)
        earlier_folds = self._earlier_folds(facts, spec, start)
        errors = pd.concat([date_errors(fitted, fold) for fitted, fold in (*earlier_folds, (judged, newest))])
        own = metrics(judged, newest) | {str(name): float(value) for name, value in errors.median().dropna().items()}
        details: dict[str, Json] = {
            **_payment_habits(rows, facts, as_of),
            "due_date": dict(metrics(due_date, newest)),
            "gates": [_finite(judged, newest)],
        }
        return Development(
            model=model,
            baseline=baseline,
            judged=judged,
            judged_baseline=judged_baseline,
            newest=newest,
            metrics=own,
            baseline_metrics=metrics(judged_baseline, newest),
            rows=len(rows),
            judged_as_of=start,
            folds=(*(metrics(fitted, fold) for fitted, fold in earlier_folds), own),
            details=details,
            plots={
                "survival": partial(plots.survival, judged, judged_baseline, newest),
                "calibration": partial(plots.calibration, judged, newest),
            },
        )

    def matured(self, facts: Facts, spec: Spec, as_of: AsOf) -> pd.DataFrame | None:
        """Give the newest invoices, with what became of them so far: those still open are censored."""
        return self._fold(facts, spec, *self._newest_fold(facts, spec, as_of))

    def candidates(self, facts: Facts, spec: Spec, cohort: ir.Table | None, as_of: AsOf) -> ir.Table:  # noqa: ARG002
        """Give every invoice not known to be paid at as_of: invoice_id, as_of, contact_id, deal_id and the model's columns."""
        return unpaid(facts, cohort, as_of)

    def templates(self, facts: Facts, spec: Spec, as_of: AsOf) -> ir.Table:
        """Give the last year's invoices as if issued at as_of: how those to come will be paid."""
        return as_if_new(facts, as_of, int(spec.cohort.get("template_days", 365)), int(spec.cohort.get("templates", 2000)))

    def rows_at(self, known: Facts, spec: Spec, as_of: AsOf) -> pd.DataFrame:
        """Give the rows of all that was known before as_of (``known`` is cut there): what a back-test fits on at each origin."""
        return execute(at_issue(known, as_of, int(spec.cohort.get("max_invoices", 4000))))

    def fit(self, rows: pd.DataFrame, spec: Spec) -> PaymentHazard:
        """Fit the hazard on rows as of issue with ``paid_days`` and ``observed_days``.

        Raises
        ------
        TooFewRows
            There is no invoice at all.
        """
        _require_some(rows)
        return models.fit_hazard(rows, spec.horizon_days)

    def fit_baseline(self, rows: pd.DataFrame, spec: Spec) -> SimpleRule:
        """Fit "pays as last time" on the same rows."""
        _require_some(rows)
        return models.fit_rule(rows, "last_delay", spec.horizon_days)

    def rebuild(self, files: Mapping[str, bytes]) -> Model:
        """Make either model from its artefact."""
        return models.rebuild(files)

    def fingerprint(self, model: Model) -> str:
        """Hash names and types of the columns and the SQL that computes them."""
        return digest({"columns": to_json(dict(model.columns)), "sql": definition().encode()})

    def losses(self, model: Model, rows: pd.DataFrame) -> Floats:
        """Give the log loss of each row's payment day, censored where it is open."""
        return log_loss(_with_hazards(model), rows)

    def _fold(self, facts: Facts, spec: Spec, start: AsOf, until: AsOf) -> pd.DataFrame:
        rows = self.rows_at(facts, spec, until)
        issued = rows["as_of"]
        return rows[(issued >= start.at) & (issued < start.plus(self._fold_days(spec)).at)].reset_index(drop=True)

    def _newest_fold(self, facts: Facts, spec: Spec, as_of: AsOf) -> tuple[AsOf, AsOf]:
        days = self._fold_days(spec)
        seen_until = facts.observed_until or as_of
        if as_of.days_until(seen_until) >= days / 2:
            return as_of, seen_until
        return as_of.plus(-days), as_of

    def _earlier_folds(self, facts: Facts, spec: Spec, newest: AsOf) -> list[tuple[PaymentHazard, pd.DataFrame]]:
        """Give what would have been fitted at earlier dates, and the invoices that were issued next."""
        found: list[tuple[PaymentHazard, pd.DataFrame]] = []
        for number in range(int(spec.folds.get("earlier", 1)), 0, -1):
            start = newest.plus(-number * self._fold_days(spec))
            past = self.rows_at(facts, spec, start)
            if past["paid_days"].notna().sum() >= _ENOUGH_PAID:
                found.append((self.fit(past, spec), self._fold(facts, spec, start, newest)))
        return found

    @staticmethod
    def _fold_days(spec: Spec) -> int:
        return int(spec.folds.get("days", 120))


FAMILY = PaymentDelayFamily()


def _require_some(rows: pd.DataFrame) -> None:
    if rows.empty:
        advice = "Bring invoices that were issued before as_of, or take a later --as-of."
        raise TooFewRows(model="payment_delay", found=0, what="invoices known", needed=1, advice=advice)


def _with_hazards(model: Model) -> PaymentHazard | SimpleRule:
    if not isinstance(model, PaymentHazard | SimpleRule):
        message = f"payment_delay can't judge a {type(model).__name__}"
        raise TypeError(message)
    return model


def _payment_habits(rows: pd.DataFrame, facts: Facts, as_of: AsOf) -> dict[str, Json]:
    """Sum up how the company is paid.

    Days sales outstanding are what is still owed over what was invoiced in the last 90 days, times 90.
    """
    delay = (rows["age_days"] + rows["paid_days"] - rows["terms_days"]).dropna()
    invoices = cut(facts, as_of).table("invoices")
    recent = invoices.issued_at >= as_of.plus(-_DSO_DAYS).at
    rest = invoices.amount - ibis.coalesce(invoices.part_paid_amount, 0.0)
    sums = invoices.aggregate(open=rest.sum(where=invoices.paid_at.isnull()), issued=invoices.amount.sum(where=recent)).execute()
    owed, issued = (float(np.nan_to_num(sums[name].iloc[0])) for name in ("open", "issued"))
    return {
        "dso": round(_DSO_DAYS * owed / issued, 6) if issued > 0 else None,
        "median_delay_days": float(delay.median()) if len(delay) else None,
        "share_late": float((delay > 0).mean()) if len(delay) else None,
        "open_invoices": int(rows["paid_days"].isna().sum()),
    }


def _finite(model: PaymentHazard, rows: pd.DataFrame) -> dict[str, Json]:
    predicted = model.predict(rows[list(model.columns)])
    wrong = int((~np.isfinite(predicted.to_numpy(np.float64))).sum())
    return {"name": "finite", "passed": wrong == 0, "value": float(wrong), "threshold": 0.0, "safety": True}
