"""Compute everything that the planner's endpoints read into one immutable snapshot."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from funnelcast import champions, snapshots
from funnelcast.answers import Scale, ranks
from funnelcast.artefacts import to_json
from funnelcast.champions import Champion
from funnelcast.conversion_value import DOCUMENT as CONVERSION_VALUE
from funnelcast.errors import FunnelcastError
from funnelcast.families.churn.channels import NEXT_COLUMNS
from funnelcast.families.churn.model import ChurnModel
from funnelcast.families.churn.transitions import expected_moves
from funnelcast.families.clv.groups import PurchaseModel
from funnelcast.families.clv.segments.report import omnichannel
from funnelcast.families.family import Progress
from funnelcast.forecast.ahead import asked_first, document_of
from funnelcast.forecast.cash import RECEIPTS
from funnelcast.forecast.past import PAST, past
from funnelcast.forecast.result import Forecast
from funnelcast.monitor.track_record import TrackRecord
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import QUANTITIES, AsOf, Json
from funnelcast.worklist import Campaign
from training.alerts import alerts
from training.company import ATTRIBUTION, attribute, economics_with, flow_of_journeys
from training.drift import DRIFT, at_stake, drift_alerts, drift_document, inputs_of
from training.forecast import DEALS, INVOICES, Gatherer, serving_models
from training.levers import KINDS, Levers
from training.lists import list_document
from training.lock import alone
from training.overview import Overview
from training.score import stream
from training.track_record import judged
from training.train import default_as_of
from training.values import CLV, value_of_contacts, value_of_conversions

_MODELS_BEHIND = {"pipeline": (DEALS,), "cash": (DEALS, INVOICES), "receipts": (DEALS, INVOICES)}
CHURN = "churn"
CLV_SEGMENTS = "clv_segments"
"""The document of CLV by segment."""


@dataclass
class Contents:
    """A snapshot while it grows: files by path, and why what isn't in it isn't."""

    files: dict[str, bytes] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def attempt(self, name: str, make: Callable[[], Any]) -> Any:
        """Add one JSON document; where the facts don't allow it, add the reason instead and give None."""
        try:
            document = make()
        except FunnelcastError as error:
            self.missing[name] = str(error)
            return None
        self.files[f"{name}.json"] = to_json(document)
        return document


def refresh(settings: Settings, facts: Facts, *, as_of: AsOf | None, progress: Progress) -> dict[str, Json]:
    """Score everyone, compute attribution, economics, forecasts and alerts, and point the service at the result.

    Raises
    ------
    Busy
        Another process writes champions or snapshots of this company.
    """
    with alone(settings, facts.source.name, "refresh"):
        return _refresh(settings, facts, as_of or default_as_of(facts), progress)


def _refresh(settings: Settings, facts: Facts, as_of: AsOf, progress: Progress) -> dict[str, Json]:
    started = time.monotonic()
    run = Refresh(settings, facts, as_of, progress)
    run.compute()
    name = snapshots.write(settings, facts.source.name, run.about(), run.contents.files)
    run.record_forecasts()
    return {
        "snapshot": name,
        "as_of": run.as_of.isoformat(),
        "scored": dict(run.scored),
        "missing": dict(run.contents.missing),
        "seconds": round(time.monotonic() - started, 3),
    }


