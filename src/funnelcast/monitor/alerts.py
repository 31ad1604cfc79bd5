"""What deserves a person's attention now, with a stated budget of false alarms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from funnelcast.monitor.drift import Drift
from funnelcast.terms import DAYS_PER_MONTH, Json

FALSE_ALARMS_PER_MONTH = 1.0
"""Over all series together, where nothing is wrong."""

STALE_DAYS = 120.0
SHORTFALL_PROBABILITY = 0.10

_Z_95 = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True)
class Alert:
    """One thing to look at, in French and English, with its effect in money where that is known."""

    kind: str
    subject: str
    severity: str
    text_en: str
    text_fr: str
    effect: float | None = None

    def document(self) -> dict[str, Json]:
        """Give the alert as JSON."""
        text: dict[str, Json] = {"en": self.text_en, "fr": self.text_fr}
        return {"kind": self.kind, "subject": self.subject, "severity": self.severity, "text": text, "effect": self.effect}


def outside_band(series: str, period: Mapping[str, float], actual: float, *, comparisons_per_month: float) -> Alert | None:
    """Compare what came in with the forecast of one period of one series.

    Parameters
    ----------
    period
        The forecast's p05, p50 and p95; beyond them each side is taken as half a normal distribution.
    actual
        What came in.
    comparisons_per_month
        How many such comparisons a month brings over all series: each shares the budget of false alarms equally.
    """
    side = period["p95"] - period["p50"] if actual >= period["p50"] else period["p50"] - period["p05"]
    gap = actual - period["p50"]
    if side <= 0:
        return None
    chance = math.erfc(abs(gap) * _Z_95 / (side * math.sqrt(2.0)))  # of a gap as large, to either side
    if chance > min(FALSE_ALARMS_PER_MONTH / comparisons_per_month, 1.0):
        return None
    above = gap > 0
    band = f"{period['p05']:,.0f} to {period['p95']:,.0f}"
    return Alert(
        "outside_band",
        series,
        "warning",
        f"{series}: {actual:,.0f} came in, {'above' if above else 'below'} the {band} that was forecast.",
        f"{series} : {_french(actual)} réalisés, {'au-dessus' if above else 'au-dessous'} de la prévision "
        f"({_french(period['p05'])} à {_french(period['p95'])}).",
        gap,
    )


def comparisons_per_month(series: int, days_per_period: float) -> float:
    """Count the comparisons of a month."""
    return series * DAYS_PER_MONTH / days_per_period


def stale(model: str, age_days: float) -> Alert | None:
    """Say that a champion was trained on facts older than it should be."""
    if age_days <= STALE_DAYS:
        return None
    return Alert(
        "stale_model",
        model,
        "warning",
        f"{model} was trained on facts up to {age_days:.0f} days ago: run `funnelcast retrain`.",
        f"{model} a été entraîné sur des faits arrêtés il y a {age_days:.0f} jours : lancez `funnelcast retrain`.",
    )


def drifts(model: str, found: Sequence[Drift]) -> list[Alert]:
    """Say which features of a model changed."""
    return [
        Alert(
            "drift",
            f"{model}.{drift.name}",
            "warning",
            f"{model}: {drift.name} is distributed differently from before (effect {drift.effect:.2f}).",
            f"{model} : {drift.name} n'est plus distribué comme avant (effet {drift.effect:.2f}).",
        )
        for drift in found
        if drift.drifted
    ]


def shortfall(cash: Mapping[str, Json]) -> Alert | None:
    """Say that the account may run dry, from a cash forecast's document."""
    found = cash.get("shortfall")
    if not isinstance(found, dict) or float(str(found["probability"])) < SHORTFALL_PROBABILITY:
        return None
    probability, week = float(str(found["probability"])), found.get("first_week_p50") or "–"
    return Alert(
        "cash",
        "balance",
        "error",
        f"The balance falls below zero with a probability of {probability:.0%}; first week at the median: {week}.",
        f"Le solde passe sous zéro avec une probabilité de {100 * probability:.0f} % ; première semaine médiane : {week}.",
    )


def data_quality(findings: Sequence[Mapping[str, Json]]) -> list[Alert]:
    """Repeat the findings on the facts that block or warn."""
    return [
        Alert(
            "data_quality",
            f"{finding['table']}.{finding['column']}",
            str(finding["level"]),
            f"{finding['table']}, {finding['column']}: {finding['rule']} ({finding['count']} rows).",
            f"{finding['table']}, {finding['column']} : {finding['rule']} ({finding['count']} lignes).",
        )
        for finding in findings
        if finding["level"] in {"error", "warning"}
    ]


def _french(amount: float) -> str:
    return f"{amount:,.0f}".replace(",", "\u202f")
