"""Promoted models as plain folders: what the service loads, without MLflow.

``champions/SOURCE/MODEL.json`` points at the folder of the champion beside it; replacing the pointer is the swap. It also names the
champions before, so that a service that starts while the newest doesn't load finds the last good one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from funnelcast.artefacts import digest, mark, read_folder, to_json, write_file, write_folder
from funnelcast.errors import ArtefactDamaged, FunnelcastError, NoChampion
from funnelcast.families.family import Model
from funnelcast.families.registry import family_of
from funnelcast.settings import Settings

ABOUT = "about.json"
CARD = "card.md"
_REMEMBERED = 10
"""So many champions before the present one stay in the pointer."""


@dataclass(frozen=True)
class About:
    """Where a model comes from; travels inside its artefact.

    Parameters
    ----------
    role
        ``challenger`` or ``baseline``: what it was when it was trained.
    features
        The fingerprint of its feature set.
    brought
        By table, the canonical columns that the company brought: which features its rows can have.
    attributes
        The company's own columns of contacts that it may read, each ``number`` or ``category``.
    scale
        101 quantiles of its probabilities on the newest fold; empty where it predicts none.
    code
        The digest of the code that computed its features; empty where that wasn't kept.
    rows
        How many rows the fit saw; 0 where that wasn't kept.
    skill
        1 - its mean loss / that of the baseline, on the newest fold of its run; None where that wasn't kept.
    """

    source: str
    model: str
    family: str
    role: str
    run_id: str
    trained_as_of: str
    features: str
    metrics: Mapping[str, float]
    brought: Mapping[str, Sequence[str]]
    attributes: Mapping[str, str]
    scale: Sequence[float]
    code: str = ""
    rows: int = 0
    skill: float | None = None

    def content(self) -> bytes:
        """Give the file's bytes."""
        return to_json(asdict(self))


@cache
def code_digest() -> str:
    """Hash all code that feature SQL comes from, ours and that of the libraries that write it: the same code writes the same SQL."""
    package = Path(__file__).parent
    ours = {str(path.relative_to(package)): path.read_bytes() for path in package.rglob("*.py")}
    return digest({**ours, **{name: version(name).encode() for name in ("ibis-framework", "sqlglot", "duckdb")}})


@dataclass(frozen=True)
class Champion:
    """A model in service; ``card`` is what its run says of it, empty where that wasn't kept."""

    about: About
    version: int
    model: Model
    folder: str
    card: str = ""


@dataclass(frozen=True)
class Target:
    """Where a pointer leads: a folder beside it, and since when its model was the champion."""

    folder: str
    version: int
    since: str


def artefact(model: Model, about: About) -> dict[str, bytes]:
    """Give a model's files with where they come from."""
    return {**model.files(), ABOUT: about.content()}


def export(settings: Settings, files: Mapping[str, bytes], version: int) -> Path:
    """Put an artefact beside the champions and point at it: the last step of a promotion."""
    about = read_about(files)
    pointer = _pointer(settings, about.source, about.model)
    folder = pointer.parent / f"{about.model}-v{version}-{about.run_id[:8]}-{about.role}"
    if not _holds(folder, files):
        shutil.rmtree(folder, ignore_errors=True)
        write_folder(folder, files)
    target = Target(folder.name, version, datetime.now(UTC).isoformat())
    before = [asdict(known) for known in _known(pointer) if known.folder != folder.name]
    write_file(pointer, to_json({**asdict(target), "before": before[:_REMEMBERED]}))
    return folder


def read_about(files: Mapping[str, bytes]) -> About:
    """Read where an artefact comes from."""
    return About(**json.loads(files[ABOUT]))


def load(settings: Settings, source: str, model: str, source_path: str = "FILE") -> Champion:
    """Load the champion of one model of one source.

    Raises
    ------
    NoChampion
        Nothing was promoted yet; says which command does.
    ArtefactDamaged
        The folder is gone, doesn't match its manifest, or says what this version can't read.
    """
    known = targets(settings, source, model)
    if not known:
        raise NoChampion(model=model, source=source, path=source_path)
    return load_target(settings, source, known[0])


def targets(settings: Settings, source: str, model: str) -> list[Target]:
    """Name the champion and, newest first, those before it; none where nothing was promoted.

    Raises
    ------
    ArtefactDamaged
        The pointer isn't readable.
    """
    pointer = _pointer(settings, source, model)
    if not pointer.exists():
        return []
    try:
        return _read_pointer(pointer)
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactDamaged(folder=pointer.name, reason="the pointer is not readable") from error


def load_target(settings: Settings, source: str, target: Target) -> Champion:
    """Load what a pointer leads to.

    Raises
    ------
    ArtefactDamaged
        As for `load`.
    """
    folder = settings.champions / source / target.folder
    files = read_folder(folder)
    about, model = rebuilt(files, folder.name)
    return Champion(about, target.version, model, folder.name, files.get(CARD, b"").decode())


def rebuilt(files: Mapping[str, bytes], folder: str) -> tuple[About, Model]:
    """Make the model of an artefact, with where it comes from.

    Raises
    ------
    ArtefactDamaged
        Its files say what this version can't read; names the folder.
    """
    try:
        about = read_about(files)
        return about, family_of(about.family).rebuild({name: held for name, held in files.items() if name not in {ABOUT, CARD}})
    except FunnelcastError:
        raise
    except Exception as error:
        reason = f"its files can't be read as this version of funnelcast writes them ({type(error).__name__})"
        raise ArtefactDamaged(folder=folder, reason=reason) from error


def marks(settings: Settings, source: str) -> dict[str, object]:
    """Give by model what changes when its champion is replaced, or its files are damaged or restored."""
    return {pointer.stem: _marks_behind(pointer) for pointer in sorted((settings.champions / source).glob("*.json"))}


def _marks_behind(pointer: Path) -> tuple[object, ...]:
    known = _known(pointer)
    files = sorted((pointer.parent / known[0].folder).glob("*")) if known else []
    return tuple(mark(path) for path in (pointer, *files))


def listed(settings: Settings, source: str) -> tuple[str, ...]:
    """Name the models that have a champion for this source."""
    return tuple(sorted(path.stem for path in (settings.champions / source).glob("*.json")))


def trained_as_of(settings: Settings, source: str) -> dict[tuple[str, int], str]:
    """Give the as_of of training of every version that ever was a champion, by model and version."""
    found = {}
    for path in sorted((settings.champions / source).glob("*/" + ABOUT)):
        version = re.search(r"-v(\d+)-", path.parent.name)
        if version and not path.parent.name.startswith("."):
            about = read_about({ABOUT: path.read_bytes()})
            found[about.model, int(version[1])] = about.trained_as_of
    return found


def _pointer(settings: Settings, source: str, model: str) -> Path:
    return settings.champions / source / f"{model}.json"


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    try:
        return read_folder(folder) == dict(files)
    except ArtefactDamaged:
        return False


def _known(pointer: Path) -> list[Target]:
    """Read a pointer; nothing where there is none to read."""
    try:
        return _read_pointer(pointer)
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _read_pointer(pointer: Path) -> list[Target]:
    document = json.loads(pointer.read_bytes())
    written = datetime.fromtimestamp(pointer.stat().st_mtime, UTC).isoformat()  # pointers once had no `since`
    known = (document, *document.get("before", []))
    return [Target(str(one["folder"]), int(one["version"]), str(one.get("since", written))) for one in known]
