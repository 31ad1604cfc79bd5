"""What is said of the lists of invoices and deals in words, in French and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from funnelcast.forecast.result import Effect
from funnelcast.sources.facts import Source
from funnelcast.terms import Json
from training.list_words import THIN_SPACE, french

_KINDS = {"invoices": ("invoices", "factures"), "deals": ("deals", "affaires")}


def summary(name: str, kept: Sequence[Effect], shortfall: Mapping[str, Json], source: Source) -> dict[str, Json]:
    """Say how likely a shortfall is, and how many of those listed lower that probability."""
    english, francais = _KINDS[name]
    zero, floor = (100 * float(str(shortfall[risk])) for risk in ("probability", "probability_below_floor"))
    helpful = sum(effect.on_shortfall > 0 or effect.on_floor > 0 for effect in kept)
    return {
        "en": f"{len(kept)} {english}, {helpful} of which lower the risk if they are collected at once. The balance falls below zero with "
        f"probability {zero:.1f} %, below the floor of {source.floor:,.0f} {source.currency} with probability {floor:.1f} %.",
        "fr": f"{len(kept)} {francais}, dont {helpful} réduisent le risque si elles sont encaissées tout de suite. Le solde passe sous "
        f"zéro avec une probabilité de {french(zero, 1)}{THIN_SPACE}%, sous le plancher de {french(source.floor)} {source.currency} "
        f"avec une probabilité de {french(floor, 1)}{THIN_SPACE}%.",
    }


def assumptions(name: str, draws: int) -> dict[str, Json]:
    """State what the effects rest on."""
    english = [
        f"Effect: by how much that probability falls if this one alone is collected today, on the same {draws:,} possible futures.",
        "Only the largest are tried, and the amounts include VAT.",
    ]
    francais = [
        f"Effet : la baisse de cette probabilité si celle-ci seule est encaissée aujourd'hui, sur les mêmes {french(draws)} futurs.",
        "Seules les plus grandes sont essayées, et les montants sont TTC.",
    ]
    if name == "deals":
        english.append("A deal's amount is its mean where it is won.")
        francais.append("Le montant d'une affaire est sa moyenne quand elle est gagnée.")
    return {"en": [*english], "fr": [*francais]}
