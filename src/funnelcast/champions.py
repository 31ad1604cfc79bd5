"""Promoted models as plain folders: what the service loads, without MLflow.

``champions/SOURCE/MODEL.json`` points at the folder of the champion beside it; replacing the pointer is the swap.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from funnelcast.artefacts import read_folder, to_json, write_file, write_folder
from funnelcast.errors import ArtefactDamaged, NoChampion
from funnelcast.families.family import Model
from funnelcast.families.registry import family_of
from funnelcast.settings import Settings

ABOUT = "about.json"


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

    def content(self) -> bytes:
        """Give the file's bytes."""
        return to_json(asdict(self))


@dataclass(frozen=True)
class Champion:
    """A model in service."""

    about: About
    version: int
    model: Model
    folder: str


def artefact(model: Model, about: About) -> dict[str, bytes]:
    """Give a model's files with where they come from."""
    return {**model.files(), ABOUT: about.content()}


def export(settings: Settings, files: Mapping[str, bytes], version: int) -> Path:
    """Put an artefact beside the champions and point at it: the last step of a promotion."""
    about = read_about(files)
    home = settings.champions / about.source
    folder = home / f"{about.model}-v{version}-{about.run_id[:8]}-{about.role}"
    if not folder.exists():
        write_folder(folder, files)
    write_file(_pointer(settings, about.source, about.model), to_json({"folder": folder.name, "version": version}))
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
        The folder is gone or doesn't match its manifest.
    """
    pointer = _pointer(settings, source, model)
    if not pointer.exists():
        raise NoChampion(model=model, source=source, path=source_path)
    try:
        target = json.loads(pointer.read_bytes())
        folder, version = pointer.parent / target["folder"], int(target["version"])
    except (ValueError, KeyError) as error:
        raise ArtefactDamaged(folder=pointer.name, reason="the pointer is not readable") from error
    files = read_folder(folder)
    about = read_about(files)
    rebuilt = family_of(about.family).rebuild({name: content for name, content in files.items() if name != ABOUT})
    return Champion(about, version, rebuilt, folder.name)


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
