"""Leak suspects: attributes that know the answer, found by what they do on rows that were held out from finding it.

Strength alone can't tell a leak from a strong attribute, so these kinds of evidence exclude: alone it ranks almost perfectly; its dates
follow the outcome; it is there (or not there) when the outcome is one way; most rows sit in levels that are almost pure, both ways; or its
values fall into two groups, each nearly one outcome's own. A name that looks as if it were written after the contact, one that spec.toml
lists, and one that only ranks very well are marked for review and kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.scoring.evidence import Evidence, weigh
from funnelcast.splits import group_folds
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
STRONG = 0.93
_FEWEST_OUTCOMES = 10
_WORDS = re.compile(r"_|(?<=[a-zß-ÿ])(?=[A-Z])")
_SOUNDS_LATE = re.compile(
    r"\b(status|statut|stage|étape|outcome|result|résultat|disposition|reason|motif|raison|closed|clos|clôture|won|lost|gagné|perdu"
    r"|convert\w*|conversion|cancel\w*|résili\w*|churn\w*|terminat\w*|tags?|quality|qualité|qualif\w*|rating|lead score|grade"
    r"|(last|dernière?)[\s_]+(\w+[\s_]+)?(activity|activité|contact|modified|modification|update|call|appel))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Suspect:
    """An attribute that may know the answer."""

    name: str
    reason: str
    action: Literal["excluded", "review"]

    def document(self) -> dict[str, Json]:
        """Give the suspect as JSON."""
        return {"name": self.name, "reason": self.reason, "action": self.action}


@dataclass(frozen=True)
class Rules:
    """What spec.toml says of attributes: ``allow`` are never excluded, ``after_contact`` are always marked for review."""

    allow: Collection[str] = ()
    after_contact: Collection[str] = ()


def suspects(rows: pd.DataFrame, outcome: Floats, names: Sequence[str], rules: Rules, seed: int) -> list[Suspect]:
    """Examine each attribute alone.

    Parameters
    ----------
    rows
        One per contact, so that they are independent; with ``as_of``, dates are held against it.
    names
        The attributes: columns that the company states, not what funnelcast computes from dated facts.
    """
    halves = [fold.judge for fold in group_folds(outcome, np.arange(outcome.size, dtype=np.int64), 2, seed)]
    enough = min(outcome.sum(), outcome.size - outcome.sum()) >= _FEWEST_OUTCOMES
    found = []
    for name in names:
        evidence = weigh(rows[name], rows.get("as_of"), outcome, halves) if enough else Evidence()
        if evidence.excludes and name not in rules.allow:
            found.append(Suspect(name, evidence.excludes, "excluded"))
        elif why := _worth_a_review(name, evidence, rules):
            found.append(Suspect(name, why, "review"))
    return found


def _worth_a_review(name: str, evidence: Evidence, rules: Rules) -> str:
    if evidence.excludes:
        return f"{evidence.excludes}; spec.toml allows it"
    if name in rules.after_contact:
        return "spec.toml lists it as written after the contact"
    if evidence.auc >= STRONG:
        return f"alone it ranks with ROC-AUC {evidence.auc:.3f} on held-out rows: check when it is written"
    sounds_late = _SOUNDS_LATE.search(_WORDS.sub(" ", name))
    return "its name sounds as if it were written after the contact" if sounds_late else ""
