"""The fitted model as numbers: the probability that a journey so far converts, and every method's credit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from funnelcast.artefacts import to_json
from funnelcast.errors import ArtefactDamaged, NotFound, WrongColumns
from funnelcast.families.attribution.chain import Chain
from funnelcast.families.attribution.credit import Attribution
from funnelcast.families.attribution.drawing import START, state_name, transitions
from funnelcast.families.attribution.markov import PRIOR_JOURNEYS, Markov, conversion_probabilities
from funnelcast.families.attribution.paths import Floats, Paths
from funnelcast.families.attribution.setup import Setup
from funnelcast.families.attribution.shapley import Shapley
from funnelcast.journeys import SEPARATOR, Organic
from funnelcast.terms import Json

FILE = "model.json"
_COLUMNS = {"path": "category"}
_CREDITING = ("method", "rules", "credits", "transitions", "removal_effects", "shapley")
_TEXT = frozenset({"object", "string", "category", "str"})


@dataclass(frozen=True)
class AttributionModel:
    """A fitted attribution.

    Parameters
    ----------
    document
        ``kind`` (markov or last_touch), ``channels``, ``order``, ``states`` (probability to convert by the journey's last touches, joined
        by " > ", a journey's start being one of them), ``base_rate``, ``empty_rate`` (without a touch) and, for markov, ``method``,
        ``credits`` (the attribute document by method), ``transitions`` (for drawing), ``removal_effects``, ``shapley`` and ``rules``.
    """

    document: Mapping[str, Any]

    @property
    def columns(self) -> Mapping[str, str]:
        """The journey so far, its channels joined by " > "."""
        return _COLUMNS

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give the ``probability`` that each journey converts, from its last touches."""
        _require_path(rows)
        paths = rows["path"].astype(object).where(rows["path"].notna(), "")
        found = {path: self.probability(path) for path in paths.unique()}
        return pd.DataFrame({"probability": paths.map(found).to_numpy(dtype=np.float64)}, index=rows.index)

    def probability(self, path: str) -> float:
        """Give the probability that one journey converts."""
        if not path.strip():
            return float(self.document["empty_rate"])
        touches = [START, *path.split(SEPARATOR)]
        states = self.document["states"]
        for length in range(min(int(self.document["order"]), len(touches)), 0, -1):
            state = SEPARATOR.join(touches[-length:])
            if state in states:
                return float(states[state])
        return float(self.document["base_rate"])

    def credits(self, method: str | None = None) -> dict[str, Json]:
        """Give a method's ``attribute`` document as it stood when the model was fitted."""
        known = self.document.get("credits", {})
        wanted = method or self.document.get("method", "")
        if wanted not in known:
            raise NotFound(what="attribution method in this model", name=wanted, advice=f"It holds {', '.join(sorted(known)) or 'none'}.")
        found: dict[str, Json] = known[wanted]
        return found

    def with_credits_of(self, other: AttributionModel) -> AttributionModel:
        """Give the same predictions with another model's credits: what predicts best needn't be what credits."""
        return AttributionModel({**{key: other.document[key] for key in _CREDITING if key in other.document}, **self.document})

    def files(self) -> dict[str, bytes]:
        """Give the artefact."""
        return {FILE: to_json(dict(self.document))}


def rebuild(files: Mapping[str, bytes]) -> AttributionModel:
    """Make the model from its artefact.

    Raises
    ------
    ArtefactDamaged
        model.json is missing or isn't an attribution model.
    """
    try:
        document = json.loads(files[FILE])
        _ = document["kind"], document["order"], document["states"], document["base_rate"], document["empty_rate"]
    except (KeyError, ValueError, TypeError) as error:
        raise ArtefactDamaged(folder="attribution", reason=f"{FILE} is no attribution model ({type(error).__name__})") from error
    return AttributionModel(document)


def markov_model(
    made: Markov,
    setup: Setup,
    prior: float,
    *,
    answers: Mapping[str, Attribution] | None = None,
    shapley: Shapley | None = None,
    organic: Organic | None = None,
) -> AttributionModel:
    """Make the model of a Markov chain and, where given, every method's answer."""
    chain = made.chain
    document: dict[str, Any] = {
        **predicting(chain, prior, organic),
        "method": setup.method,
        "rules": {
            "direct": list(setup.rules.direct),
            "position": list(setup.rules.position),
            "half_life_touches": setup.rules.half_life_touches,
            "half_life_days": setup.journeys.half_life_days,
            "lookback_days": setup.journeys.lookback_days,
        },
        "credits": {name: answer.document() for name, answer in (answers or {}).items()},
        "transitions": transitions(chain),
        "removal_effects": dict(zip(made.channels, _finite(made.credit().removal_effect), strict=True)),
    }
    if shapley is not None:
        document["shapley"] = [part.document(shapley.channels) for part in shapley.parts]
    return AttributionModel(document)


def predicting(chain: Chain, prior: float, organic: Organic | None = None) -> dict[str, Any]:
    """Give the part of a model's document that predicts; states are shrunk to shorter ones by ``prior`` visits."""
    probabilities, base_rate = conversion_probabilities(chain, prior)
    return {
        "kind": "markov",
        "channels": list(chain.states.channels),
        "order": chain.states.order,
        "prior_visits": prior,
        "states": {state_name(chain, state): float(p) for state, p in enumerate(probabilities)},
        "base_rate": base_rate,
        "empty_rate": base_rate if organic is None else min(organic.everyone, base_rate),
    }


def last_touch_model(paths: Paths) -> AttributionModel:
    """Make the field's simple rule: the conversion rate of journeys that ended on the same channel, shrunk to that of all."""
    last = paths.codes[paths.offsets[1:] - 1]
    width = len(paths.channels)
    won = np.bincount(last, weights=paths.conversions, minlength=width)
    all_ = np.bincount(last, weights=paths.journeys, minlength=width)
    base_rate = float(won.sum() / all_.sum())
    rate = (won + PRIOR_JOURNEYS * base_rate) / (all_ + PRIOR_JOURNEYS)
    return AttributionModel(
        {
            "kind": "last_touch",
            "channels": list(paths.channels),
            "order": 1,
            "states": dict(zip(paths.channels, rate.tolist(), strict=True)),
            "base_rate": base_rate,
            "empty_rate": base_rate,
        }
    )


def _require_path(rows: pd.DataFrame) -> None:
    missing = sorted(set(_COLUMNS) - set(rows.columns))
    extra = sorted(str(column) for column in set(rows.columns) - set(_COLUMNS))
    wrong = [] if missing or str(rows["path"].dtype) in _TEXT or len(rows) == 0 else ["path"]
    if missing or extra or wrong:
        raise WrongColumns(family="attribution", missing=missing, extra=extra, wrong=wrong)


def _finite(values: Floats | None) -> list[float]:
    return [] if values is None else [float(value) for value in values]
