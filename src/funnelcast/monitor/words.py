"""The track record in a sentence, in French and English, as it stands beside an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from funnelcast.terms import Json

_EVENTS: Mapping[str, tuple[str, str, str]] = {
    "churn": ("departures expected", "départs attendus", "survenus"),
    "lead_scoring": ("conversions expected", "conversions attendues", "survenues"),
    "clv": ("purchases expected per answer", "achats attendus par réponse", "survenus"),
}
_OTHER = ("outcomes expected", "événements attendus", "survenus")
UNJUDGED: dict[str, Json] = {
    "en": "Nothing has been held against what came true yet: `funnelcast refresh` does so.",
    "fr": "Rien n'a encore été confronté aux faits : `funnelcast refresh` s'en charge.",
}
"""Where there is no snapshot, or it can't say."""

_FRENCH = str.maketrans({",": "\u202f", ".": ","})


def of_scores(told: Mapping[str, Any], family: str, level: float) -> dict[str, Json]:
    """Say what was expected of the answers that are old enough, and what came."""
    if not told["judged"]:
        return _untold() if told["unknown"] else no_scores(told["horizon_days"], told["waiting"])
    expected, attendus, survenus = _EVENTS.get(family, _OTHER)
    predicted, observed, low, high = (_figure(told[name], family) for name in ("predicted", "observed", "low", "high"))
    count, days, certain = f"{told['judged']:,}", f"{told['horizon_days']:g}", f"{100 * level:.0f}"
    versions, dont = _span(told["versions"])
    return {
        "en": f"Of {count} answers of {versions} whose {days} days are over, {expected}: {predicted}; came: {observed} "
        f"({certain} % interval {low} to {high}).",
        "fr": f"Sur {_french(count)} réponses {dont} dont les {days} jours sont écoulés, {attendus} : {_french(predicted)} ; "
        f"{survenus} : {_french(observed)} (intervalle à {certain} % : {_french(low)} à {_french(high)}).",
    }


def no_scores(horizon_days: float, waiting: int) -> dict[str, Json]:
    """Say that no answer is old enough, or that there was none."""
    if not waiting:
        return {
            "en": f"No answer can be judged yet: none over {horizon_days:g} days was on record at the last refresh.",
            "fr": f"Aucune réponse ne peut encore être jugée : aucune à {horizon_days:g} jours n'était enregistrée à la dernière "
            "actualisation.",
        }
    return {
        "en": f"No answer can be judged yet: {waiting:,} wait for the end of their {horizon_days:g} days.",
        "fr": "Aucune réponse ne peut encore être jugée ; en attente de la fin de leurs "
        f"{horizon_days:g} jours : {_french(f'{waiting:,}')}.",
    }


def of_forecasts(told: Mapping[str, Any], level: float) -> dict[str, Json]:
    """Say how often the 80 % bands held."""
    if not told["judged"]:
        return no_forecasts(told["periods"])
    held, (low, high) = _share(told["coverage_80"]), (_share(bound) for bound in told["coverage_80_interval"])
    count, weeks, certain = f"{told['judged']:,}", told["weeks"], f"{100 * level:.0f}"
    leads = [row["lead"] for row in told["by_lead"]]
    ahead, avant = (f"{min(leads)} {to} {max(leads)}" if len(leads) > 1 else str(leads[0]) for to in ("to", "à"))
    far, many = ("" if max(leads) == 1 else "s"), ("" if weeks == 1 else "s")
    return {
        "en": f"80 % bands held {held} of {count} times ({certain} % interval {low} to {high}; {weeks:,} week{many}, forecast "
        f"{ahead} week{far} ahead).",
        "fr": f"Les fourchettes à 80 % ont tenu {_french(held)} de {_french(count)} fois (intervalle à {certain} % : {_french(low)} à "
        f"{_french(high)} ; {_french(f'{weeks:,}')} semaine{many}, prévue{many} {avant} semaine{far} à l'avance).",
    }


def no_forecasts(stored: int) -> dict[str, Json]:
    """Say that no forecast week is over, or that there was none."""
    if not stored:
        return {
            "en": "No forecast can be judged yet: none was on record at the last refresh.",
            "fr": "Aucune prévision ne peut encore être jugée : aucune n'était enregistrée à la dernière actualisation.",
        }
    return {
        "en": f"No forecast can be judged yet: of {stored:,} periods forecast, none is a whole week that is over.",
        "fr": f"Aucune prévision ne peut encore être jugée ; sur {_french(f'{stored:,}')} périodes prévues, aucune semaine entière "
        "n'est écoulée.",
    }


def _untold() -> dict[str, Json]:
    return {
        "en": "No answer can be judged: the facts don't tell when the outcome happened.",
        "fr": "Aucune réponse ne peut être jugée : les faits ne disent pas quand l'événement a eu lieu.",
    }


def _span(versions: Sequence[int]) -> tuple[str, str]:
    if len(versions) == 1:
        return f"version {versions[0]}", f"de la version {versions[0]}"
    return f"versions {versions[0]} to {versions[-1]}", f"des versions {versions[0]} à {versions[-1]}"


def _figure(value: float, family: str) -> str:
    return f"{value:.2f}" if family == "clv" else f"{100 * value:.1f} %"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _french(text: str) -> str:
    return text.translate(_FRENCH)
