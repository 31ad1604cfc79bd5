"""What refresh leaves for the planner's endpoints: one immutable folder per refresh and a pointer to the newest."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from funnelcast.artefacts import digest, mark, read_folder, remove_folder, to_json, write_file, write_folder
from funnelcast.errors import ArtefactDamaged, NotFound
from funnelcast.settings import Settings

ABOUT = "about.json"
TRACK_RECORD = "track_record"
"""The document of what was said against what came true."""

_POINTER = "latest.json"
_ABANDONED_SECONDS = 3600.0


@dataclass(frozen=True)
class Snapshot:
    """One refresh: documents as JSON, scores as parquet, and the inputs from which forecasts are drawn again."""

    name: str
    files: Mapping[str, bytes]

    @cached_property
    def about(self) -> dict[str, Any]:
        """The as_of, the source and the models that it was computed with."""
        return dict(json.loads(self.files[ABOUT]))

    def document(self, name: str) -> Any:
        """Read one JSON document, say ``economics``."""
        path = f"{name}.json"
        if path not in self.files:
            missing = self.about.get("missing", {}).get(name, "")
            raise NotFound(what="answer", name=name, advice=missing or "Run `funnelcast refresh` to compute it.")
        return json.loads(self.files[path])

    def folder(self, name: str) -> dict[str, bytes]:
        """Give the files below one folder, say ``forecast/cash``, by their names in it; empty where there is none."""
        prefix = f"{name}/"
        return {path.removeprefix(prefix): content for path, content in self.files.items() if path.startswith(prefix)}


def write(settings: Settings, source: str, about: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """Write a snapshot and point at it; gives its name, which is the same for the same contents."""
    everything = {**files, ABOUT: to_json(dict(about))}
    home = settings.snapshots / source
    name = f"{str(about['as_of'])[:10]}-{digest(everything)[:12]}"
    if not (home / name).exists():
        write_folder(home / name, everything)
    write_file(home / _POINTER, to_json({"snapshot": name}))
    return name


def latest_name(settings: Settings, source: str) -> str | None:
    """Name the newest snapshot of a source, if there is one."""
    pointer = settings.snapshots / source / _POINTER
    return str(json.loads(pointer.read_bytes())["snapshot"]) if pointer.exists() else None


def latest(settings: Settings, source: str) -> Snapshot:
    """Read the newest snapshot.

    Raises
    ------
    NotFound
        There is none yet.
    ArtefactDamaged
        It doesn't match its manifest.
    """
    name = latest_name(settings, source)
    if name is None:
        raise NotFound(what="snapshot", name=source, advice="Run `funnelcast refresh` for this source first.")
    return Snapshot(name, read_folder(Path(settings.snapshots / source / name)))


def kept(settings: Settings, source: str) -> list[str]:
    """Name every snapshot that is still there."""
    return sorted(path.name for path in (settings.snapshots / source).glob("[!.]*") if path.is_dir())


def read(settings: Settings, source: str, name: str) -> Snapshot:
    """Read one snapshot.

    Raises
    ------
    ArtefactDamaged
        It doesn't match its manifest.
    """
    return Snapshot(name, read_folder(settings.snapshots / source / name))


def replace(settings: Settings, source: str, name: str, files: Mapping[str, bytes]) -> str:
    """Put changed files in place of a snapshot and give its new name.

    Whenever this is cut short, the pointer leads to a whole snapshot, old or new; done again with the same files it ends the same.
    """
    home = settings.snapshots / source
    changed = f"{name[:10]}-{digest(files)[:12]}"
    if not (home / changed).exists():
        write_folder(home / changed, files)
    written = (home / name).stat().st_mtime_ns
    os.utime(home / changed, ns=(written, written))  # it keeps its place among the others
    if latest_name(settings, source) == name:
        write_file(home / _POINTER, to_json({"snapshot": changed}))
    remove_folder(home / name)
    return changed


def sweep(settings: Settings, source: str) -> int:
    """Remove what crashes left behind, and give how much; what is younger than an hour may still be written to."""
    hidden = [path for path in (settings.snapshots / source).glob(".*") if path.suffix == ".gone" or _abandoned(path)]
    for path in hidden:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return len(hidden)


def _abandoned(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS


def newest_sound(settings: Settings, source: str) -> Snapshot | None:
    """Read the newest snapshot that matches its manifest, whichever the pointer names."""
    folders = [path for path in (settings.snapshots / source).glob("[!.]*") if path.is_dir()]
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            return Snapshot(folder.name, read_folder(folder))
        except ArtefactDamaged:
            continue
    return None


def marks(settings: Settings, source: str) -> tuple[object, ...]:
    """Give what changes when the newest snapshot is replaced, or its files are damaged or restored."""
    home = settings.snapshots / source
    try:
        name = latest_name(settings, source)
    except (OSError, ValueError, KeyError, TypeError):
        name = None
    files = sorted((home / name).rglob("*")) if name else []
    return tuple(mark(path) for path in (home / _POINTER, *files))
