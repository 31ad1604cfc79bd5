"""The search for the trees' settings: on a sample of whole contacts, by the mean log-loss over the folds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from funnelcast.artefacts import to_json
from funnelcast.families.boosting import TreeSettings
from funnelcast.families.family import Options
from funnelcast.families.scoring.fitting import FEWEST_FOR_TREES, fold_losses
from funnelcast.families.scoring.folds import inner_folds
from funnelcast.families.scoring.prepared import Prepared, Recipe, prepare
from funnelcast.families.tuning import Found, Range, Search, Study, minimise
from funnelcast.labels import LABEL
from funnelcast.spec import Spec
from funnelcast.splits import Fold

SPACE: Mapping[str, Range] = {
    "num_leaves": Range(3, 40, whole=True, log=True),
    "min_data_in_leaf": Range(5, 120, whole=True, log=True),
    "feature_fraction": Range(0.3, 1.0),
    "lambda_l2": Range(0.1, 50.0, log=True),
}
DEFAULT_TRIALS = 12
_MOST_ROWS = 10_000


def search(rows: pd.DataFrame, names: Sequence[str], spec: Spec, recipe: Recipe, options: Options) -> Found:
    """Find the trees' settings; their defaults where the outcomes are too few for trees."""
    sample = _sample(rows, spec.seed)
    start = {name: float(getattr(TreeSettings(), name)) for name in SPACE}
    folds = inner_folds(sample, spec)
    prepared = prepare(sample, sample[LABEL].to_numpy(np.float64), names, recipe)
    trials = options.trials if options.trials is not None else int(spec.search.get("trials", DEFAULT_TRIALS))
    if not folds or trials <= 1 or not prepared.columns.encoded or prepared.rarer < FEWEST_FOR_TREES:
        return Found(start, float("nan"), 0)

    def losses(values: Mapping[str, float], chosen: range) -> list[float]:
        return fold_losses(prepared, [folds[place] for place in chosen], replace(recipe, trees=settings(values)))

    task = Search(losses, len(folds), SPACE, start)
    until = "" if sample["as_of"].isna().all() else sample["as_of"].max().isoformat()
    path = None if options.studies is None else options.studies / f"{spec.name}-{_key(prepared, folds, recipe)}.json"
    study = None if path is None else Study(path, until)
    return minimise(task, trials=trials, seed=spec.seed, study=study, progress=lambda text: options.progress(f"{spec.name}: {text}"))


def settings(values: Mapping[str, float]) -> TreeSettings:
    """Give the trees' settings from the values of a search."""
    return TreeSettings(
        num_leaves=round(values["num_leaves"]),
        min_data_in_leaf=round(values["min_data_in_leaf"]),
        feature_fraction=float(values["feature_fraction"]),
        lambda_l2=float(values["lambda_l2"]),
    )


def _sample(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    if len(rows) <= _MOST_ROWS:
        return rows
    contacts = rows["contact_id"].unique()
    drawn = np.random.default_rng(seed).permutation(contacts.size)[: int(contacts.size * _MOST_ROWS / len(rows))]
    return rows[rows["contact_id"].isin(contacts[drawn])]


def _key(prepared: Prepared, folds: Sequence[Fold], recipe: Recipe) -> str:
    """Hash all that a trial depends on beside its values: only the very same search goes on where it stopped."""
    total = hashlib.sha256(to_json([recipe.seed, list(prepared.shape.categories), list(prepared.shape.monotone), list(SPACE)]))
    starts = [] if prepared.log_odds is None else [prepared.log_odds]
    for values in (prepared.matrix, prepared.outcome, *starts, *(part for fold in folds for part in (fold.fit, fold.judge))):
        total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()[:16]
