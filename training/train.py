"""Train one model: facts in, a tracked run, a gated promotion out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache

from funnelcast.errors import FunnelcastError, MissingTable, TooFewRows
from funnelcast.families.family import Family, Options
from funnelcast.families.registry import family_of
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import TABLES
from funnelcast.spec import names, read
from funnelcast.terms import Alias, AsOf, Json
from funnelcast.tracking import Tracker
from training.judging import Bench, judge_development, with_found_at_capacity
from training.lock import alone
from training.promote import complete
from training.recording import Fitted, about_of, finite_only, record_of, register


@dataclass(frozen=True)
class Request:
    """What a data scientist asked for."""

    model: str
    as_of: AsOf | None = None
    promote: bool = True
    options: Options = field(default_factory=Options)


def train(settings: Settings, facts: Facts, request: Request, tracker: Tracker | None = None) -> dict[str, Json]:
    """Train, log, register, gate and promote one model.

    Returns
    -------
    The train document of the contract. ``alias`` is ``champion`` where the challenger was promoted, else null; ``promoted`` names the
    version that took the alias and what it was (challenger or baseline), null where the champion stayed.

    Raises
    ------
    MissingTable, TooFewRows, SourceError
        The facts don't allow this model; says what is missing.
    Busy
        Another process writes champions or snapshots of this company.
    """
    with alone(settings, facts.source.name, "train") if request.promote else nullcontext():
        return _train(settings, facts, request, tracker)


def _train(settings: Settings, facts: Facts, request: Request, tracker: Tracker | None) -> dict[str, Json]:
    started = time.monotonic()
    known = cache(lambda: tracker or Tracker(settings))
    fitted = fit(settings, facts, request, known)
    tracker = known()
    request.options.progress(f"{request.model}: logging and registering")
    complete(settings, tracker, facts.source.name, request.model)
    run_id = tracker.start(fitted.registered_name)
    try:
        tracker.log(run_id, record_of(fitted))
        version, promoted = register(tracker, run_id, fitted, promote=request.promote)
    except BaseException:
        tracker.finish(run_id, failed=True)
        raise
    tracker.finish(run_id)
    development = fitted.development
    return {
        "model": request.model,
        "version": version,
        "run_id": run_id,
        "alias": Alias.CHAMPION.value if promoted and promoted["role"] == "challenger" else None,
        "promoted": promoted,
        "verdict": fitted.verdict.reason,
        "as_of": fitted.as_of.isoformat(),
        "rows": development.rows,
        "seconds": round(time.monotonic() - started, 3),
        "metrics": dict(finite_only(development.metrics)),
        "baseline": dict(finite_only(development.baseline_metrics)),
        **{key: value for key, value in development.details.items() if key != "gates"},
        "gates": [gate.document() for gate in fitted.verdict.gates],
    }


def fit(settings: Settings, facts: Facts, request: Request, tracker: Callable[[], Tracker] | None = None) -> Fitted:
    """Fit and judge one model, without leaving anything behind.

    Parameters
    ----------
    tracker
        Gives the registry; without it a champion that has seen the newest fold is compared on it all the same.
    """
    spec = read(settings.models, request.model)
    family = family_of(spec.family)
    require_tables(facts, family, spec.name)
    as_of = request.as_of or default_as_of(facts)
    request.options.progress(f"{spec.name}: fitting as of {as_of.isoformat()}")
    options = replace(request.options, studies=settings.studies(facts.source.name))
    development = with_found_at_capacity(spec, family.develop(facts, spec, as_of, options))
    offered = about_of(facts, spec, family, as_of, development)
    verdict, losses = judge_development(Bench.of(settings, facts.source.name, spec, family, tracker), facts, development, offered, as_of)
    return Fitted(settings, facts, spec, family, as_of, development, offered, verdict, losses)


def trainable(settings: Settings) -> tuple[str, ...]:
    """Name every model that models/ defines."""
    return names(settings.models)


def train_all(settings: Settings, facts: Facts, names: Sequence[str], request: Request) -> dict[str, Json]:
    """Train several models; one that fails, in whatever way, is reported and never blocks the others.

    Raises
    ------
    Busy
        Another process writes champions or snapshots of this company.
    """
    done: list[Json] = []
    failed: list[Json] = []
    with alone(settings, facts.source.name, "train") if request.promote else nullcontext():
        tracker = Tracker(settings)
        for name in names:
            try:
                done.append(train(settings, facts, replace(request, model=name), tracker))
            except Exception as error:  # noqa: BLE001 (a fault of ours in one model is no reason to leave the others old)
                reason = reason_of(error, f"train {name}")
                request.options.progress(f"{name}: not trained. {reason}")
                failed.append({"model": name, "reason": reason, "for_lack_of_facts": isinstance(error, MissingTable | TooFewRows)})
    return {"trained": done, "failed": failed}


def reason_of(error: Exception, command: str) -> str:
    """Say why something failed; where a fault of ours is shown in full, by the command that does it alone."""
    if isinstance(error, FunnelcastError):
        return str(error)
    return f"Something of funnelcast's own broke: {type(error).__name__}: {error}. `funnelcast {command} --debug` shows where."


def default_as_of(facts: Facts) -> AsOf:
    """Give the midnight after the last observed day; the one that today began with where the facts have no time."""
    now = AsOf.now(facts.source.timezone)
    return facts.observed_until or AsOf.midnight_after(now.plus(-1).at.date(), now.timezone)


def require_tables(facts: Facts, family: Family, purpose: str) -> None:
    """Say which table is missing before anything is computed.

    Raises
    ------
    MissingTable
        None of the family's alternatives is complete; names the first one's missing table and the others.
    """
    if any(facts.has(*alternative) for alternative in family.needs):
        return
    absent = next(table for table in family.needs[0] if not facts.has(table))
    others = "".join(f"; or bring {' and '.join(tables)} instead" for tables in family.needs[1:])
    raise MissingTable(
        purpose=purpose,
        table=absent,
        source=facts.source.path or facts.source.name,
        columns=", ".join(TABLES[absent].required) + others,
    )
