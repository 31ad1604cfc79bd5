"""Batch scoring: everyone in question to parquet or csv, in a stream, so that memory doesn't grow with the rows."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import ibis.expr.types as ir
import pandas as pd
import pyarrow.parquet as pq

from funnelcast import champions
from funnelcast.answers import Scale
from funnelcast.champions import Champion
from funnelcast.errors import NotFound, UsageError
from funnelcast.families.family import Progress
from funnelcast.families.registry import family_of
from funnelcast.settings import Settings
from funnelcast.snapshots import latest
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.sources.source_file import SPARK
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf, Json
from training.output import replaced, require_table_file
from training.score_in_spark import Task
from training.score_rows import KEYS, VALUE, Scorer, ValueOf, Writer
from training.train import default_as_of, require_tables
from training.values import CLV, value_of_contacts, value_of_conversions

BATCH_ROWS = 25_000
_BATCH_VALUES = 1_000_000


def score(settings: Settings, facts: Facts, model: str, out: Path, *, as_of: AsOf | None, progress: Progress) -> dict[str, Json]:
    """Score everyone in question with the champion of one model.

    Parameters
    ----------
    out
        ``.parquet`` or ``.csv``; it appears only when it is complete. In Spark it may also be a folder, new, to which each worker writes.
    """
    whole = facts.source.backend == SPARK and not out.suffix
    if not whole:
        require_table_file(out)
    elif out.exists():
        raise UsageError(reason=f"--out {out}: there is such a folder already. Name a new one, or a file that ends in .parquet or .csv.")
    started = time.monotonic()
    champion = champions.load(settings, facts.source.name, model, facts.source.path or "FILE")
    as_of = as_of or default_as_of(facts)
    if whole:
        rows = _write_parts(settings, facts, champion, as_of, out)
    else:
        rows = 0
        with replaced(out) as beside, Writer(beside, out.suffix) as writer:
            for batch in _batches(settings, facts, champion, as_of, out):
                writer.write(batch)
                rows += len(batch)
                progress(f"{model}: {rows} rows scored")
    seconds = round(time.monotonic() - started, 3)
    return {"model": model, "version": champion.version, "as_of": as_of.isoformat(), "rows": rows, "out": str(out), "seconds": seconds}


def stream(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf) -> Iterator[pd.DataFrame]:
    """Score in batches; at least one batch comes, empty where nobody is in question. What Spark answers is collected."""
    if facts.source.backend == SPARK:
        yield answered(settings, facts, champion, as_of).to_pyarrow().to_pandas()
        return
    known, candidates, key, spec = _in_question(settings, facts, champion, as_of)
    value = _values(settings, known, champion.about.family, as_of)
    scorer = Scorer(champion, key, scale_in_use(settings, champion), value, _horizon(spec))
    batches = candidates.order_by(key).to_pyarrow_batches(chunk_size=batch_rows(len(candidates.columns)))
    yield from scorer.answers(batches, settings.threads)


def answered(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf) -> ir.Table:
    """Give everyone's answers as a table in Spark, in order: nothing of it reaches this process."""
    known, candidates, key, spec = _in_question(settings, facts, champion, as_of)
    family = champion.about.family
    if family == "churn" and known.has("transactions") and CLV in champions.listed(settings, facts.source.name):
        worth = answered(settings, facts, champions.load(settings, facts.source.name, CLV), as_of)
        candidates = candidates.left_join(worth.select("contact_id", **{VALUE: worth[CLV]}), "contact_id").drop("contact_id_right")
    conversion = value_of_conversions(settings, known, as_of) if family == "lead_scoring" else None
    task = Task.of(champion, key, scale_in_use(settings, champion), conversion, _horizon(spec))
    return task.answers(candidates.order_by(key))


def _in_question(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf) -> tuple[Facts, ir.Table, str, Spec]:
    """Give what was known, who is in question with the model's columns, and by which column they are told apart."""
    spec = read(settings.models, champion.about.model)
    family = family_of(champion.about.family)
    require_tables(facts, family, champion.about.model)
    known = cut(facts, as_of)
    candidates = family.candidates(known, spec, None, as_of)
    return known, candidates, next(name for name in KEYS if name in candidates.columns), spec


def _horizon(spec: Spec) -> float:
    return float(spec.label.get("horizon_days", 0))


def _batches(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf, out: Path) -> Iterator[pd.DataFrame]:
    """Give answers batch by batch: Spark leaves them in parts beside ``out``, each of which this process can hold."""
    if facts.source.backend != SPARK:
        yield from stream(settings, facts, champion, as_of)
        return
    parts = out.with_name(f".{out.name}.parts")
    try:
        _write_parts(settings, facts, champion, as_of, parts)
        for part in sorted(parts.glob("*.parquet")):
            yield pq.read_table(part).to_pandas()
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def _write_parts(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf, folder: Path) -> int:
    """Let Spark's workers write a folder of parquet files, whose order is that of their names; count the rows."""
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        facts.backend.to_parquet(answered(settings, facts, champion, as_of), beside.absolute().as_uri())
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return sum(int(pq.read_metadata(part).num_rows) for part in folder.glob("*.parquet"))


def batch_rows(columns: int) -> int:
    """Give how many rows are scored at once: more where they are narrow, since what is common to rows is found once a batch."""
    return max(BATCH_ROWS, _BATCH_VALUES // columns)


def scale_in_use(settings: Settings, champion: Champion) -> Scale:
    """Give the population for percentiles: the last refresh, else the fold on which the champion was judged."""
    try:
        scales = latest(settings, champion.about.source).document("scales")
    except NotFound:
        scales = {}
    return Scale.in_use(scales, champion.about.model, champion.about.scale)


def _values(settings: Settings, known: Facts, family: str, as_of: AsOf) -> ValueOf:
    """Give what tells the value of rows: by contact for churn, by channel for leads."""
    if family == "churn":
        clv = value_of_contacts(settings, known, as_of)
        return lambda keys, _: None if clv is None else clv.reindex(keys).to_numpy()
    worth = value_of_conversions(settings, known, as_of) if family == "lead_scoring" else None
    return lambda _, rows: None if worth is None else worth.of_rows(rows)
