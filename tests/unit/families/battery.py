"""One entry of the battery that every family passes: rows to fit on, rows held out, and what the predictions must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from funnelcast.families.family import Family
from funnelcast.spec import Spec


def spec_of(family: str, **sections: Mapping[str, object]) -> Spec:
    """A spec with the given sections and none of the others."""
    names = ("cohort", "label", "features", "folds", "search", "options", "gates", "list")
    return Spec(name=family, family=family, intent="battery", seed=7, sha256="", **{name: sections.get(name, {}) for name in names})


@dataclass(frozen=True)
class Case:
    """One family, or one variant of it, in the battery.

    Parameters
    ----------
    rows, held_out
        Make small frames (a second or two of fitting) with the family's columns and its outcome columns, as ``fit`` and ``losses`` take
        them; the index is anything but 0..n-1.
    ids
        The columns that name customers, deals or invoices; their values must not be found in the artefact. They look like ``secret-17``.
    ranges
        Every numeric output column of ``predict`` with its lowest and highest possible value.
    ordered
        Output columns that must not decrease from left to right, such as low, probability, high.
    margin
        By how much the model's mean loss on ``held_out`` lies below the baseline's, at least.
    """

    name: str
    family: Family
    spec: Spec
    rows: Callable[[], pd.DataFrame]
    held_out: Callable[[], pd.DataFrame]
    ranges: Mapping[str, tuple[float, float]]
    margin: float
    ids: tuple[str, ...] = ("contact_id",)
    ordered: tuple[str, ...] = field(default_factory=tuple)
