"""Where both members start from: what the customer's own rhythm and the time of the year say before anything is learned from columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from funnelcast.families.scoring import rhythm as rhythms
from funnelcast.families.scoring import season as seasons
from funnelcast.families.scoring.columns import as_numbers
from funnelcast.families.scoring.rhythm import Rhythm
from funnelcast.families.scoring.season import Season
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]

WORDS: Mapping[str, Mapping[str, str]] = {rhythms.NAME: rhythms.WORDS, seasons.NAME: seasons.WORDS}
"""How the parts are called in reasons."""


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
    def centre(self) -> float:
        """The log-odds against which its parts are told."""
        return self.rhythm.centre if self.rhythm else 0.0

    def log_odds(self, rows: pd.DataFrame) -> Floats:
        """Give the log-odds of each row, shape (n,)."""
        return self.centre + sum(self.parts(rows).values(), np.zeros(len(rows)))

    def parts(self, rows: pd.DataFrame) -> dict[str, Floats]:
        """Give what each part adds to the centre, by name, shape (n,) each."""
        if self.rhythm is not None:
            return {rhythms.NAME: self.rhythm.log_odds(rows, self._busier(rows)) - self.rhythm.centre}
        return {} if self.season is None else {seasons.NAME: np.log(self._busier(rows))}

    def told(self, rows: pd.DataFrame) -> dict[str, Floats]:
        """Give each part's value as reasons tell it: the probability of silence, or how much busier the weeks ahead are."""
        if self.rhythm is not None:
            return {rhythms.NAME: np.asarray(expit(self.rhythm.log_odds(rows, self._busier(rows))), np.float64)}
        return {} if self.season is None else {seasons.NAME: self._busier(rows)}

    def _busier(self, rows: pd.DataFrame) -> Floats:
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


def busier(season: Season | None, rows: pd.DataFrame) -> Floats:
    """Give the season's factor of each row; 1 without a season."""
    return np.ones(len(rows)) if season is None else season.factor(as_numbers(rows[seasons.DAY_OF_YEAR]))
