"""The scheduled job: look, retrain where waiting costs too much, gate, promote or keep, refresh. No model's failure blocks the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from funnelcast import champions
from funnelcast.errors import ArtefactDamaged, FunnelcastError, MissingTable, NoChampion
from funnelcast.families.family import Options, Progress
from funnelcast.families.registry import family_of
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf, Json
from training.lock import alone
from training.refresh import refresh
from training.train import Request, default_as_of, reason_of, require_tables, train_all, trainable
from training.waiting import URGENT, Rules, Waiting

_NAMED = 3
FAILED = "failed"
NOT_POSSIBLE = "not possible"
"""The outcome of a model that the company doesn't bring the facts for, and never had."""


@dataclass(frozen=True)
class Decision:
    """Whether a model is retrained, and why.

    Parameters
    ----------
    version
        Of the champion; None where none loads.
    possible
        Whether the company brings the tables that it takes.
    waiting
        The expected loss of waiting as JSON, with what it means in money; empty where nothing was looked at.
    """

    model: str
    retrain: bool
    reason: str
    version: int | None = None
    possible: bool = True
    waiting: Mapping[str, Json] = field(default_factory=dict)

    def document(self) -> dict[str, Json]:
        """Give it as JSON."""
        return {"model": self.model, "retrain": self.retrain, "reason": self.reason, "version": self.version, **self.waiting}


def retrain(settings: Settings, facts: Facts, *, progress: Progress, trials: int | None = None) -> dict[str, Json]:
    """Retrain what needs it and refresh.

    Parameters
    ----------
    trials
        Of each search; by default what spec.toml says.

    Returns
    -------
    ``decisions`` (model, retrain, reason, and the expected loss of waiting by parts), ``trained`` and ``failed`` as in ``train all``, the
    ``refresh`` (``{"failed": reason}`` where it failed), and the ``summary``: by model the decision, its outcome and why.

    Raises
    ------
    Busy
        Another process writes champions or snapshots of this company.
    """
    with alone(settings, facts.source.name, "retrain"):
        as_of = default_as_of(facts)
        decisions = []
        for name in trainable(settings):
            progress(f"{name}: what waiting costs")
            decisions.append(decide(settings, facts, name, as_of))
            progress(f"{name}: {decisions[-1].reason}")
        chosen = [decision.model for decision in decisions if decision.retrain]
        options = Options(trials=trials, threads=settings.threads, progress=progress)
        done = train_all(settings, facts, chosen, Request("all", options=options)) if chosen else {"trained": [], "failed": []}
        return {
            "as_of": as_of.isoformat(),
            "decisions": [decision.document() for decision in decisions],
            **done,
            "refresh": _refreshed(settings, facts, as_of, progress),
            "summary": [*_summary(decisions, done)],
        }


def decide(settings: Settings, facts: Facts, model: str, as_of: AsOf) -> Decision:
    """Say whether a model needs retraining, and why or why not; one that can't be looked at is retrained."""
    try:
        spec = read(settings.models, model)
        Rules.of(spec)
        require_tables(facts, family_of(spec.family), model)
        champion = champions.load(settings, facts.source.name, model, facts.source.path or "FILE")
    except MissingTable as error:
        return Decision(model, retrain=False, reason=str(error), possible=False)
    except (NoChampion, ArtefactDamaged) as error:
        return Decision(model, retrain=True, reason=f"no champion: {error}")
    except FunnelcastError as error:  # the training will say the same, and be told as failed
        return Decision(model, retrain=True, reason=str(error))
    try:
        needed, reason, told = _weighed(Waiting(settings, facts, champion, as_of))
    except Exception as error:  # noqa: BLE001 (what can't be looked at may be broken, and mustn't block the others)
        needed, reason, told = True, f"it can't be looked at: {reason_of(error, 'monitor')}", {}
    return Decision(model, needed, reason, champion.version, waiting=told)


def _weighed(waiting: Waiting) -> tuple[bool, str, dict[str, Json]]:
    refused = waiting.outdated()
    if refused:
        return True, refused, {}
    rules, total = waiting.rules, waiting.total
    cooling = waiting.age_days <= rules.cool_down_days
    told: dict[str, Json] = {**waiting.document(), **({} if cooling else waiting.money())}
    costs = f"waiting costs {_percent(total)} of the simple rule's loss ({_parts(waiting)})"
    if cooling:
        urgent = total > URGENT * rules.tolerated
        breaks = f"{costs}: more than {URGENT:g} times the tolerated {_percent(rules.tolerated)}, so that the cool-down doesn't hold"
        return urgent, breaks if urgent else f"within the cool-down of {rules.cool_down_days:g} days: {costs}", told
    promising = _promising(waiting)
    if promising:
        return True, f"{promising}; {costs}", told
    needed = total > rules.tolerated
    return needed, f"{costs}, {'above' if needed else 'within'} the tolerated {_percent(rules.tolerated)}", told


def _promising(waiting: Waiting) -> str | None:
    """Say why a new model may be better although waiting costs nothing that could be measured."""
    if waiting.champion.about.role == "baseline":
        return "the simple rule serves, and a model may be better by now"
    untried = waiting.untried()
    if not untried:
        return None
    more = f" and {len(untried) - _NAMED} more" if len(untried) > _NAMED else ""
    return f"the facts now tell what it was never given: {', '.join(untried[:_NAMED])}{more}"


def _parts(waiting: Waiting) -> str:
    return ", ".join(f"{name} {'unknown' if part.share is None else _percent(part.share)}" for name, part in waiting.parts.items())


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _refreshed(settings: Settings, facts: Facts, as_of: AsOf, progress: Progress) -> dict[str, Json]:
    try:
        return refresh(settings, facts, as_of=as_of, progress=progress)
    except Exception as error:  # noqa: BLE001 (what was promoted is told all the same)
        reason = reason_of(error, "refresh")
        progress(f"not refreshed. {reason}")
        return {"failed": reason}


def _summary(decisions: Sequence[Decision], done: Mapping[str, Any]) -> Iterator[Json]:
    trained = {one["model"]: one for one in done["trained"]}
    failed = {one["model"]: one for one in done["failed"]}
    for decision in decisions:
        name = decision.model
        shares = {part: known["share"] for part, known in _known_parts(decision)}
        row: dict[str, Json] = {"model": name, "retrained": decision.retrain, "decision": decision.reason, **shares}
        kept = "no champion" if decision.version is None else f"kept v{decision.version}"
        if name in failed:
            never = decision.version is None and failed[name]["for_lack_of_facts"]
            yield {**row, "outcome": NOT_POSSIBLE if never else FAILED, "why": failed[name]["reason"]}
        elif name in trained:
            yield {**row, "outcome": _promoted(trained[name]) or f"{kept}: {_refusals(trained[name])}", "why": trained[name]["verdict"]}
        else:
            yield {**row, "outcome": kept if decision.possible else NOT_POSSIBLE, "why": decision.reason}


def _known_parts(decision: Decision) -> Iterator[tuple[str, Any]]:
    parts: Any = decision.waiting.get("parts", {})
    yield from parts.items()


def _promoted(trained: Mapping[str, Any]) -> str | None:
    promoted = trained["promoted"]
    return None if promoted is None else f"promoted v{promoted['version']}" + (" (baseline)" if promoted["role"] == "baseline" else "")


def _refusals(trained: Mapping[str, Any]) -> str:
    return f"v{trained['version']} refused by " + (
        ", ".join(gate["name"] for gate in trained["gates"] if not gate["passed"]) or "its gates"
    )
