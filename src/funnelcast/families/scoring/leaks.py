"""Leak suspects: attributes that know the answer, found by what they do on rows that were held out from finding it.

Strength alone can't tell a leak from a strong attribute, so three kinds of evidence exclude: alone it ranks almost perfectly; most rows
sit in levels that are almost pure, both ways; or it is there (or not there) only when the outcome is one way. A name that looks as if it
were written after the contact, or one that spec.toml lists, is marked for review and kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.evaluate.metrics import roc_auc
from funnelcast.families.scoring.columns import learn
from funnelcast.splits import group_folds
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
ALMOST_PERFECT = 0.975
STRONG = 0.90
_PURE = 0.95
_ONE_WAY = 0.99
_FEWEST_IN_LEVEL = 20
_FEWEST_ONE_WAY = 30
_CHANCE = 1e-6
_BINS = 20
_SOUNDS_LATE = re.compile(
    r"\b(status|statut|stage|étape|outcome|result|résultat|disposition|reason|motif|raison|closed|clos|clôture|won|lost|gagné|perdu"
    r"|convert\w*|conversion|cancel\w*|résili\w*|tags?|quality|qualité|qualif\w*|rating|lead score|grade"
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
        One per contact, so that they are independent.
    names
        The attributes: columns that the company states, not what funnelcast computes from dated facts.
    """
    halves = group_folds(outcome, np.arange(outcome.size, dtype=np.int64), 2, seed)
    found = []
    for name in names:
        evidence = _evidence(rows[name], outcome, [fold.judge for fold in halves]) if len(halves) == 2 else Evidence()
        if evidence.excludes and name not in rules.allow:
            found.append(Suspect(name, evidence.excludes, "excluded"))
        elif why := _worth_a_review(name, evidence, rules):
            found.append(Suspect(name, why, "review"))
    return found


@dataclass(frozen=True)
class Evidence:
    """What an attribute alone does on held-out rows; ``excludes`` says why it must go, empty where it needn't."""

    auc: float = 0.5
    excludes: str = ""


def _worth_a_review(name: str, evidence: Evidence, rules: Rules) -> str:
    if evidence.excludes:
        return f"{evidence.excludes}; spec.toml allows it"
    if name in rules.after_contact:
        return "spec.toml lists it as written after the contact"
    if evidence.auc >= STRONG:
        return f"alone it ranks with ROC-AUC {evidence.auc:.3f} on held-out rows: check when it is written"
    return "its name sounds as if it were written after the contact" if _SOUNDS_LATE.search(name.replace("_", " ")) else ""


def _evidence(column: pd.Series, outcome: Floats, halves: Sequence[Indices]) -> Evidence:
    codes = _levels(column)
    if codes is None:
        return Evidence()
    auc = float(np.mean([_held_out_auc(codes, outcome, *pair) for pair in (halves, halves[::-1])]))
    if auc >= ALMOST_PERFECT:
        return Evidence(auc, f"alone it ranks almost perfectly (ROC-AUC {auc:.3f} on held-out rows)")
    return Evidence(auc, _pure_levels(codes, outcome, halves) or _one_way(column, codes, outcome))


def _levels(column: pd.Series) -> Indices | None:
    """Give each row's level: the attribute's own, or the bin of a number with many values; -1 is missing."""
    read = learn(column.to_frame("x"), ["x"]).encoded
    if not read:
        return None
    values = read[0].values(column)
    known = values[~np.isnan(values)]
    if np.unique(known).size > _BINS and not read[0].is_category:
        values = np.where(
            np.isnan(values), np.nan, np.searchsorted(np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])), values)
        )
    return np.where(np.isnan(values), -1, values).astype(np.int64)


def _rates(codes: Indices, outcome: Floats, among: Indices) -> tuple[Floats, Floats]:
    """Give each level's count and positives among some rows; shape (levels,), level -1 first."""
    width = int(codes.max()) + 2
    count = np.bincount(codes[among] + 1, minlength=width).astype(np.float64)
    return count, np.asarray(np.bincount(codes[among] + 1, weights=outcome[among], minlength=width), np.float64)


def _held_out_auc(codes: Indices, outcome: Floats, learned: Indices, judged: Indices) -> float:
    count, positives = _rates(codes, outcome, learned)
    rate = (positives + outcome[learned].mean()) / (count + 1)
    found = roc_auc(outcome[judged], rate[codes[judged] + 1])
    return 0.5 if np.isnan(found) else found


def _pure_levels(codes: Indices, outcome: Floats, halves: Sequence[Indices]) -> str:
    """Levels found almost pure in one half must be so in the other, hold most rows, and a quarter of the outcomes of each kind."""
    shares = [_pure_shares(codes, outcome, *pair) for pair in (halves, halves[::-1])]
    rows, positives, negatives = (float(value) for value in np.mean(shares, axis=0))
    if rows <= 0.5 or positives <= 0.25 or negatives <= 0.25:
        return ""
    return f"{rows:.0%} of the rows sit in levels that are over {_PURE:.0%} one way"


def _pure_shares(codes: Indices, outcome: Floats, learned: Indices, judged: Indices) -> tuple[float, float, float]:
    count, positives = _rates(codes, outcome, learned)
    base = outcome[learned].mean()
    rate = positives / np.maximum(count, 1)
    # almost pure means rare against the base rate too: under a rare outcome most levels are 95 % one way by nature
    high = (count >= _FEWEST_IN_LEVEL) & (1 - rate <= min(1 - _PURE, 0.15 * (1 - base)))
    low = (count >= _FEWEST_IN_LEVEL) & (rate <= min(1 - _PURE, 0.15 * base))
    again, found = _rates(codes, outcome, judged)
    confirmed_high = high & (found >= _PURE * again)
    confirmed_low = low & (again - found >= _PURE * again)
    total = max(float(found.sum()), 1.0)
    rest = max(float((again - found).sum()), 1.0)
    held = float(again[confirmed_high | confirmed_low].sum() / again.sum())
    return held, float(found[confirmed_high].sum() / total), float((again - found)[confirmed_low].sum() / rest)


def _one_way(column: pd.Series, codes: Indices, outcome: Floats) -> str:
    missing = codes == -1
    for group, what in ((~missing, "filled in"), (missing, "missing")):
        size = int(group.sum())
        if size < _FEWEST_ONE_WAY or size == outcome.size:
            continue
        rate, rest = float(outcome[group].mean()), float(outcome[~group].mean())
        for share, elsewhere in ((rate, rest), (1 - rate, 1 - rest)):
            if share >= _ONE_WAY and elsewhere <= 0.9 and elsewhere**size < _CHANCE:
                return f"it is {what} in {size} of {len(column)} rows, and {share:.1%} of those are one way ({elsewhere:.1%} of the others)"
    return ""
