"""Batch scoring inside Spark: its workers rebuild the model from its files, and answer the batches that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from funnelcast.answers import Scale
from funnelcast.champions import Champion, read_about
from funnelcast.conversion_value import ConversionValue
from funnelcast.families.registry import family_of
from training.score_rows import VALUE, Scorer, to_arrow


@dataclass(frozen=True)
class Task:
    """What is sent to every worker: the bytes of an artefact and plain numbers, no object of a model and no function of ours.

    Parameters
    ----------
    files, about
        Of the artefact: LightGBM's text and JSON.
    worth
        What a lead's conversion is worth; a customer's own value is a column of the batches.
    """

    files: Mapping[str, bytes]
    about: bytes
    version: int
    folder: str
    key: str
    scale: Scale
    worth: ConversionValue | None
    horizon_days: float

    @classmethod
    def of(cls, champion: Champion, key: str, scale: Scale, worth: ConversionValue | None, horizon_days: float) -> Task:
        """Take a champion apart."""
        files = dict(champion.model.files())
        return cls(files, champion.about.content(), champion.version, champion.folder, key, scale, worth, horizon_days)

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Answer a worker's batches."""
        scorer = self._scorer()
        for batch in batches:
            yield from to_arrow(scorer.answer(batch)).to_batches()

    def answers(self, candidates: ir.Table) -> ir.Table:
        """Give the answers for a table of candidates in Spark, as a table in Spark."""
        backend: Any = candidates.get_backend()
        nobody = pa.RecordBatch.from_pylist([], candidates.schema().to_pyarrow())
        return backend.mapped(candidates, self, to_arrow(self._scorer().answer(nobody)).schema)

    def _scorer(self) -> Scorer:
        about = read_about({"about.json": self.about})
        model = family_of(about.family).rebuild(dict(self.files))
        return Scorer(Champion(about, self.version, model, self.folder), self.key, self.scale, self._value, self.horizon_days)

    def _value(self, _: Any, rows: Any) -> Any:
        if self.worth is not None:
            return self.worth.of_rows(rows)
        return rows.columns.get(VALUE)
