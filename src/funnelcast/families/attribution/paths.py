"""Distinct paths as arrays: channels as codes, one after another, with what each path brought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from funnelcast.journeys import SEPARATOR

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
CLUSTERS = 256
AMOUNTS = ("conversions", "value", "nulls")
_ROWS_AT_ONCE = 100_000  # of text, split in memory that is used again and again
_TABLE = 8  # cells of a table per key, up to which marking them is quicker than sorting keys
_DIGITS = 12  # sums of the engine's threads differ in the last bits from run to run; money doesn't


@dataclass(frozen=True)
class Paths:
    """Settled journeys, aggregated by path and cluster.

    Parameters
    ----------
    channels
        The names that codes index, sorted.
    codes
        The channels of all paths, one path after another, shape (touches,).
    offsets
        Where each path begins in ``codes``, and the end, shape (paths + 1,).
    conversions, value, nulls
        What the journeys of this path brought, each of shape (paths,).
    cluster
        Which bootstrap cluster the journeys belong to, 0 to ``clusters`` - 1, shape (paths,).
    customer
        Whether the contacts had converted before these journeys began, shape (paths,); False where that isn't known.
    """

    channels: tuple[str, ...]
    codes: Ints
    offsets: Ints
    conversions: Floats
    value: Floats
    nulls: Floats
    cluster: Ints
    customer: Bools
    clusters: int = CLUSTERS

    @property
    def lengths(self) -> Ints:
        """How many touches each path has."""
        return np.diff(self.offsets)

    @property
    def journeys(self) -> Floats:
        """How many journeys took each path."""
        return self.conversions + self.nulls

    @property
    def row(self) -> Ints:
        """The path that each touch belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)

    @property
    def position(self) -> Ints:
        """The place of each touch in its path, from 0."""
        return np.arange(len(self.codes)) - np.repeat(self.offsets[:-1], self.lengths)

    def where(self, mask: npt.NDArray[np.bool_]) -> Paths:
        """Keep some paths; channels stay, so that codes mean the same."""
        kept = np.repeat(mask, self.lengths)
        return replace(
            self,
            codes=self.codes[kept],
            offsets=_offsets(self.lengths[mask]),
            conversions=self.conversions[mask],
            value=self.value[mask],
            nulls=self.nulls[mask],
            cluster=self.cluster[mask],
            customer=self.customer[mask],
        )

    def collapsed(self) -> Paths:
        """Merge neighbouring touches of one channel into one."""
        row = self.row
        kept = np.ones(len(self.codes), dtype=bool)
        kept[1:] = (np.diff(self.codes) != 0) | (np.diff(row) != 0)
        return replace(self, codes=self.codes[kept], offsets=_offsets(np.bincount(row[kept], minlength=len(self.conversions))))

    def dealt(self, seed: int) -> Paths:
        """Deal journeys whose contacts are unknown into clusters at random; sums over clusters stay what they were."""
        rng = np.random.default_rng(seed)
        parts = [_deal(np.round(count).astype(np.int64), self.clusters, rng) for count in (self.conversions, self.nulls)]
        keys = np.unique(np.concatenate([part[0] for part in parts]))
        row, cluster = keys // self.clusters, keys % self.clusters
        conversions, nulls = (_spread(keys, row, part, count) for part, count in zip(parts, (self.conversions, self.nulls), strict=True))
        per_conversion = np.divide(self.value, self.conversions, out=np.zeros_like(self.value), where=self.conversions > 0)
        lengths = self.lengths[row]
        touches = np.arange(int(lengths.sum())) - np.repeat(_offsets(lengths)[:-1], lengths) + np.repeat(self.offsets[:-1][row], lengths)
        return replace(
            self,
            codes=self.codes[touches],
            offsets=_offsets(lengths),
            conversions=conversions,
            value=conversions * per_conversion[row],
            nulls=nulls,
            cluster=cluster,
            customer=self.customer[row],
        )

    def by_cluster(self, columns: Ints, weights: Floats, width: int, cluster: Ints | None = None) -> Floats:
        """Sum weights by cluster and column, shape (clusters, width)."""
        of = self.cluster if cluster is None else cluster
        summed = np.bincount(of * width + columns, weights=weights, minlength=self.clusters * width)
        return np.asarray(summed, dtype=np.float64).reshape(self.clusters, width)


