"""What a fit leaves behind: the run's record, the registered artefact, and the promotion that its verdict allows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib.metadata import version as installed
from typing import Any

import numpy as np
import pandas as pd

from funnelcast import champions
from funnelcast.answers import scale_of
from funnelcast.artefacts import digest, to_json
from funnelcast.champions import CARD, About
from funnelcast.evaluate.gate import Losses, Verdict, skill_of
from funnelcast.evaluate.gate_plot import differences_figure
from funnelcast.families.family import Development, Family, Model
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf, Json
from funnelcast.tracking import Record, Tracker
from training.card import card, gates_table
from training.history import HISTORY, sketch
from training.provenance import code_commit, data_hash

_LIBRARIES = ("duckdb", "ibis-framework", "lifetimes", "lightgbm", "numpy", "scikit-learn", "statsforecast")


@dataclass(frozen=True)
class Fitted:
    """A model fitted and judged, not yet recorded."""

    settings: Settings
    facts: Facts
    spec: Spec
    family: Family
    as_of: AsOf
    development: Development
    offered: About
    verdict: Verdict
    losses: Losses

    @property
    def registered_name(self) -> str:
        """The name in the registry: two companies never meet in one home."""
        return f"{self.facts.source.name}.{self.spec.name}"

    @cached_property
    def card(self) -> bytes:
        """The challenger's card: with the run, and with the version."""
        return card(self, "challenger")

    @cached_property
    def provenance(self) -> dict[str, str]:
        """The hashes of what went in, and the versions of what computed it."""
        return {
            "spec_sha256": self.spec.sha256,
            "data_hash": data_hash(self.facts),
            "features": self.offered.features,
            "code_commit": code_commit(),
            "libraries": ", ".join(f"{library} {installed(library)}" for library in _LIBRARIES),
        }


def record_of(fitted: Fitted) -> Record:
    """Gather parameters, metrics by fold, hashes, plots, the card and the gate's evidence."""
    spec, development = fitted.spec, fitted.development
    beside = {f"baseline.{name}": value for name, value in finite_only(development.baseline_metrics)}
    drawn: dict[str, Callable[[], Any]] = {**development.plots, "gate": partial(differences_figure, fitted.losses, spec.seed)}
    figures = {f"plots/{name}.png": png(draw()) for name, draw in drawn.items()}
    tables = {f"tables/{name}.csv": table.to_csv(index=False).encode() for name, table in development.tables.items()}
    evidence = {
        "winner": fitted.verdict.winner,
        "gates": [gate.document() for gate in fitted.verdict.gates],
        "details": dict(development.details),
    }
    written = {
        CARD: fitted.card,
        "gates.md": f"# Gates of {fitted.registered_name}\n\n{gates_table(fitted.verdict)}\n".encode(),
        "evidence.json": to_json(evidence),
        HISTORY: sketch(fitted.facts, fitted.as_of),
    }
    return Record(
        # not `as_of`: inside `mlflow run` that is a parameter of the entry point
        parameters={**dict(_parameters(spec)), "trained_as_of": fitted.as_of.isoformat(), "rows": development.rows},
        metrics={**dict(finite_only(development.metrics)), **beside, "skill": skill_of(fitted.losses.challenger, fitted.losses.baseline)},
        folds=[dict(finite_only(fold)) for fold in development.folds],
        tags=_tags(fitted),
        files={**figures, **tables, **written},
    )


def log_run(settings: Settings, name: str, record: Record) -> str:
    """Leave a run that registers nothing, such as a back-test's, and give its id."""
    tracker = Tracker(settings)
    run_id = tracker.start(name)
    try:
        tracker.log(run_id, record)
    except BaseException:
        tracker.finish(run_id, failed=True)
        raise
    tracker.finish(run_id)
    return run_id


