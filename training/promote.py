"""Move the alias champion by hand: forward where the gates allow it or a person insists, back in one step."""

from __future__ import annotations

from datetime import UTC, datetime

from funnelcast import champions
from funnelcast.errors import ArtefactDamaged, NotFound
from funnelcast.settings import Settings
from funnelcast.terms import Alias, Json
from funnelcast.tracking import Tracker, Version
from training.lock import alone

_PASSED = "true"


def promote(settings: Settings, source: str, model: str, *, version: int | None = None, force: bool = False) -> dict[str, Json]:
    """Make a registered version the champion.

    Parameters
    ----------
    source
        The source's name.
    version
        Default: the newest.
    force
        Promote a version that its gates refused; the reason on the version says that it was forced.

    Returns
    -------
    ``alias`` is null where the gates refused.

    Raises
    ------
    Busy
        Another process writes champions or snapshots of this company.
    """
    with alone(settings, source, "promote"):
        return _promote(settings, source, model, version, force=force)


def _promote(settings: Settings, source: str, model: str, version: int | None, *, force: bool) -> dict[str, Json]:
    tracker = Tracker(settings)
    complete(settings, tracker, source, model)
    name = f"{source}.{model}"
    chosen = tracker.version(name, version) if version is not None else _newest(tracker, name)
    passed = chosen.tags.get("passed") == _PASSED
    verdict = chosen.tags.get("verdict", "")
    if not (passed or force):
        return {"model": model, "version": chosen.version, "alias": None, "forced": False, "reason": verdict}
    reason = verdict if passed else f"forced against the gates ({verdict})"
    _serve_version(settings, tracker, chosen, reason)
    return {"model": model, "version": chosen.version, "alias": Alias.CHAMPION.value, "forced": not passed, "reason": reason}


def rollback(settings: Settings, source: str, model: str) -> dict[str, Json]:
    """Bring the previous champion back; the present one becomes the previous.

    Raises
    ------
    NotFound
        There was no champion before this one.
    Busy
        Another process writes champions or snapshots of this company.
    """
    with alone(settings, source, "rollback"):
        return _roll_back(settings, source, model)


def _roll_back(settings: Settings, source: str, model: str) -> dict[str, Json]:
    tracker = Tracker(settings)
    complete(settings, tracker, source, model)
    name = f"{source}.{model}"
    previous = tracker.previous(name)
    if previous is None:
        raise NotFound(
            what="previous champion of", name=name, advice="A roll-back needs two promotions; `funnelcast models` lists what there is."
        )
    _serve_version(settings, tracker, previous, "rolled back")
    return {"model": model, "version": previous.version, "alias": Alias.CHAMPION.value, "reason": "rolled back"}


def complete(settings: Settings, tracker: Tracker, source: str, model: str) -> None:
    """Let the alias follow what is served: a promotion that was killed between the two left it behind."""
    try:
        served = champions.targets(settings, source, model)
    except ArtefactDamaged:
        return
    known = {version.version: version for version in tracker.versions(f"{source}.{model}")}
    if served and served[0].version in known and Alias.CHAMPION not in known[served[0].version].aliases:
        tracker.promote(f"{source}.{model}", served[0].version, "completed a promotion that was interrupted")


def registered(settings: Settings) -> list[Json]:
    """List every version with its aliases, key metrics and age in days."""
    tracker = Tracker(settings)
    for name in sorted({version.name for version in tracker.versions()}):
        complete(settings, tracker, *name.rsplit(".", 1))
    now = datetime.now(UTC)
    return [
        {
            "name": version.name,
            "version": version.version,
            "aliases": list(version.aliases),
            "role": version.tags.get("role"),
            "age_days": round((now - version.created).total_seconds() / 86400, 2),
            "verdict": version.tags.get("promoted") or version.tags.get("verdict"),
            "metrics": dict(tracker.metrics(version.run_id)),
            "run_id": version.run_id,
        }
        for version in tracker.versions()
    ]


def _newest(tracker: Tracker, name: str) -> Version:
    versions = tracker.versions(name)
    if not versions:
        raise NotFound(what="registered model", name=name, advice="`funnelcast train` registers one.")
    return versions[0]


def _serve_version(settings: Settings, tracker: Tracker, version: Version, reason: str) -> None:
    champions.export(settings, tracker.files(version.name, version.version), version.version)
    tracker.promote(version.name, version.version, reason)