def from_arrays(path: pa.ListArray, columns: pd.DataFrame | Mapping[str, Any], *, clusters: int = CLUSTERS) -> Paths:
    """Make paths of an Arrow array of channel lists and arrays ``conversions, value, nulls, cluster, customer`` in the same order."""
    return _of_parts([path], columns, clusters)


def _of_parts(parts: Iterable[pa.ListArray], columns: pd.DataFrame | Mapping[str, Any], clusters: int) -> Paths:
    """Make paths of arrays that follow each other, none of which is needed any longer once it is read."""
    places: dict[str, int] = {}
    codes, lengths = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int32)]
    for part in parts:
        encoded = part.flatten().dictionary_encode()
        code = np.array([places.setdefault(name, len(places)) for name in encoded.dictionary.to_pylist()], dtype=np.int32)
        codes.append(code[encoded.indices.to_numpy(zero_copy_only=False)])
        lengths.append(np.diff(part.offsets.to_numpy()))
    channels = tuple(sorted(places))
    rank = np.zeros(len(channels), dtype=np.int64)
    rank[[places[name] for name in channels]] = np.arange(len(channels))
    return _paths(channels, rank[np.concatenate(codes)], _offsets(np.concatenate(lengths)), columns, clusters)


def _paths(channels: tuple[str, ...], codes: Ints, offsets: Ints, columns: pd.DataFrame | Mapping[str, Any], clusters: int) -> Paths:
    conversions, value, nulls = (np.asarray(columns[name], dtype=np.float64) for name in AMOUNTS)
    cluster, customer = np.asarray(columns["cluster"], dtype=np.int64), np.asarray(columns["customer"], dtype=bool)
    return Paths(channels, codes, offsets, conversions, value, nulls, cluster, customer, clusters)


def from_settled(table: ir.Table, channels: Sequence[str]) -> tuple[Paths, npt.NDArray[np.bool_]]:
    """Read the engine's paths of settled journeys, whose touches are places among ``channels``.

    Returns
    -------
    The paths, and whether each is of the newest period.
    """
    path, columns = _read(table)
    places = path.flatten().to_numpy()
    met = np.bincount(places, minlength=len(channels)) > 0
    codes = (np.cumsum(met) - 1)[places]
    paths = _paths(tuple(compress(channels, met)), codes, _offsets(np.diff(path.offsets.to_numpy())), columns, CLUSTERS)
    return paths, columns["newest"].to_numpy(dtype=bool)


def from_brought(table: ir.Table, seed: int) -> Paths:
    """Read the paths that a company brings aggregated, and deal them into clusters by ``seed``."""
    path, columns = _read(table)
    return from_arrays(path, columns.assign(cluster=0, customer=False)).dealt(seed)


def _read(table: ir.Table) -> tuple[pa.ListArray, pd.DataFrame]:
    """Read a table of paths: the lists, and the columns beside them."""
    arrow = table.to_pyarrow()
    listed: Any = arrow.column("path").combine_chunks()
    columns = arrow.drop_columns(["path"]).to_pandas()
    return listed, columns.assign(value=significant(columns["value"].to_numpy(dtype=np.float64)))


