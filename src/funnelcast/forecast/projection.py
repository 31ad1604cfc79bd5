"""All that a company's forecasts are drawn from, and the one place that puts sales, pipeline and cash together.

A snapshot holds it, so that the service answers with other weeks and scenarios from the very same futures that the command line draws.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeVar

from funnelcast import deadline
from funnelcast.artefacts import to_json
from funnelcast.errors import NotFound, UsageError
from funnelcast.forecast import cash_inputs
from funnelcast.forecast.cash import forecast_cash
from funnelcast.forecast.cash_inputs import CashInputs
from funnelcast.forecast.periods import Every, Period, calendar, edges
from funnelcast.forecast.pipeline import PipelineInputs, by_part, dead_weight, draw_bookings, forecast_pipeline
from funnelcast.forecast.result import Forecast, difference
from funnelcast.forecast.sales import SalesInputs, by_series, flows, forecast_sales
from funnelcast.forecast.scenario import Scenario
from funnelcast.terms import QUANTITIES, AsOf, Json

By: TypeAlias = Literal["series", "channel", "owner"]
Inputs = TypeVar("Inputs")

DRAWS = 2_000
LONGEST_WEEKS = 52
LONGEST_MONTHS = 24

PARTS: Mapping[str, tuple[str, ...]] = {"sales": ("series", "channel"), "pipeline": ("channel", "owner"), "cash": ()}
_RISKS = ("probability", "probability_below_floor")
_HEAD = "projection.json"


@dataclass(frozen=True)
class Ask:
    """What a planner asks for.

    Parameters
    ----------
    every, count
        How many full weeks or months, beside a first short one.
    by
        Also each series (or channel) of sales, each channel or owner of the pipeline, on its own.

    Raises
    ------
    UsageError
        The quantity, the number of periods or the parts can't be.
    """

    quantity: str
    every: Every = "week"
    count: int = 13
    by: By | None = None
    scenario: Scenario = field(default_factory=Scenario)

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise UsageError(reason=f"{self.quantity!r} is no forecast; ask for {', '.join(QUANTITIES)}.")
        longest = LONGEST_WEEKS if self.every == "week" else LONGEST_MONTHS
        if not 1 <= self.count <= longest:
            raise UsageError(reason=f"{self.count} {self.every}s can't be forecast: ask for 1 to {longest}.")
        if self.by is not None and self.by not in PARTS[self.quantity]:
            told = "sales go by series or channel, the pipeline by channel or owner"
            raise UsageError(reason=f"{self.quantity} can't be told by {self.by}: {told}.")


@dataclass(frozen=True)
class Projection:
    """The inputs of every forecast at one as_of; a part is None where the company's facts don't allow it, and ``missing`` says why."""

    as_of: AsOf
    sales: SalesInputs | None
    pipeline: PipelineInputs | None
    cash: CashInputs | None
    missing: Mapping[str, str]
    seed: int
    draws: int = DRAWS
    _plans: dict[str, tuple[Ask, int, Forecast]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def document(self, ask: Ask) -> dict[str, Json]:
        """Answer as the contract's JSON, with each series where ``by`` asks for it, and what a scenario changes under ``difference``."""
        forecast = self.forecast(ask)
        document = forecast.document()
        if not ask.scenario.neutral:
            document["difference"] = self._difference(forecast, ask)
        if ask.by is not None:
            document["series"] = self._series(ask)
        return document

    def forecast(self, ask: Ask) -> Forecast:
        """Draw one quantity.

        Raises
        ------
        NotFound
            The facts don't allow this quantity; says what is missing.
        """
        deadline.check()
        periods = calendar(self.as_of, ask.every, ask.count)
        if ask.quantity == "sales":
            return forecast_sales(self._given(self.sales, "sales"), periods, self.draws, self.seed, ask.scenario)
        if ask.quantity == "pipeline":
            return forecast_pipeline(self._given(self.pipeline, "pipeline"), periods, self.draws, self.seed, ask.scenario)
        return self._cash(periods, ask.scenario)

    def files(self) -> dict[str, bytes]:
        """Give everything by path, as a snapshot holds it."""
        head: dict[str, Json] = {
            "as_of": self.as_of.at.isoformat(),
            "timezone": self.as_of.timezone,
            "seed": self.seed,
            "draws": self.draws,
        }
        found = {_HEAD: to_json({**head, "missing": dict(self.missing)})}
        for name, inputs in (("sales", self.sales), ("pipeline", self.pipeline), ("cash", self.cash)):
            if inputs is not None:
                found |= {f"{name}/{path}": content for path, content in inputs.files().items()}
        return found

    def _difference(self, changed: Forecast, ask: Ask) -> Json:
        """Say what the scenario changes against the plan, on the same draws; of cash also how much likelier it makes a shortfall."""
        plan = self._plan(replace(ask, by=None, scenario=Scenario()))
        risks: list[Any] = [forecast.extra.get("shortfall") for forecast in (changed, plan)]
        if None in risks:
            return difference(changed, plan)
        return {**difference(changed, plan), "shortfall": {name: risks[0][name] - risks[1][name] for name in _RISKS}}

    def _plan(self, ask: Ask) -> Forecast:
        """Draw without a scenario; the last of each quantity is kept, for whoever changes a scenario bit by bit asks for it each time."""
        kept = self._plans.get(ask.quantity)
        if kept is not None and kept[:2] == (ask, self.draws):
            return kept[2]
        plan = self.forecast(ask)
        self._plans[ask.quantity] = (ask, self.draws, plan)
        return plan

    def _cash(self, periods: tuple[Period, ...], scenario: Scenario) -> Forecast:
        inputs = self._given(self.cash, "cash")
        days = int(edges(periods, self.as_of)[-1])
        # what is booked before the horizon and collected in it counts; what is booked later can't be collected in it
        booked = draw_bookings(self.pipeline, days, self.draws, self.seed, scenario) if self.pipeline else None
        opened, new = (booked.opened, booked.new) if booked else (None, None)
        deadline.check()
        repeat = flows(self.sales, days, self.draws, self.seed) if self.sales and self.sales.basis == "transactions" else None
        deadline.check()
        dead = dead_weight(self.pipeline) if self.pipeline else frozenset[str]()
        return forecast_cash(inputs, opened, new, repeat, periods, self.seed, scenario, draws=self.draws, dead_weight=dead)

    def _series(self, ask: Ask) -> list[Json]:
        if ask.quantity == "sales":
            return by_series(self._given(self.sales, "sales"), ask.every, ask.count, self.draws, self.seed)
        return self._deals_by(ask)

    def _deals_by(self, ask: Ask) -> list[Json]:
        inputs = self._given(self.pipeline, "pipeline")
        periods = calendar(self.as_of, ask.every, ask.count)
        bounds = edges(periods, self.as_of)
        drawn = draw_bookings(inputs, int(bounds[-1]), self.draws, self.seed, ask.scenario)
        documents: list[Json] = []
        for name, own in by_part(inputs, drawn, str(ask.by)).items():
            deadline.check()
            parts = {part: flow.by_period(bounds) for part, flow in own.items()}
            forecast = Forecast("pipeline", self.as_of, inputs.currency, periods, parts).document()
            documents.append({"series": name, "periods": forecast["periods"], "total": forecast["total"], "stale": False})
        return documents

    def _given(self, inputs: Inputs | None, quantity: str) -> Inputs:
        if inputs is None:
            raise NotFound(what="forecast of", name=quantity, advice=self.missing.get(quantity, "Its facts are missing."))
        return inputs


def rebuild(files: Mapping[str, bytes]) -> Projection:
    """Make the projection from a snapshot's files."""

    def below(name: str) -> dict[str, bytes]:
        return {path.removeprefix(f"{name}/"): content for path, content in files.items() if path.startswith(f"{name}/")}

    head = json.loads(files[_HEAD])
    sales, pipeline, cash = below("sales"), below("pipeline"), below("cash")
    return Projection(
        as_of=AsOf(datetime.fromisoformat(head["as_of"]), head["timezone"]),
        sales=SalesInputs.rebuild(sales) if sales else None,
        pipeline=PipelineInputs.rebuild(pipeline) if pipeline else None,
        cash=cash_inputs.rebuild(cash) if cash else None,
        missing=head["missing"],
        seed=head["seed"],
        draws=head["draws"],
    )
