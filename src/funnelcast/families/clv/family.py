"""CLV as a family: what the registry, the pipelines and the service call."""

from __future__ import annotations

import json
from collections.abc import Mapping

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from funnelcast.artefacts import digest, to_json
from funnelcast.errors import ArtefactDamaged, TooFewRows
from funnelcast.families.clv import acquisition, development
from funnelcast.families.clv.baseline import MEAN_RATE, PAST_RATE, RateBaseline
from funnelcast.families.clv.choice.grouping import columns_of
from funnelcast.families.clv.choice.windows import window_of
from funnelcast.families.clv.first_values import FIRST_VALUE, first_values_of, with_known_first
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.groups import GroupedModel
from funnelcast.families.clv.model import MEMBERS, ClvModel
from funnelcast.families.clv.process.parameters import Floats
from funnelcast.families.clv.summary import COLUMNS, compress, definition, purchases_of, spend_of, summarise
from funnelcast.families.clv.terms import Terms
from funnelcast.families.family import Development, Model, Options
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf


class ClvFamily:
    """BG/NBD and Gamma-Gamma on the transactions."""

    name = "clv"
    needs = (("transactions",),)

    def develop(self, facts: Facts, spec: Spec, as_of: AsOf, options: Options) -> Development:
        """Fit as of the start of a hold-out, judge on all of it, ship what was fitted at as_of."""
        return development.develop(facts, spec, as_of, options)

    def matured(self, facts: Facts, spec: Spec, as_of: AsOf) -> pd.DataFrame | None:  # noqa: ARG002 (every spec is judged on the same days)
        """Give the customers of the hold-out's start with what they bought in it; None where there was no purchase before."""
        try:
            window = window_of(facts, as_of)
        except TooFewRows:
            return None
        return development.rows_with_outcome(facts, window)

    def candidates(self, facts: Facts, spec: Spec, cohort: ir.Table | None, as_of: AsOf) -> ir.Table:
        """Give contact_id, as_of and the model's columns of every customer; who hasn't bought before as_of has no row."""
        customers = with_known_first(summarise(facts, as_of, cohort))
        groups = columns_of(facts, spec)
        if groups:
            customers = acquisition.with_acquisition(facts, as_of, customers, cohort)
        return customers.select("contact_id", "as_of", *COLUMNS, FIRST_VALUE, *groups)

    def fit(self, rows: pd.DataFrame, spec: Spec) -> ClvModel:
        """Fit on rows of frequency, recency, T and monetary_value."""
        return development.fit_sample(_sample(rows, spec), spec).model

    def fit_baseline(self, rows: pd.DataFrame, spec: Spec) -> RateBaseline:
        """Fit the customer's own past rate on the same rows."""
        return development.fit_baseline(_sample(rows, spec), spec, PAST_RATE)

    def rebuild(self, files: Mapping[str, bytes]) -> Model:
        """Make the model (challenger or baseline) from its artefact.

        Raises
        ------
        ArtefactDamaged
            The document isn't one of ours.
        """
        try:
            document = json.loads(files["model.json"])
            terms, spend = Terms.of_document(document["terms"]), SpendModel.of_document(document["spend"])
            if document["kind"] in (PAST_RATE, MEAN_RATE):
                return RateBaseline(document["kind"], float(document["rate_per_day"]), spend, terms)
            if document["kind"] in MEMBERS:
                covariance = np.array(document["covariance"], dtype=np.float64)
                process = MEMBERS[document["kind"]].of_document(document["process"])
                model = ClvModel(process, covariance, spend, terms, document["kind"])
                return GroupedModel.of_document(model, document["groups"]) if "groups" in document else model
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactDamaged(folder="clv", reason=f"model.json can't be read ({type(error).__name__}: {error})") from error
        raise ArtefactDamaged(folder="clv", reason=f"model.json holds a model of the unknown kind {document['kind']!r}")

    def fingerprint(self, model: Model) -> str:
        """Hash names and types of the columns and the SQL that computes them."""
        read = {"columns": to_json(dict(model.columns)), "sql": definition().encode()}
        return digest({**read, "groups": acquisition.definition().encode()} if isinstance(model, GroupedModel) else read)

    def losses(self, model: Model, rows: pd.DataFrame) -> Floats:
        """Give the CRPS of each customer's predictive count of purchases in ``holdout_days``, against ``purchases``."""
        if not isinstance(model, ClvModel | GroupedModel | RateBaseline):
            message = f"clv judges its own models, not {type(model).__name__}"
            raise TypeError(message)
        return development.losses(model, rows)


def _sample(rows: pd.DataFrame, spec: Spec) -> development.Sample:
    if rows.empty:
        raise TooFewRows(model="The CLV model", found=0, what="customers", needed=10, advice="Bring a longer history of transactions.")
    repeats = rows[(rows["frequency"] > 0) & (rows["monetary_value"] > 0)]
    unit = Terms.of_spec(spec).days_per_unit
    spend = spend_of(compress(repeats, "frequency", "monetary_value"))
    purchases = purchases_of(compress(rows, "frequency", "recency", "T"), unit)
    return development.Sample(purchases, spend, first_value=0.0, first=first_values_of(rows))
