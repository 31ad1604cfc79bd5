"""What is in service: the champions and the snapshot of one source, swapped whole when a promotion or refresh replaced them.

What doesn't load is refused and said so, and the last good one goes on: the one in memory, or else the newest on disk that loads.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from funnelcast import champions, snapshots
from funnelcast.answers import Scale
from funnelcast.champions import Champion, Target
from funnelcast.conversion_value import ConversionValue
from funnelcast.errors import FeatureMismatch, FunnelcastError, NoChampion, NotFound
from funnelcast.families.registry import family_of
from funnelcast.monitor.track_record import Answer, TrackRecord
from funnelcast.settings import Settings
from funnelcast.sources import source_file
from funnelcast.sources.facts import Source
from funnelcast.spec import Spec, read
from funnelcast.terms import Json
from serving.planned import Planned
from serving.rows import RowBuilder

LOOK_SECONDS = 2.0
"""How often the files of champions and snapshot are looked at."""
SNAPSHOT = "snapshot"
"""Under which a refused snapshot stands among the refused models."""

_SCORED_FROM_REQUESTS = ("churn", "lead_scoring", "clv")
_log = logging.getLogger("funnelcast.serving")


@dataclass(frozen=True)
class Served:
    """One champion, ready to answer.

    Parameters
    ----------
    rows
        Computes what it reads, where it scores contacts from their facts.
    horizon_days
        How far ahead it looks, by its spec; 0 where it doesn't.
    since
        When it was promoted, ISO 8601.
    """

    champion: Champion
    rows: RowBuilder | None
    horizon_days: float
    since: str

    def document(self) -> dict[str, Json]:
        """Name the model as every answer does."""
        about = self.champion.about
        return {"name": about.model, "version": self.champion.version, "trained_as_of": about.trained_as_of}


@dataclass(frozen=True)
class Marks:
    """What changes when files do: by model those of its champion, and those of the snapshot."""

    champions: Mapping[str, object] = field(default_factory=dict)
    snapshot: object = None


@dataclass(frozen=True)
class State:
    """Everything that answers come from at one moment; never changed, only replaced.

    Parameters
    ----------
    refused
        By model, why its newest champion isn't served; also under ``snapshot``.
    seen
        The marks of the files that it was loaded from.
    """

    source: Source
    served: Mapping[str, Served]
    refused: Mapping[str, str]
    snapshot: Planned | None
    seen: Marks = field(default_factory=Marks)

    def model(self, name: str) -> Served:
        """Give a served model.

        Raises
        ------
        NoChampion
            None was promoted, or the one that was is refused.
        """
        if name not in self.served:
            raise NoChampion(model=name, source=self.source.name, path=self.source.path or "FILE")
        return self.served[name]

    def planned(self) -> Planned:
        """Give the snapshot.

        Raises
        ------
        NotFound
            There is none yet.
        """
        if self.snapshot is None:
            raise NotFound(what="snapshot", name=self.source.name, advice="Run `funnelcast refresh` for this source first.")
        return self.snapshot

    def documents(self) -> list[Json]:
        """Name every served model."""
        return [served.document() for _, served in sorted(self.served.items())]

    def planned_documents(self) -> list[Json]:
        """Name the models that the snapshot was computed with, which a promotion since doesn't change."""
        return list(self.planned().about["models"])

    def scale(self, model: str) -> Scale:
        """Give the population for percentiles: the last refresh, else the fold on which the champion was judged."""
        return Scale.in_use(self.snapshot.scales if self.snapshot else {}, model, self.served[model].champion.about.scale)

    @property
    def judged(self) -> Mapping[str, Any]:
        """What the last refresh said of earlier answers and forecasts; empty where there is none, or it couldn't."""
        return self.snapshot.judged if self.snapshot else {}

    @property
    def conversion_value(self) -> ConversionValue | None:
        """What a lead's conversion is worth by the last refresh, where the facts told it."""
        return self.snapshot.conversion_value if self.snapshot else None


