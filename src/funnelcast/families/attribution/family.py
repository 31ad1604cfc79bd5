"""The attribution family: fitted on settled journeys, judged on newer ones cut short at a random touch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.artefacts import digest, to_json
from funnelcast.families.attribution import truth
from funnelcast.families.attribution.answer import METHODS, answer
from funnelcast.families.attribution.chain import chain_of
from funnelcast.families.attribution.credit import Attribution
from funnelcast.families.attribution.markov import OrderChoice, choose_order, markov
from funnelcast.families.attribution.model import AttributionModel, last_touch_model, markov_model, predicting, rebuild
from funnelcast.families.attribution.paths import Floats, Paths, from_rows, joined
from funnelcast.families.attribution.setup import Gathered, Setup, gather, require_conversions, settled_paths, setup_of
from funnelcast.families.attribution.shapley import shapley
from funnelcast.families.family import Development, Model, Options
from funnelcast.journeys import open_journeys
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf, Json

_JUDGED = 5_000  # journeys on which the gate compares models
_ENOUGH = 20  # conversions on each side of the boundary, below which the newest period can't judge
_HELD_OUT = 0.2
_PRIORS = (10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)
_FEATURE_SET = "open_journey.1 shapley.2"  # to be raised whenever journeys.open_journeys gives another path, or the artefact other numbers
_PLOTTED = ("last", "linear", "markov", "shapley")


class AttributionFamily:
    """Rule models, Markov and Shapley over the same journeys; the Markov chain predicts."""

    name = "attribution"
    needs = (("touchpoints", "transactions"), ("touchpoints", "contacts"), ("journeys",))

    def develop(self, facts: Facts, spec: Spec, as_of: AsOf, options: Options) -> Development:
        """Choose the order and judge it on journeys settled in the newest period; then credit all journeys by every method."""
        setup = setup_of(spec)
        gathered = gather(facts, setup, as_of)
        held_out = _held_out(gathered.paths, gathered.newest, setup)
        older = gathered.paths.where(~held_out) if not held_out.all() else gathered.paths
        newer = gathered.paths.where(held_out)
        choice = choose_order(older, setup.orders, setup.minimum)
        prior = choose_prior(older, choice.order, setup)
        options.progress(f"attribution: order {choice.order} of {list(setup.orders)}, crediting by {len(METHODS)} methods")
        judged = markov_model(markov(older, choice.order, setup.minimum), setup, prior, organic=gathered.organic)
        judged_baseline = last_touch_model(older)
        since = setup.newest_from(as_of) if held_out is gathered.newest else None
        newest = _seen(newer, setup, since)
        model, answers = _full(gathered, setup, choice.order, prior)
        return Development(
            model=model,
            baseline=last_touch_model(gathered.paths).with_credits_of(model),
            judged=judged,
            judged_baseline=judged_baseline,
            newest=newest,
            metrics=_metrics(judged, newest),
            baseline_metrics=_metrics(judged_baseline, newest),
            rows=round(gathered.paths.journeys.sum()),
            judged_as_of=since,
            details=_details(model, setup, choice),
            sections=(truth.section(),),
            plots={"credits": lambda: _credit_bars(answers)},
        )

    def matured(self, facts: Facts, spec: Spec, as_of: AsOf) -> pd.DataFrame | None:
        """Give journeys settled in the newest period, cut short; None where it holds too few, or no touch has a date."""
        if not facts.has("touchpoints"):
            return None
        setup = setup_of(spec)
        _, paths, newest = settled_paths(facts, setup, as_of)
        paths = paths.collapsed() if setup.collapse_repeats else paths
        return _seen(paths.where(newest), setup, setup.newest_from(as_of)) if _enough(paths, newest) else None

    def candidates(self, facts: Facts, spec: Spec, cohort: ir.Table | None, as_of: AsOf) -> ir.Table:
        """Give each contact's journey so far; without a cohort, of all whose journey is open."""
        rules = setup_of(spec).journeys
        if cohort is not None:
            return open_journeys(facts, rules, cohort)
        contacts = cut(facts, as_of).table("touchpoints", "Open journeys").select("contact_id").distinct()
        found = open_journeys(facts, rules, contacts.mutate(as_of=ibis.literal(as_of.at, type="timestamp")))
        return found.filter(found.path != "").order_by("contact_id")

    def fit(self, rows: pd.DataFrame, spec: Spec) -> AttributionModel:
        """Fit on paths with ``conversions``, ``nulls`` and, where known, ``value`` and ``contact_id``."""
        setup = setup_of(spec)
        gathered = _of_rows(rows, setup)
        order = choose_order(gathered.paths, setup.orders, setup.minimum).order
        return _full(gathered, setup, order, choose_prior(gathered.paths, order, setup))[0]

    def fit_baseline(self, rows: pd.DataFrame, spec: Spec) -> AttributionModel:
        """Fit the conversion rate by last touch on the same rows."""
        return last_touch_model(_of_rows(rows, setup_of(spec)).paths)

    def rebuild(self, files: Mapping[str, bytes]) -> AttributionModel:
        """Make the model from its artefact."""
        return rebuild(files)

    def fingerprint(self, model: Model) -> str:
        """Hash the columns and the version of their definition."""
        return digest({_FEATURE_SET: to_json(dict(model.columns))})

    def losses(self, model: Model, rows: pd.DataFrame) -> Floats:
        """Give the log loss per journey of each row's path."""
        probability = model.predict(rows[["path"]])["probability"].to_numpy()
        won, lost = rows["conversions"].to_numpy(dtype=float), rows["nulls"].to_numpy(dtype=float)
        safe = np.clip(probability, 1e-12, 1 - 1e-12)
        return np.asarray(-(won * np.log(safe) + lost * np.log1p(-safe)) / np.maximum(won + lost, 1e-300), dtype=np.float64)


