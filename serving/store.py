"""What is in service: the champions and the snapshot of one source, swapped whole when a promotion or refresh replaced them."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from funnelcast import champions, snapshots
from funnelcast.champions import Champion
from funnelcast.errors import FeatureMismatch, FunnelcastError, NoChampion, NotFound
from funnelcast.families.registry import family_of
from funnelcast.forecast import projection
from funnelcast.forecast.projection import Projection
from funnelcast.settings import Settings
from funnelcast.snapshots import Snapshot
from funnelcast.sources import source_file
from funnelcast.sources.facts import Source
from funnelcast.spec import read
from funnelcast.terms import Json
from serving.rows import RowBuilder

LOOK_SECONDS = 2.0
"""How often the pointers of champions and snapshot are looked at."""

_SCORED_FROM_REQUESTS = ("churn", "lead_scoring", "clv")
_log = logging.getLogger("funnelcast.serving")


@dataclass(frozen=True)
class Served:
    """One champion, ready to answer; ``rows`` where it scores contacts from their facts."""

    champion: Champion
    rows: RowBuilder | None

    def document(self) -> dict[str, Json]:
        """Name the model as every answer does."""
        about = self.champion.about
        return {"name": about.model, "version": self.champion.version, "trained_as_of": about.trained_as_of}


@dataclass(frozen=True)
class State:
    """Everything that answers come from at one moment; never changed, only replaced."""

    source: Source
    served: Mapping[str, Served]
    refused: Mapping[str, str]
    snapshot: Snapshot | None
    seen: tuple[object, ...] = field(default=())

    def model(self, name: str) -> Served:
        """Give a served model.

        Raises
        ------
        NoChampion
            None was promoted, or the one that was is refused.
        """
        if name not in self.served:
            raise NoChampion(model=name, source=self.source.name, path=Path(self.source.path).name or "FILE")
        return self.served[name]

    def planned(self) -> Snapshot:
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

    @cached_property
    def scales(self) -> dict[str, list[float]]:
        """The populations of the last refresh, by model."""
        return dict(self.snapshot.document("scales")) if self.snapshot else {}

    @cached_property
    def projection(self) -> Projection:
        """What forecasts are drawn from."""
        return projection.rebuild(self.planned().folder("forecast"))

    @cached_property
    def contacts(self) -> dict[str, pd.DataFrame]:
        """The scores of the last refresh by model, indexed by contact."""
        found = {}
        for path, content in self.planned().folder("scores").items():
            frame = pd.read_parquet(io.BytesIO(content))
            if "contact_id" in frame:
                found[path.removesuffix(".parquet")] = frame.set_index("contact_id")
        return found


class Store:
    """Looks for what is newly promoted or refreshed, and keeps serving the last good where something is wrong with it."""

    def __init__(self, settings: Settings, source_path: Path) -> None:
        self._settings = settings
        self._source = source_file.read(source_path).source
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._state = self._load(None)

    @property
    def settings(self) -> Settings:
        """Where this service runs."""
        return self._settings

    def state(self) -> State:
        """Give what is in service now; a request keeps the one that it began with."""
        if time.monotonic() - self._looked > LOOK_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._looked = time.monotonic()
                if self._pointers() != self._state.seen:
                    self._state = self._load(self._state)
            finally:
                self._lock.release()
        return self._state

    def _load(self, last: State | None) -> State:
        seen = self._pointers()
        served: dict[str, Served] = {}
        refused: dict[str, str] = {}
        for name in champions.listed(self._settings, self._source.name):
            try:
                served[name] = self._serve(name, last)
            except FunnelcastError as error:
                refused[name] = str(error)
                _log.error("champion refused: %s", error)
                if last is not None and name in last.served:
                    served[name] = last.served[name]
        return State(self._source, served, refused, self._snapshot(last), seen)

    def _serve(self, name: str, last: State | None) -> Served:
        champion = champions.load(self._settings, self._source.name, name)
        if last is not None and name in last.served and last.served[name].champion.folder == champion.folder:
            return last.served[name]
        family = family_of(champion.about.family)
        present = family.fingerprint(champion.model)
        if present != champion.about.features:
            raise FeatureMismatch(model=name, trained=champion.about.features[:12], present=present[:12])
        scores = champion.about.family in _SCORED_FROM_REQUESTS
        return Served(champion, RowBuilder(self._source, champion, read(self._settings.models, name)) if scores else None)

    def _snapshot(self, last: State | None) -> Snapshot | None:
        try:
            return snapshots.latest(self._settings, self._source.name)
        except NotFound:
            return None
        except FunnelcastError as error:
            _log.error("snapshot refused: %s", error)
            return last.snapshot if last else None

    def _pointers(self) -> tuple[object, ...]:
        """Give what changes when a promotion or refresh replaces a pointer."""
        folders: Any = (self._settings.champions / self._source.name, self._settings.snapshots / self._source.name)
        paths = sorted(path for folder in folders for path in folder.glob("*.json"))
        return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_ino) for path in paths)
