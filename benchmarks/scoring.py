"""Batch scoring from ready features to the written file, beside the trees' own predict on the ready matrix of the same rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import Ready, Row, apart, gigabytes, seconds
from funnelcast import champions
from funnelcast.families.boosting import Shape, Trees, TreeSettings, train
from funnelcast.families.registry import family_of
from funnelcast.families.scoring.model import ScoringModel
from funnelcast.settings import Settings
from funnelcast.simulate import simulate
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from funnelcast.spec import read
from training.score import BATCH_ROWS, scale_in_use
from training.score_rows import Scorer, Writer
from training.train import Request, default_as_of
from training.train import train as train_model

MODEL = "churn"
DEMO_CONTACTS = 10_000
_ROUNDS = 3
_LARGE = TreeSettings(num_leaves=31, rounds=300)
"""As a company's own facts may call for: simulated ones leave little to learn beyond the rhythm."""
_DRAWN_ROWS = 100_000
_SEED = 1


@dataclass(frozen=True)
class Case:
    """A champion in its home, and rows of features to be scored by it."""

    home: Path
    source: str
    features: Path

    @property
    def scores(self) -> Path:
        """Where the answers go."""
        return self.features.with_suffix(".scores.parquet")

    def champion(self) -> champions.Champion:
        """Load it as batch scoring does."""
        return champions.load(self.settings(), self.source, MODEL)

    def model(self) -> ScoringModel:
        """Give its model."""
        model = self.champion().model
        assert isinstance(model, ScoringModel)  # noqa: S101 (for the types: churn is one)
        return model

    def trees(self) -> Trees | None:
        """Give its trees, where it has any."""
        return self.model().trees

    def settings(self) -> Settings:
        """Give the settings of its home."""
        return Settings.read({"FUNNELCAST_HOME": str(self.home)})


def rows(count: int) -> Iterator[Row]:
    """Train on the demo's company, draw rows from its customers, and score them."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        case, candidates = demo(folder, DEMO_CONTACTS)
        sizes = (count // 4, count, 4 * count)
        cases = {size: replace(case, features=write_rows(candidates, size, folder / f"{size}.parquet")) for size in sizes}
        large = with_large_trees(cases[count], candidates, folder / "large")
        yield from (_beside_trees(one, count) for one in (cases[count], large) if one.trees() is not None)
        peaks = {size: [apart(partial(by_funnelcast, cases[size]), _written)] for size in sizes}
        for size in sizes[1:]:
            yield gigabytes(f"peak memory of scoring {size:,} rows", f"{sizes[0]:,} rows", peaks[size], peaks[sizes[0]], "a process each")


def demo(folder: Path, contacts: int) -> tuple[Case, pa.Table]:
    """Simulate a company, train its champion, and give those whom it would score, with their features."""
    facts = open_source(simulate(folder / "company", contacts=contacts))
    case = Case(folder / "home", facts.source.name, folder)
    train_model(case.settings(), facts, Request(MODEL))
    return case, candidates_of(facts)


def candidates_of(facts: Facts) -> pa.Table:
    """Give everyone in question at the end of the facts, with every feature."""
    spec, as_of = read(Settings.read({}).models, MODEL), default_as_of(facts)
    return family_of(spec.family).candidates(cut(facts, as_of), spec, None, as_of).order_by("contact_id").to_pyarrow()


def write_rows(candidates: pa.Table, count: int, path: Path) -> Path:
    """Draw candidates again and again under new names; amounts are moved a little, so that no two rows are the same."""
    rng = np.random.default_rng(_SEED)
    with pq.ParquetWriter(path, candidates.schema) as writer:
        for start in range(0, count, _DRAWN_ROWS):
            size = min(_DRAWN_ROWS, count - start)
            drawn = candidates.take(pa.array(rng.integers(0, len(candidates), size)))
            names = pa.array([f"c{number:09d}" for number in range(start, start + size)])
            writer.write_table(_moved(drawn.set_column(0, "contact_id", names), rng))
    return path


def with_large_trees(case: Case, candidates: pa.Table, home: Path) -> Case:
    """Put the same champion with large trees alone into another home; they learn outcomes drawn from its own probabilities."""
    champion, model, frame = case.champion(), case.model(), candidates.to_pandas()
    inputs = frame[list(model.columns)]
    chance = model.predict(inputs)["probability"].to_numpy()
    outcome = (np.random.default_rng(_SEED).random(len(frame)) < chance).astype(np.float64)
    matrix = model.read.matrix(inputs)
    trees = train(matrix, outcome, _LARGE, Shape(), seed=_SEED, threads=1, start=model.start.log_odds(inputs))
    found = replace(case, home=home)
    champions.export(found.settings(), champions.artefact(replace(model, trees=trees, weight=1.0), champion.about), champion.version)
    return found


def by_funnelcast(case: Case) -> Ready:
    """Score as ``funnelcast score`` does once the features are there, to a parquet file."""
    settings, champion = case.settings(), case.champion()
    spec = read(settings.models, MODEL)
    scorer = Scorer(champion, "contact_id", scale_in_use(settings, champion), lambda *_: None, float(spec.label["horizon_days"]))

    def run() -> Path:
        features = pq.ParquetFile(case.features, pre_buffer=False)  # which would keep what was read
        reader = pa.RecordBatchReader.from_batches(features.schema_arrow, features.iter_batches(BATCH_ROWS))
        with Writer(case.scores, case.scores.suffix) as writer:
            for batch in scorer.answers(reader, settings.threads):
                writer.write(batch)
        return case.scores

    return run


def by_trees(case: Case) -> Ready:
    """Predict the raw score on the ready matrix by the Booster itself, with as many threads."""
    model, trees = case.model(), case.trees()
    batches = pq.ParquetFile(case.features).iter_batches(BATCH_ROWS)
    matrix = np.concatenate([model.read.matrix(batch.to_pandas()) for batch in batches])
    return lambda: None if trees is None else trees.scores(matrix)


def _beside_trees(case: Case, count: int) -> Row:
    own, trees = [], []
    for _ in range(_ROUNDS):
        own.append(apart(partial(by_funnelcast, case), _written))
        trees.append(apart(partial(by_trees, case), len))
    found = case.trees()
    said = f"{own[0].kept:,} rows written; {found.text.count('Tree=') if found else 0} trees, weight {case.model().weight:g}"
    return seconds(f"scoring {count:,} rows of features to a file", "the trees' predict alone", own, trees, said)


def _written(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)


def _moved(rows: pa.Table, rng: np.random.Generator) -> pa.Table:
    for place, field in enumerate(rows.schema):
        values = rows.column(place).to_numpy() if pa.types.is_floating(field.type) else np.zeros(1)
        if (values[np.isfinite(values)] % 1).any():
            moved = values * rng.uniform(0.95, 1.05, len(values))
            rows = rows.set_column(place, field, pa.array(moved, field.type, from_pandas=True))
    return rows
