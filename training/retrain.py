"""The scheduled job: look, retrain what aged or drifted, gate, promote or keep, refresh. One model's failure never blocks the others."""

from __future__ import annotations

from collections.abc import Sequence

from funnelcast import champions
from funnelcast.errors import FunnelcastError
from funnelcast.families.family import Options, Progress
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json
from training.drift import inputs_of
from training.lock import alone
from training.refresh import refresh
from training.train import Request, default_as_of, train_all, trainable

OLD_DAYS = 28.0
"""A champion whose facts ended so long ago is retrained without another reason."""

COOL_DOWN_DAYS = 6.0
"""No model is retrained again within it: one more week of facts changes little."""


def retrain(settings: Settings, facts: Facts, *, progress: Progress) -> dict[str, Json]:
    """Retrain what needs it and refresh.

    Returns
    -------
    ``decisions`` (model, retrain, reason), ``trained`` and ``failed`` as in ``train all``, and the ``refresh``.
    """
    with alone(settings, facts.source.name, "retrain"):
        as_of = default_as_of(facts)
        decisions = {name: reason_to_retrain(settings, facts, name, as_of) for name in trainable(settings)}
        listed: list[Json] = [{"model": name, "retrain": reason[0], "reason": reason[1]} for name, reason in decisions.items()]
        chosen: Sequence[str] = [name for name, (needed, _) in decisions.items() if needed]
        options = Options(threads=settings.threads, progress=progress)
        done = train_all(settings, facts, chosen, Request("all", options=options)) if chosen else {"trained": [], "failed": []}
        return {"decisions": listed, **done, "refresh": refresh(settings, facts, as_of=as_of, progress=progress)}


def reason_to_retrain(settings: Settings, facts: Facts, model: str, as_of: AsOf) -> tuple[bool, str]:
    """Say whether a model needs retraining, and why or why not."""
    try:
        champion = champions.load(settings, facts.source.name, model)
    except FunnelcastError as error:
        return True, str(error)
    age = AsOf.parse(champion.about.trained_as_of, as_of.timezone).days_until(as_of)
    if age <= COOL_DOWN_DAYS:
        return False, f"its facts end {age:.0f} days ago, within the cool-down of {COOL_DOWN_DAYS:.0f}"
    if age > OLD_DAYS:
        return True, f"its facts end {age:.0f} days ago"
    drifted = [change.name for change in inputs_of(settings, facts, champion, as_of).found if change.drifted]
    return bool(drifted), f"drift in {', '.join(drifted)}" if drifted else "nothing aged or drifted"
