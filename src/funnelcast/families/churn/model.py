"""The churn model: the probability of leaving, shared out over the channels for those who stay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from funnelcast.artefacts import to_json
from funnelcast.families.churn.channels import COLUMNS, NEXT_COLUMNS, Moves, shared_out
from funnelcast.families.scoring.columns import Columns
from funnelcast.families.scoring.model import ScoringModel
from funnelcast.families.table import Table

Floats = npt.NDArray[np.float64]
_FILE = "channels.json"
_READ = Columns(dict.fromkeys(COLUMNS, "number"), ())


@dataclass(frozen=True)
class ChurnModel(ScoringModel):
    """A scoring model with the moves between channels; None where the company's purchases don't tell them.

    P(next = s) = (1 - probability) P(s | buys) for online, offline and both; P(dormant) is the calibrated probability itself.
    """

    moves: Moves | None = None

    @classmethod
    def of(cls, model: ScoringModel, moves: Moves | None) -> ChurnModel:
        """Add moves to a score."""
        return cls(**{field.name: getattr(model, field.name) for field in fields(ScoringModel)}, moves=moves)

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that predict reads, with ``number`` or ``category``."""
        return super().columns if self.moves is None else {**super().columns, **_READ.kinds}

    def predictions(self, rows: Table) -> dict[str, Floats]:
        """Give probability, low and high, and where there are moves the probability of each next state, each of shape (n,).

        Raises
        ------
        WrongColumns
            A column is missing, isn't known, or holds text where numbers were fitted.
        """
        predicted = super().predictions(rows)
        if self.moves is None:
            return predicted
        _READ.check(rows.only(COLUMNS), self.family, ())
        shares = shared_out(predicted["probability"], self.moves.chances(rows))
        return {**predicted, **dict(zip(NEXT_COLUMNS, shares.T, strict=True))}

    def files(self) -> dict[str, bytes]:
        """Give the artefact."""
        return super().files() if self.moves is None else {**super().files(), _FILE: to_json(self.moves.document())}

    @classmethod
    def rebuild(cls, files: Mapping[str, bytes]) -> ChurnModel:
        """Make the model from its artefact."""
        moves = Moves.of(json.loads(files[_FILE])) if _FILE in files else None
        return cls.of(ScoringModel.rebuild(files), moves)