class Refresh:
    """One refresh of one company."""

    def __init__(self, settings: Settings, facts: Facts, as_of: AsOf, progress: Progress) -> None:
        self.settings, self.facts, self.as_of, self.progress = settings, facts, as_of, progress
        self.contents = Contents()
        self.scored: dict[str, Json] = {}
        self.serving = self._serving()
        self.answers: dict[str, pd.DataFrame] = {}
        self.forecasts: dict[str, Forecast] = {}

    def compute(self) -> None:
        """Fill the contents."""
        scales = {name: scale.document() for name, champion in self.serving.items() if (scale := self._scores(champion))}
        self.contents.files["scales.json"] = to_json(scales)
        self._value_conversions()
        self.progress("attribution and economics")
        credited = self.contents.attempt(
            "attribution", lambda: attribute(self.settings, self.facts, method="all", order=None, as_of=self.as_of)
        )
        self.contents.attempt("journeys", lambda: flow_of_journeys(self.settings, self.facts, self.as_of))
        method = read(self.settings.models, ATTRIBUTION).options["method"]
        default = next((one for one in credited or [] if one["method"] == method), None)
        self._value_segments()
        clv = value_of_contacts(self.settings, cut(self.facts, self.as_of), self.as_of)
        economics = self.contents.attempt("economics", lambda: economics_with(self.settings, self.facts, self.as_of, default, clv))
        self._project(economics)
        self.progress("drift")
        read_now = {name: inputs_of(self.settings, self.facts, champion, self.as_of) for name, champion in self.serving.items()}
        self.contents.files[f"{DRIFT}.json"] = to_json(drift_document(read_now, self.as_of))
        drifted = drift_alerts(read_now, at_stake(self.answers), self.facts.source.currency)
        cash = self.forecasts["cash"].document() if "cash" in self.forecasts else None
        found = alerts(self.facts, self.as_of, self.serving, cash, drifted, self.progress)
        self.contents.files["alerts.json"] = to_json(found)
        self.progress("what was said against what came true")
        self.contents.attempt(snapshots.TRACK_RECORD, lambda: judged(self.settings, self.facts, self.as_of))

    def about(self) -> dict[str, Json]:
        """Say what the snapshot was computed from."""
        models: list[Json] = [
            {"name": name, "version": champion.version, "trained_as_of": champion.about.trained_as_of}
            for name, champion in self.serving.items()
        ]
        missing: dict[str, Json] = dict(self.contents.missing)
        return {"source": self.facts.source.name, "as_of": self.as_of.isoformat(), "models": models, "missing": missing}

    def record_forecasts(self) -> None:
        """Put what was forecast into the track record, unless a model behind it was trained on facts of the time that it forecasts."""
        record = TrackRecord(self.settings.track_record(self.facts.source.name))
        for quantity, forecast in self.forecasts.items():
            behind = [self.serving[name].about for name in _MODELS_BEHIND.get(quantity, ()) if name in self.serving]
            later = [about.model for about in behind if AsOf.parse(about.trained_as_of, self.as_of.timezone) > self.as_of]
            if later:
                self.progress(f"{quantity}: not recorded as a forecast, since {', '.join(later)} was trained on later facts")
                continue
            periods: Any = forecast.document()["periods"]
            record.append_forecast(quantity, self.as_of.isoformat(), periods)

    def _serving(self) -> dict[str, Champion]:
        found: dict[str, Champion] = {}
        for name in champions.listed(self.settings, self.facts.source.name):
            try:
                found[name] = champions.load(self.settings, self.facts.source.name, name)
            except FunnelcastError as error:
                self.progress(f"{name}: left out. {error}")
        return found

    def _scores(self, champion: Champion) -> Scale | None:
        name = champion.about.model
        self.progress(f"scoring by {name}")
        try:
            batches = list(stream(self.settings, self.facts, champion, self.as_of))
        except FunnelcastError as error:
            self.contents.missing[f"scores of {name}"] = str(error)
            return None
        answers = pd.concat(batches, ignore_index=True)
        scale = Scale.of_answers(answers) if "grade" in answers else None
        if scale is not None:
            worth = answers.get("expected_value", pd.Series(np.nan, answers.index))
            # among these very answers, as the service will
            answers = answers.assign(**ranks(answers["probability"].to_numpy(), worth.to_numpy(), scale))
        self.answers[name] = answers
        self.contents.files[f"scores/{name}.parquet"] = answers.to_parquet(index=False)
        self.scored[name] = len(answers)
        if scale is not None:
            self._list(champion, answers)
        if isinstance(champion.model, ChurnModel) and champion.model.moves is not None:
            moves = expected_moves(champion.model.moves, answers["channel_state"], answers[list(NEXT_COLUMNS)])
            self.contents.files["channel_moves.json"] = to_json(moves)
        return scale

    def _list(self, champion: Champion, answers: pd.DataFrame) -> None:
        """Leave the list that spec.toml describes, for the page."""

        def document() -> dict[str, Json]:
            campaign = Campaign.of(read(self.settings.models, champion.about.model))
            return list_document(self.settings, self.facts, champion, answers, campaign, self.as_of)

        self.contents.attempt(f"lists/{champion.about.model}", document)

    def _value_conversions(self) -> None:
        """Leave what a conversion is worth, by which the service values leads; null where the facts don't tell it."""

        def document() -> dict[str, Json] | None:
            value = value_of_conversions(self.settings, cut(self.facts, self.as_of), self.as_of)
            return None if value is None else value.document()

        if any(champion.about.family == "lead_scoring" for champion in self.serving.values()):
            self.contents.attempt(CONVERSION_VALUE, document)

    def _value_segments(self) -> None:
        """Leave what customers are worth by how they were won and how many channels they use; a simple rule has no intervals for it."""
        champion = self.serving.get(CLV)
        if champion is None or not self.facts.has("transactions"):
            return
        model = champion.model
        if not isinstance(model, PurchaseModel):
            self.contents.missing[CLV_SEGMENTS] = "The clv champion is a simple rule, which gives no intervals for sums of customers."
            return

        def document() -> dict[str, Json]:
            origin: dict[str, Json] = {"as_of": self.as_of.isoformat(), "currency": self.facts.source.currency, "version": champion.version}
            return {**origin, **omnichannel(cut(self.facts, self.as_of), self.as_of, model)}

        self.contents.attempt(CLV_SEGMENTS, document)

    def _project(self, economics: Any) -> None:
        models = serving_models(self.settings, self.facts.source.name)
        projection = Gatherer(self.settings, self.facts, self.as_of, models, self.progress).project(frozenset(QUANTITIES))
        self.contents.files |= {f"forecast/{path}": content for path, content in projection.files().items()}
        self.contents.missing |= projection.missing
        before = self.contents.attempt(PAST, lambda: past(self.facts, projection))
        for quantity in [name for name in QUANTITIES if name not in projection.missing]:
            self.progress(f"drawing {quantity}")
            for ask in asked_first(quantity):
                forecast = projection.forecast(ask)
                self.contents.files[f"{document_of(ask)}.json"] = to_json(forecast.document())
                self.forecasts.setdefault(quantity, forecast)  # the first is by week
        if "cash" in self.forecasts:  # what is planned isn't a forecast: receipts alone can be held against what came
            cash = self.forecasts["cash"]
            receipts = {name: part for name, part in cash.parts.items() if name in RECEIPTS}
            self.forecasts["receipts"] = replace(cash, parts=receipts, extra={})
            levers = Levers(cut(self.facts, self.as_of), cash, self.answers)
            for name in KINDS:
                self.contents.attempt(f"lists/{name}", partial(levers.document, name))
        churn = (read(self.settings.models, CHURN), self.answers[CHURN]) if CHURN in self.answers else None
        known = cut(self.facts, self.as_of)
        overview = Overview(known, self.as_of, self.forecasts, projection, before or {}, economics, churn)
        self.contents.attempt("overview", overview.document)