FAMILY = AttributionFamily()


def _credit_bars(answers: Mapping[str, Attribution]) -> Any:
    from funnelcast.families.attribution.plots import credit_bars  # noqa: PLC0415 (the service never draws: it needs no matplotlib)

    return credit_bars({name: answers[name] for name in _PLOTTED})


def cut_short(paths: Paths, count: int, seed: int) -> pd.DataFrame:
    """Draw journeys, each seen only up to one of its touches, as they look while they are open.

    Returns
    -------
    One row per journey: ``path`` so far, and ``conversions`` and ``nulls``, one of them 1 and the other 0.
    """
    rng = np.random.default_rng(seed)
    weights = np.concatenate([paths.conversions, paths.nulls])
    size = min(count, round(weights.sum()))
    drawn = np.sort(rng.choice(len(weights), size=size, p=weights / weights.sum()))
    row = drawn % len(paths.conversions)
    seen = rng.integers(1, paths.lengths[row] + 1)
    won = (drawn < len(paths.conversions)).astype(np.float64)
    text = [joined(paths, int(path), int(touches)) for path, touches in zip(row, seen, strict=True)]
    return pd.DataFrame({"path": text, "conversions": won, "nulls": 1 - won})


def _seen(paths: Paths, setup: Setup, since: AsOf | None) -> pd.DataFrame:
    return cut_short(paths, _JUDGED, setup.seed).assign(as_of=np.datetime64(since.at if since else "NaT", "us"))


def _enough(paths: Paths, newest: npt.NDArray[np.bool_]) -> bool:
    return len(newest) > 0 and bool(min(paths.conversions[newest].sum(), paths.conversions[~newest].sum()) >= _ENOUGH)


def _held_out(paths: Paths, newest: npt.NDArray[np.bool_], setup: Setup) -> npt.NDArray[np.bool_]:
    """Hold out the newest period; some of the clusters where the facts have no time or the period holds too little."""
    if _enough(paths, newest):
        return newest
    held = _some_clusters(paths, setup.seed)
    # a handful of journeys may all fall on one side: then they judge themselves
    both = min(paths.journeys[held].sum(), paths.conversions[~held].sum()) > 0
    return held if both else np.ones(len(paths.conversions), dtype=bool)


def _some_clusters(paths: Paths, seed: int) -> npt.NDArray[np.bool_]:
    order = np.random.default_rng(seed).permutation(paths.clusters)
    return np.isin(paths.cluster, order[: max(1, round(_HELD_OUT * paths.clusters))])


def choose_prior(paths: Paths, order: int, setup: Setup) -> float:
    """Choose by held-out log loss how strongly a state's probability is shrunk to that of its shorter tuple, in visits."""
    held = _some_clusters(paths, setup.seed + 1)
    if min(paths.conversions[held].sum(), paths.conversions[~held].sum()) < _ENOUGH:
        return _PRIORS[len(_PRIORS) // 2]
    chain = chain_of(paths.where(~held), order, setup.minimum)
    rows = cut_short(paths.where(held), _JUDGED, setup.seed + 1)
    losses = {prior: float(FAMILY.losses(AttributionModel(predicting(chain, prior)), rows).mean()) for prior in _PRIORS}
    return min(_PRIORS, key=lambda prior: (losses[prior], -prior))


def _of_rows(rows: pd.DataFrame, setup: Setup) -> Gathered:
    paths = from_rows(rows, setup.seed)
    require_conversions(paths)
    paths = paths.collapsed() if setup.collapse_repeats else paths
    return Gathered(paths, np.zeros(0, dtype=bool), None, 0.0, 0.0, None, "value" in rows)


def _full(gathered: Gathered, setup: Setup, order: int, prior: float) -> tuple[AttributionModel, dict[str, Attribution]]:
    answers = {name: answer(gathered, setup, name, order) for name in METHODS}
    made = markov(gathered.paths, order, setup.minimum)
    made_shapley = shapley(gathered.paths, gathered.organic)
    model = markov_model(made, setup, prior, answers=answers, shapley=made_shapley, organic=gathered.organic)
    return model, answers


def _metrics(model: AttributionModel, newest: pd.DataFrame) -> dict[str, float]:
    probability = model.predict(newest[["path"]])["probability"].to_numpy()
    won = newest["conversions"].to_numpy()
    return {
        "log_loss": float(FAMILY.losses(model, newest).mean()),
        "brier": float(np.mean((probability - won) ** 2)),
        "mean_predicted": float(probability.mean()),
        "observed_rate": float(won.mean()),
    }


def _details(model: AttributionModel, setup: Setup, choice: OrderChoice) -> dict[str, Any]:
    document: dict[str, Any] = model.credits(setup.method)
    gap = abs(sum(row["conversions"] for row in document["credits"]) - document["conversions"])
    bound = 1e-9 * max(1.0, document["conversions"])
    likelihood: dict[str, Json] = {str(order): value for order, value in choice.log_likelihood.items()}
    return {
        "credits": document["credits"],
        "method": setup.method,
        "order": choice.order,
        "question": document["question"],
        "untouched": document["untouched"],
        "log_likelihood": likelihood,
        "gates": [{"name": "credits_sum_to_conversions", "passed": gap <= bound, "value": gap, "threshold": bound, "safety": True}],
    }