class Store:
    """Looks for what is newly promoted or refreshed, and keeps serving the last good where something is wrong with it."""

    def __init__(self, settings: Settings, source_path: Path) -> None:
        self._settings = settings
        self._source = source_file.read(source_path).source
        self._record = TrackRecord(settings.track_record(self._source.name))
        self._state = self._load(State(self._source, {}, {}, None))
        if not self._state.served:
            _log.warning("nothing is promoted for %r: run `funnelcast train all --source %s`", self._source.name, source_path)

    @property
    def record(self) -> TrackRecord:
        """What was answered before."""
        return self._record

    def remember(self, answers: Sequence[Answer]) -> None:
        """Keep answers in the track record; where it can't be written the caller gets the answer all the same."""
        try:
            self._record.append(answers)
        except sqlite3.Error:
            _log.exception("%d answers are missing in the track record", len(answers))

    def remember_at_once(self, answers: Sequence[Answer]) -> bool:
        """Keep answers without waiting for anything, and say whether they are kept."""
        try:
            return self._record.append_at_once(answers)
        except sqlite3.Error:
            return False  # to wait for it tells why

    def state(self) -> State:
        """Give what is in service now; a request keeps the one that it began with."""
        return self._state

    def follow(self) -> None:
        """Look again and again in a thread of its own: no request waits for a swap, and an idle service is as fresh as a busy one."""
        threading.Thread(target=self._follow, name="champions", daemon=True).start()

    def look(self) -> None:
        """Replace what is in service where its files changed."""
        if self._marks() != self._state.seen:
            self._state = self._load(self._state)

    def _follow(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.look()
            except Exception:  # noqa: BLE001 (a file system that is away for a moment must not end the looking)
                _log.exception("champions and snapshot can't be looked at; what is in service goes on")

    def _load(self, last: State) -> State:
        seen = self._marks()
        served: dict[str, Served] = {}
        refused: dict[str, str] = {}
        for name in champions.listed(self._settings, self._source.name):
            if name in seen.champions and last.seen.champions.get(name) == seen.champions[name]:
                found, reason = last.served.get(name), last.refused.get(name, "")
            else:
                found, reason = self._last_good(name, last.served.get(name))
            served |= {name: found} if found else {}
            refused |= {name: reason} if reason else {}
        if seen.snapshot == last.seen.snapshot:
            snapshot, reason = last.snapshot, last.refused.get(SNAPSHOT, "")
        else:
            snapshot, reason = self._snapshot(last.snapshot)
        refused |= {SNAPSHOT: reason} if reason else {}
        for name, reason in refused.items():
            if last.refused.get(name) != reason:
                _log.error("%s refused: %s", name if name == SNAPSHOT else f"champion of {name}", reason)
        return State(self._source, served, refused, snapshot, seen)

    def _last_good(self, name: str, before: Served | None) -> tuple[Served | None, str]:
        """Give the newest champion that can be served, and why a newer one can't."""
        refused = ""
        try:
            for target in champions.targets(self._settings, self._source.name, name):
                try:
                    return self._serve(name, target, before), refused
                except Exception as error:  # noqa: BLE001 (whatever is wrong with a new champion, the last good one goes on)
                    refused = refused or _reason(name, error)
                if before is not None and target.folder == before.champion.folder:
                    break  # it goes on from memory
        except FunnelcastError as error:
            refused = str(error)
        return before, refused

    def _serve(self, name: str, target: Target, before: Served | None) -> Served:
        champion = champions.load_target(self._settings, self._source.name, target)
        if before is not None and before.champion.folder == champion.folder:
            return before
        _require_same_features(champion)
        spec = read(self._settings.models, name)
        return Served(champion, self._rows(champion, spec, before), float(spec.label.get("horizon_days", 0)), target.since)

    def _rows(self, champion: Champion, spec: Spec, before: Served | None) -> RowBuilder | None:
        if champion.about.family not in _SCORED_FROM_REQUESTS:
            return None
        if before is not None and before.rows is not None and before.rows.serves(champion.about, spec):
            return before.rows  # compiling takes a second
        return RowBuilder(self._source, champion.about, spec)

    def _snapshot(self, before: Planned | None) -> tuple[Planned | None, str]:
        try:
            return Planned.of(snapshots.latest(self._settings, self._source.name)), ""
        except NotFound:
            return None, ""
        except Exception as error:  # noqa: BLE001 (as for champions)
            return before or self._sound_snapshot(), _reason(SNAPSHOT, error)

    def _sound_snapshot(self) -> Planned | None:
        found = snapshots.newest_sound(self._settings, self._source.name)
        return Planned.of(found) if found else None

    def _marks(self) -> Marks:
        return Marks(champions.marks(self._settings, self._source.name), snapshots.marks(self._settings, self._source.name))


def _require_same_features(champion: Champion) -> None:
    about = champion.about
    if about.code == champions.code_digest():
        return  # the very code that it was trained with: to write its SQL again takes .4 s
    present = family_of(about.family).fingerprint(champion.model)
    if present != about.features:
        raise FeatureMismatch(model=about.model, trained=about.features[:12], present=present[:12])


def _reason(name: str, error: Exception) -> str:
    if isinstance(error, FunnelcastError):
        return str(error)
    _log.error("%s doesn't load", name, exc_info=error)
    return f"It doesn't load ({type(error).__name__})."
