"""What was done with each lead before each date: touches by kind, weighted by duration and fading, summed in the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.features.definition import aged, exact, total
from funnelcast.features.surveys import SURVEYS
from funnelcast.features.touches import duration_weight
from funnelcast.labels import KEYS
from funnelcast.sources.as_of import known_to
from funnelcast.sources.facts import Facts

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ByKind:
    """Touches of each row, by kind.

    Parameters
    ----------
    kinds
        Every kind that occurs, in alphabetical order; answers to surveys are none.
    faded
        Shape (half-lives, rows, kinds): the sum of (1 + hours) * 2**(-age / half-life), age in whole days before as_of.
    counts
        Shape (rows, kinds): how many touches, whatever their age.
    """

    kinds: tuple[str, ...]
    faded: Floats
    counts: Floats


def keys_of(rows: pd.DataFrame) -> ir.Table:
    """Give the rows' contact_id and as_of to the engine."""
    keys = pd.DataFrame({"contact_id": rows["contact_id"], "as_of": rows["as_of"].astype("datetime64[us]")})
    return ibis.memtable(keys, schema={"contact_id": "string", "as_of": "timestamp"})


def by_kind(facts: Facts, rows: pd.DataFrame, half_lives: Sequence[float]) -> ByKind:
    """Sum each row's touches by kind, from what was known before its own as_of; an infinite half-life: nothing fades."""
    touches = _touches(facts, rows)
    names = [f"faded_{place}" for place in range(len(half_lives))]
    table = touches.mutate(**{name: exact(_faded(touches, half_life)) for name, half_life in zip(names, half_lives, strict=True)})
    sums = {name: total(table[name]) for name in names}
    found = table.group_by(*KEYS, "kind").aggregate(**sums, touches=table.count()).execute()
    kinds = tuple(sorted(found["kind"].unique()))
    cells = _places(rows, found), pd.Index(kinds).get_indexer(found["kind"])
    faded, counts = np.zeros((len(half_lives), len(rows), len(kinds))), np.zeros((len(rows), len(kinds)))
    counts[cells] = found["touches"]
    for place, name in enumerate(names):
        faded[place][cells] = found[name]
    return ByKind(kinds, faded, counts)


def scores(facts: Facts, rows: pd.DataFrame, points: Mapping[str, float], half_lives: Sequence[float]) -> Floats:
    """Give the score of each row under a rule of points, shape (rows, half-lives)."""
    touches = _touches(facts, rows)
    worth = ibis.cases(*((touches.kind == kind, ibis.literal(float(value))) for kind, value in sorted(points.items())), else_=0.0)
    names = [f"score_{place}" for place in range(len(half_lives))]
    table = touches.mutate(**{name: exact(worth * _faded(touches, half_life)) for name, half_life in zip(names, half_lives, strict=True)})
    found = table.group_by(*KEYS).aggregate(**{name: total(table[name]) for name in names}).execute()
    result = np.zeros((len(rows), len(half_lives)))
    result[_places(rows, found)] = found[names].to_numpy(np.float64)
    return result


def _touches(facts: Facts, rows: pd.DataFrame) -> ir.Table:
    known = aged(known_to(facts, "touchpoints", keys_of(rows)))
    return known.filter(known.kind.notnull(), known.kind.notin(list(SURVEYS)))


def _faded(touches: ir.Table, half_life: float) -> Any:
    weight = duration_weight(touches)
    return weight if np.isinf(half_life) else weight * ibis.literal(0.5, type="float64") ** (touches.age / half_life)


def _places(rows: pd.DataFrame, found: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Give the position in ``rows`` of each row that the engine found."""
    place = pd.Series(np.arange(len(rows)), pd.MultiIndex.from_arrays([rows["contact_id"], rows["as_of"].astype("datetime64[us]")]))
    asked = pd.MultiIndex.from_arrays([found["contact_id"], found["as_of"].astype("datetime64[us]")])
    return place.reindex(asked).to_numpy(np.int64)