def register(tracker: Tracker, run_id: str, fitted: Fitted, *, promote: bool) -> tuple[int, dict[str, Json] | None]:
    """Register the challenger, and give the alias to whom the verdict names.

    Returns
    -------
    The challenger's version, and the promoted version with its role (challenger or baseline); None where the champion stays.
    """
    version, artefact = _store(tracker, run_id, fitted, "challenger")
    if not promote or fitted.verdict.winner == "champion":
        return version, None
    chosen = version
    if fitted.verdict.winner == "baseline":
        chosen, artefact = _store(tracker, run_id, fitted, "baseline")
    champions.export(fitted.settings, artefact, chosen)
    tracker.promote(fitted.registered_name, chosen, fitted.verdict.reason)
    return version, {"version": chosen, "role": fitted.verdict.winner}


def about_of(facts: Facts, spec: Spec, family: Family, as_of: AsOf, development: Development) -> About:
    """Say where a challenger comes from; the run that will keep it isn't known yet."""
    return About(
        source=facts.source.name,
        model=spec.name,
        family=spec.family,
        role="challenger",
        run_id="",
        trained_as_of=as_of.isoformat(),
        features=family.fingerprint(development.model),
        metrics={},
        brought={name: sorted(columns) for name, columns in facts.brought.items()},
        attributes=_attributes(facts),
        scale=[],
        code=champions.code_digest(),
        rows=development.rows,
    )


def finite_only(metrics: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Give the metrics that are numbers: MLflow and JSON know no NaN."""
    return ((name, float(value)) for name, value in metrics.items() if np.isfinite(value))


def png(figure: Any) -> bytes:
    """Give a figure as it is kept."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


def _store(tracker: Tracker, run_id: str, fitted: Fitted, role: str) -> tuple[int, dict[str, bytes]]:
    development, challenger = fitted.development, role == "challenger"
    model, judged = (development.model, development.judged) if challenger else (development.baseline, development.judged_baseline)
    metrics = development.metrics if challenger else development.baseline_metrics
    about = replace(
        fitted.offered,
        role=role,
        run_id=run_id,
        features=fitted.family.fingerprint(model),
        metrics=dict(finite_only(metrics)),
        scale=_scale(model, development.newest),
        skill=skill_of(fitted.losses.challenger, fitted.losses.baseline) if challenger else 0.0,
    )
    artefact = {**champions.artefact(model, about), CARD: fitted.card if challenger else card(fitted, role)}
    tags = {
        "role": role,
        "sha256": digest(artefact),
        "verdict": fitted.verdict.reason,
        "passed": str(fitted.verdict.winner == role).lower(),
    }
    told = gates_table(fitted.verdict)
    twin = _twin(fitted, about, judged)
    return tracker.register(fitted.registered_name, run_id, artefact, tags, description=told, twin=twin), artefact


def _twin(fitted: Fitted, about: About, judged: Model) -> dict[str, bytes] | None:
    """Give what stood in for a version on the newest fold; none where the facts have no time to tell what it hasn't seen."""
    until = fitted.development.judged_as_of
    return None if until is None else champions.artefact(judged, replace(about, trained_as_of=until.isoformat()))


def _attributes(facts: Facts) -> dict[str, str]:
    if not facts.has("contacts"):
        return {}
    schema = facts.table("contacts").schema()
    return {name: "number" if schema[name].is_numeric() else "category" for name in facts.attributes("contacts")}


def _scale(model: Model, newest: pd.DataFrame) -> list[float]:
    predicted = model.predict(newest[list(model.columns)])
    return scale_of(predicted["probability"].to_numpy()) if "probability" in predicted else []


def _parameters(spec: Spec) -> Iterator[tuple[str, Any]]:
    yield "seed", spec.seed
    for section in ("cohort", "label", "features", "folds", "search", "options"):
        for key, value in getattr(spec, section).items():
            yield f"{section}.{key}", value


def _tags(fitted: Fitted) -> dict[str, str]:
    return {
        "model": fitted.spec.name,
        "family": fitted.spec.family,
        "source": fitted.facts.source.name,
        **fitted.provenance,
        "verdict": fitted.verdict.reason,
    }
