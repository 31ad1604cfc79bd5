"""Erasure: a person leaves snapshots and track record, and what is left to do is listed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from funnelcast import snapshots
from funnelcast.errors import ArtefactDamaged, NotFound, UsageError
from funnelcast.families.family import Progress
from funnelcast.monitor.track_record import TrackRecord
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json
from funnelcast.tracking import Tracker
from training.erasure import Person, is_a_word, without
from training.lock import alone
from training.traces import Traces, traces_of

_DATABASES = (".db", ".db-wal", ".db-shm", ".db-journal")


def forget(settings: Settings, facts: Facts, contact_id: str, *, progress: Progress, tracker: Tracker | None = None) -> dict[str, Json]:
    """Remove a person from every snapshot and the track record of their company; say what must be retrained and what is out of reach.

    What was cut short is finished by the next call; one after a finished call finds nothing more to remove.

    Returns
    -------
    ``snapshots`` that were rewritten with the number of rows and names that went, ``answers`` that lost their name, ``sources``: the rows
    of the company's own tables that hold them still, ``retrain``: the versions whose training data may have held them, ``artefacts``:
    files of the home that name them, and ``todo`` in words.

    Raises
    ------
    NotFound
        Neither facts nor home know the person.
    UsageError
        A snapshot is damaged, so that nobody can be taken out of it; the others are done.
    Busy
        A refresh, a training or a promotion is at work.
    """
    source = facts.source.name
    traces = traces_of(facts, contact_id)
    with alone(settings, source, "forget"):  # a refresh on schedule would write the person again
        progress("snapshots")
        rewritten, damaged = _clean_snapshots(settings, source, traces.person)
        progress("track record")
        answers = _forget_answers(settings, source, traces.person)
    if not (traces.rows or rewritten or answers):
        raise _unknown(source, contact_id)
    if damaged:
        raise _left(settings, source, damaged)
    progress("artefacts and versions")
    holding, scanned = _holding(settings, facts, traces.person)
    retrain = _versions(tracker or Tracker(settings), source, traces)
    identities: list[Json] = [*sorted(traces.person.contacts)]
    found: dict[str, Json] = {
        "contact_id": contact_id,
        "identities": identities,
        "snapshots": rewritten,
        "answers": answers,
        "sources": dict(traces.rows),
        "retrain": retrain,
        "artefacts": {"scanned": scanned, "holding": holding},
    }
    return {**found, "todo": [*_todo(facts, traces, retrain, holding)]}


def _unknown(source: str, contact_id: str) -> NotFound:
    return NotFound(
        what="contact",
        name=contact_id,
        advice=f"Neither the facts of {source} nor what is kept here knows it, as a contact or as an identity: check its spelling. "
        "Somebody who was forgotten and is no longer in the sources is unknown too.",
    )


def _left(settings: Settings, source: str, damaged: Sequence[str]) -> UsageError:
    reason = (
        f"Nobody can be taken out of {', '.join(damaged)}: these snapshots don't match their manifests. All others are done, and "
        f"the track record too. Delete them from {settings.snapshots / source}, and forget again."
    )
    return UsageError(reason=reason)


def _clean_snapshots(settings: Settings, source: str, person: Person) -> tuple[list[Json], list[str]]:
    rewritten: list[Json] = []
    damaged = []
    snapshots.sweep(settings, source)
    for name in snapshots.kept(settings, source):
        try:
            files, count = without(snapshots.read(settings, source, name).files, person)
        except ArtefactDamaged:
            damaged.append(name)
            continue
        if count:
            rewritten.append({"snapshot": snapshots.replace(settings, source, name, files), "removed": count})
    return rewritten, damaged


def _forget_answers(settings: Settings, source: str, person: Person) -> int:
    path = settings.track_record(source)
    if not path.exists():
        return 0
    record = TrackRecord(path)
    return sum(record.forget(contact) for contact in sorted(person.contacts))


def _versions(tracker: Tracker, source: str, traces: Traces) -> list[Json]:
    """Name every registered version whose training data may have held the person: known before its as_of."""
    found: list[Json] = []
    for version in tracker.versions():
        owner, _, model = version.name.rpartition(".")
        trained = tracker.parameter(version.run_id, "trained_as_of")
        if owner != source:
            continue
        if traces.known_since is None or trained is None or AsOf.parse(trained, traces.known_since.timezone) > traces.known_since:
            aliases: list[Json] = [*version.aliases]
            found.append({"model": model, "version": version.version, "aliases": aliases, "trained_as_of": trained})
    return found


def _holding(settings: Settings, facts: Facts, person: Person) -> tuple[list[Json], int]:
    """Look for the person in every file of the home beside snapshots, databases and the company's own folder."""
    wanted = [re.escape(name.encode()) for name in sorted(person.named()) if is_a_word(name)]
    # a number is looked for in quotation marks: others like it are in every file
    wanted += [b'"' + re.escape(name.encode()) + b'"' for name in sorted(person.named()) if not is_a_word(name)]
    pattern = re.compile(rb"(?<![\w-])(?:" + b"|".join(wanted) + rb")(?![\w-])")
    paths = [path for path in _files(settings, facts) if path.suffix not in _DATABASES]
    holding: list[Json] = [str(path.relative_to(settings.home)) for path in paths if pattern.search(path.read_bytes())]
    return holding, len(paths)


def _files(settings: Settings, facts: Facts) -> Iterator[Path]:
    company = Path(facts.source.path).resolve().parent
    left_out = [settings.snapshots, *([company] if settings.home in company.parents else [])]
    for path in sorted(settings.home.rglob("*")):
        if path.is_file() and not any(path.is_relative_to(folder) for folder in left_out):
            yield path


def _todo(facts: Facts, traces: Traces, retrain: Sequence[Any], holding: Sequence[Json]) -> Iterator[str]:
    if traces.rows:
        told = ", ".join(f"{table} ({count})" for table, count in traces.rows.items())
        yield f"Remove their rows from the company's own sources: {told}. Until then every refresh and training reads them again."
    if retrain:
        first = traces.known_since
        since = f"after {first.isoformat()[:10]}, when they were first known" if first else "on facts that may have held them"
        models = sorted({str(one["model"]) for one in retrain})
        yield f"Then retrain: {', '.join(models)} were trained {since} (`funnelcast train all --source {facts.source.path or 'FILE'}`)."
        yield "Registered versions hold parameters and no rows; delete old ones in MLflow where such parameters must go too."
    if holding:
        yield f"Delete or mend the files that name them: {', '.join(str(path) for path in holding)}."
    yield "Files that were written elsewhere (`--out`, exports, backups of the home, another tracking server) are yours to clean."
