"""What a model is: models/NAME/spec.toml, read into one frozen object."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from funnelcast.artefacts import digest
from funnelcast.errors import SpecError, UnknownModel

_SECTIONS = frozenset({"cohort", "label", "features", "folds", "search", "options", "gates", "list", "retrain"})
_TOP = frozenset({"family", "intent", "seed"})


@dataclass(frozen=True)
class Spec:
    """One model's definition; each section is that family's own.

    Parameters
    ----------
    name
        The folder of models/ that holds it.
    family
        The family that fits it, as registered.
    seed
        Of everything random in fitting it.
    cohort, label, features, folds, search, options, gates, list, retrain
        The sections of spec.toml as they stand.
    sha256
        Of the file, for the run's log.
    """

    name: str
    family: str
    intent: str
    seed: int
    cohort: Mapping[str, Any]
    label: Mapping[str, Any]
    features: Mapping[str, Any]
    folds: Mapping[str, Any]
    search: Mapping[str, Any]
    options: Mapping[str, Any]
    gates: Mapping[str, Any]
    list: Mapping[str, Any]
    sha256: str
    retrain: Mapping[str, Any] = field(default_factory=dict)

    @property
    def horizon_days(self) -> int:
        """The length h of the label window [T, T+h) in days."""
        return int(self.label["horizon_days"])


def names(models: Path) -> tuple[str, ...]:
    """Name the models that the folder defines, in order."""
    return tuple(sorted(path.parent.name for path in models.glob("*/spec.toml")))


def read(models: Path, name: str) -> Spec:
    """Read one spec.

    Raises
    ------
    UnknownModel
        models/ has no such folder.
    SpecError
        The file isn't TOML, a section is unknown or the family is missing.
    """
    path = models / name / "spec.toml"
    if name not in names(models):
        raise UnknownModel(name=name, known=", ".join(names(models)))
    content = path.read_bytes()
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(path=path.name, reason=f"not TOML: {error}") from error
    unknown = sorted(set(document) - _SECTIONS - _TOP)
    if unknown or "family" not in document:
        raise SpecError(path=f"models/{name}/spec.toml", reason=_unknown(unknown) if unknown else "`family` is missing")
    sections = {section: document.get(section, {}) for section in sorted(_SECTIONS)}
    return Spec(
        name=name,
        family=document["family"],
        intent=document.get("intent", ""),
        seed=int(document.get("seed", 0)),
        sha256=digest({"spec.toml": content}),
        **sections,
    )


def _unknown(names: Sequence[str]) -> str:
    close = difflib.get_close_matches(names[0], sorted(_SECTIONS | _TOP), n=1, cutoff=0.5)
    return f"unknown {names}" + (f"; did you mean {close[0]!r}?" if close else "")
