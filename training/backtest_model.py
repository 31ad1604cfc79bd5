"""Evaluate a model at rolling origins: developed as it would have been then, judged on what came after, beside its baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from funnelcast.artefacts import to_json
from funnelcast.errors import FunnelcastError
from funnelcast.families.family import Development, Options, Progress
from funnelcast.families.registry import family_of
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf, Json
from funnelcast.tracking import Record
from training.provenance import code_commit, data_hash
from training.recording import finite_only, log_run
from training.train import default_as_of, require_tables


def backtest_model(settings: Settings, facts: Facts, model: str, *, origins: int, weeks: int, progress: Progress) -> dict[str, Json]:
    """Develop a model at several instants and report each newest fold; an MLflow run holds them as steps of each metric.

    Parameters
    ----------
    origins
        How many, newest first; fewer where the facts are too short.
    weeks
        Between neighbouring origins.

    Raises
    ------
    FunnelcastError
        Not even the newest origin has enough facts; says what it lacks.
    """
    found = _developed(settings, facts, model, origins, weeks, progress)
    own = [dict(finite_only(development.metrics)) for _, development in found]
    simple = [dict(finite_only(development.baseline_metrics)) for _, development in found]
    by_origin: list[Json] = [
        {"as_of": as_of.isoformat(), "rows": development.rows, "metrics": {**metrics}, "baseline": {**baseline}}
        for (as_of, development), metrics, baseline in zip(found, own, simple, strict=True)
    ]
    answer: dict[str, Json] = {"model": model, "origins": len(found), "weeks": weeks, "mean": _mean(own), "baseline": _mean(simple)}
    answer |= {"by_origin": by_origin}
    beside = [{f"baseline.{name}": value for name, value in metrics.items()} for metrics in simple]
    steps = [{**metrics, **baseline} for metrics, baseline in zip(own, beside, strict=True)]
    record = Record(
        # not `model`, `origins` or `weeks`: inside `mlflow run` those are parameters of the entry point
        parameters={"judged": model, "newest_as_of": found[0][0].isoformat(), "origins_judged": len(found), "weeks_apart": weeks},
        metrics=steps[0],
        folds=steps[:0:-1],
        tags={"source": facts.source.name, "kind": "backtest", "data_hash": data_hash(facts), "code_commit": code_commit()},
        files={"backtest.json": to_json(answer)},
    )
    return {**answer, "run_id": log_run(settings, f"{facts.source.name}.{model}.backtest", record)}


def _developed(
    settings: Settings, facts: Facts, model: str, origins: int, weeks: int, progress: Progress
) -> list[tuple[AsOf, Development]]:
    """Develop at each origin, newest first, as far back as the facts allow."""
    spec = read(settings.models, model)
    family = family_of(spec.family)
    require_tables(facts, family, model)
    last = default_as_of(facts)
    found: list[tuple[AsOf, Development]] = []
    for step in range(origins):
        as_of = last.plus(-7.0 * weeks * step)
        progress(f"{model}: as of {as_of.at.date()}")
        try:
            found.append((as_of, family.develop(facts, spec, as_of, Options(threads=settings.threads))))
        except FunnelcastError as error:
            if not found:
                raise
            progress(f"{model}: no earlier origin. {error}")
            break
    return found


def _mean(tables: Sequence[Mapping[str, float]]) -> dict[str, Json]:
    shared = [name for name in tables[0] if all(name in table for table in tables)]
    return {name: float(np.mean([table[name] for table in tables])) for name in shared}