def from_rows(rows: pd.DataFrame, seed: int) -> Paths:
    """Read rows with ``path`` (joined by " > "), ``conversions``, ``nulls`` and, where known, ``value`` and ``contact_id``.

    Equal paths are aggregated first, so that grouped and raw rows give the same.
    """
    known = "contact_id" in rows
    clusters = CLUSTERS if known else 1
    text = _text(rows["path"])
    touched = pc.not_equal(pc.utf8_trim_whitespace(text), "")
    kept = touched.to_numpy(zero_copy_only=False)
    encoded = text.filter(touched).dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    cluster = pd.factorize(rows["contact_id"], sort=True)[0][kept] % CLUSTERS if known else 0
    cells, place = distinct(rank[encoded.indices.to_numpy()] * clusters + cluster, len(order) * clusters)
    summed: dict[str, Any] = {name: added(place, amount[kept], len(cells)) for name, amount in _amounts(rows).items()}
    summed |= {"value": significant(summed["value"]), "cluster": cells % clusters, "customer": np.zeros(len(cells), dtype=bool)}
    listed = pc.split_pattern(encoded.dictionary.take(order.take(pa.array(cells // clusters))), SEPARATOR)
    paths = from_arrays(listed, summed)
    return paths if known else paths.dealt(seed)


def each_row(rows: pd.DataFrame) -> Paths:
    """Read the rows of ``from_rows`` as they come, all in one cluster: enough for the credit itself, and the quickest way to it."""
    blocks = (rows["path"].iloc[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE))
    alone = {"cluster": np.zeros(len(rows)), "customer": np.zeros(len(rows))}
    paths = _of_parts((pc.split_pattern(_text(block), SEPARATOR) for block in blocks), _amounts(rows) | alone, clusters=1)
    blank = np.array([not name.strip() for name in paths.channels], dtype=bool)
    untouched = (paths.lengths == 1) & blank[paths.codes[paths.offsets[:-1]]] if blank.any() else blank[:0]
    return each_row(rows[~untouched]) if untouched.any() else paths


def _text(path: pd.Series) -> pa.Array:
    """Give paths as text, empty where there is none."""
    text = pc.fill_null(pa.Array.from_pandas(path).cast(pa.large_string()), "")
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _amounts(rows: pd.DataFrame) -> dict[str, Floats]:
    """Give what paths brought, 0 where it isn't said."""
    return {name: rows[name].fillna(0.0).to_numpy(np.float64) if name in rows else np.zeros(len(rows)) for name in AMOUNTS}


def distinct(keys: Ints, size: int) -> tuple[Ints, Ints]:
    """Give the distinct keys, each from 0 to ``size`` - 1, in ascending order, and which of them each key is."""
    if size > _TABLE * len(keys):
        return np.unique(keys, return_inverse=True)
    seen = np.zeros(size, dtype=bool)
    seen[keys] = True
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[keys]


def added(place: Ints, weights: Floats, count: int) -> Floats:
    """Sum weights by their place, shape (count,)."""
    return np.asarray(np.bincount(place, weights=weights, minlength=count), dtype=np.float64)


def joined(paths: Paths, row: int, touches: int) -> str:
    """Write the first touches of a path as a string."""
    start = int(paths.offsets[row])
    return SEPARATOR.join(paths.channels[code] for code in paths.codes[start : start + touches])


def significant(values: Floats) -> Floats:
    """Keep twelve digits, so that sums do not depend on the order in which threads added them."""
    magnitude = np.floor(np.log10(np.abs(values), out=np.zeros_like(values), where=values != 0))
    scale = 10.0 ** (_DIGITS - 1 - magnitude)
    return np.asarray(np.round(values * scale) / scale, dtype=np.float64)


def _offsets(lengths: Sequence[int] | Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _deal(counts: Ints, clusters: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Deal each path's journeys into clusters: keys (path * clusters + cluster), ascending, and how many."""
    many = counts > 4 * clusters
    row = np.repeat(np.arange(len(counts)), np.where(many, 0, counts))
    keys, found = np.unique(row * clusters + rng.integers(clusters, size=len(row)), return_counts=True)
    rows = np.flatnonzero(many)
    dealt = rng.multinomial(counts[rows], np.full(clusters, 1 / clusters)) if len(rows) else np.zeros((0, clusters), dtype=np.int64)
    more = (rows[:, None] * clusters + np.arange(clusters)).ravel()
    order = np.argsort(np.concatenate([keys, more]), kind="stable")
    return np.concatenate([keys, more])[order], np.concatenate([found, dealt.ravel()])[order]


def _spread(keys: Ints, row: Ints, dealt: tuple[Ints, Ints], counts: Floats) -> Floats:
    """Give each key its count, scaled so that the path's sum is what it was before rounding."""
    found = np.zeros(len(keys))
    found[np.searchsorted(keys, dealt[0])] = dealt[1]
    total = np.bincount(row, weights=found, minlength=len(counts))
    scale = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    return np.asarray(found * scale[row], dtype=np.float64)
