"""Where both members start from: what the customer's own rhythm and the time of the year say before anything is learned from columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.scoring import rhythm as rhythms
from funnelcast.families.scoring import season as seasons
from funnelcast.families.scoring.columns import as_numbers
from funnelcast.families.scoring.rhythm import Rhythm
from funnelcast.families.scoring.season import Season
from funnelcast.families.table import Table
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]

WORDS: Mapping[str, Mapping[str, str]] = {seasons.NAME: seasons.WORDS}
"""How a part that is no column is called in reasons."""


@dataclass(frozen=True)
class Start:
    """Log-odds that each row starts from; zero where there is neither rhythm nor season.

    Where there is a rhythm, a busy season makes its horizon longer: h becomes h times the season's factor. Where there is none, the odds
    of what is predicted go with the factor.
    """

    rhythm: Rhythm | None = None
    season: Season | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The features that it reads."""
        return (*(self.rhythm.columns if self.rhythm else ()), *((seasons.DAY_OF_YEAR,) if self.season else ()))

    @property
    def base(self) -> float:
        """The log-odds to which its parts add."""
        return self.rhythm.base() if self.rhythm else 0.0

    def log_odds(self, rows: pd.DataFrame | Table) -> Floats:
        """Give the log-odds of each row, shape (n,)."""
        if self.rhythm is not None:
            return self.rhythm.log_odds(rows, self._busier(rows))
        return np.log(self._busier(rows))

    def parts(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give what each of its columns, and the season, adds to the base; rows sum to the log-odds."""
        if self.rhythm is not None:
            found, season = self.rhythm.parts(rows, self._busier(rows))
            return found.assign(**{seasons.NAME: season}) if self.season else found
        return pd.DataFrame({seasons.NAME: np.log(self._busier(rows))} if self.season else {}, index=rows.index)

    def told(self, rows: pd.DataFrame) -> dict[str, Floats]:
        """Give the value of each part that is no column: how much busier than the year's mean the weeks ahead are."""
        return {seasons.NAME: self._busier(rows)} if self.season else {}

    def _busier(self, rows: pd.DataFrame | Table) -> Floats:
        return busier(self.season, rows)

    def document(self) -> dict[str, Json]:
        """Give it as JSON."""
        return {
            "rhythm": None if self.rhythm is None else self.rhythm.document(),
            "season": None if self.season is None else self.season.document(),
        }

    @classmethod
    def of(cls, document: Any) -> Start:
        """Make it from its JSON."""
        return cls(Rhythm.of(document["rhythm"]), Season.of(document["season"]))


def learn_start(rows: pd.DataFrame, outcome: Floats, rhythm_days: float, season: Season | None) -> Start:
    """Learn the rhythm where the outcome is a silence (``rhythm_days`` > 0) and the rows tell one; the season is known already."""
    season = season if seasons.DAY_OF_YEAR in rows else None
    if not rhythm_days:
        return Start(None, season)
    if not rhythms.can_be_learned(rows):
        return Start()
    return Start(rhythms.learn_rhythm(rows, outcome, rhythm_days, busier(season, rows)), season)


def busier(season: Season | None, rows: pd.DataFrame | Table) -> Floats:
    """Give the season's factor of each row; 1 without a season."""
    return np.ones(len(rows)) if season is None else season.factor(as_numbers(Table.of(rows)[seasons.DAY_OF_YEAR]))
