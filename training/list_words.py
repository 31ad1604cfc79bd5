"""What is said of a list in words, in French and English: what it is worth, what was assumed, and what couldn't be told."""

from __future__ import annotations

from funnelcast.terms import Json
from funnelcast.worklist import LEVEL, Campaign, Profit, Worklist

THIN_SPACE = "\u202f"


def summary(found: Worklist, profit: Profit | None, currency: str) -> dict[str, Json]:
    """Say how many to contact and what that is expected to earn."""
    listed, total = found.size, len(found.ranked)
    if profit is None:
        return {
            "en": f"{listed:,} of {total:,} contacts, the most probable first; nobody's value is known, so no profit can be told.",
            "fr": f"{french(listed)} contacts sur {french(total)}, les plus probables d'abord ; aucune valeur n'est connue, "
            "donc aucun profit ne peut être annoncé.",
        }
    if not listed:
        return {
            "en": f"Nobody: none of {total:,} contacts is expected to gain more than contacting costs.",
            "fr": f"Personne : pour aucun des {french(total)} contacts le gain attendu ne dépasse le coût.",
        }
    ends = (profit.mean, profit.low, profit.high)
    mean, low, high = (f"{end:,.0f}" for end in ends)
    moyenne, bas, haut = (french(round(end)) for end in ends)
    return {
        "en": f"{listed:,} of {total:,} contacts, expected profit {mean} {currency} ({LEVEL:.0%} interval {low} to {high}).",
        "fr": f"{french(listed)} contacts sur {french(total)}, profit attendu {moyenne} {currency} "
        f"(intervalle à {LEVEL:.0%} : {bas} à {haut}).".replace("%", f"{THIN_SPACE}%"),
    }


def assumptions(family: str, campaign: Campaign, found: Worklist, currency: str) -> dict[str, Json]:
    """State what the order and the profit rest on."""
    english, french = [_assumed_en(family, campaign, currency)], [_assumed_fr(family, campaign, currency)]
    if found.valued:
        english.append(f"The interval ({LEVEL:.0%}) holds doubt about the probabilities and chance; values count at their expectation.")
        french.append(
            f"L'intervalle (à {100 * LEVEL:.0f}{THIN_SPACE}%) tient compte du doute sur les probabilités et du hasard ; "
            "les valeurs comptent pour leur espérance."
        )
    else:
        english.append("Values come from purchases: train the model clv, then a list goes by gain.")
        french.append("Les valeurs viennent des achats : entraînez le modèle clv, et la liste suivra le gain.")
    return {"en": [*english], "fr": [*french]}


def _assumed_en(family: str, campaign: Campaign, currency: str) -> str:
    share, cost = f"{100 * campaign.share:.3g}%", f"costs {campaign.cost_per_contact:,.2f} {currency}"
    changed, gain = {
        "churn": (f"a contact keeps {share} of those who would leave and {cost}", "probability of leaving × CLV"),
        "lead_scoring": (
            f"{share} of the conversions only come with the contact, which {cost}",
            "probability of buying × value of a conversion",
        ),
    }[family]
    return (
        f"Assumed, not learned from the facts: {changed}. Gain = {share} × {gain} − cost. "
        "Leave some contacts alone at random to measure that share."
    )


def _assumed_fr(family: str, campaign: Campaign, currency: str) -> str:
    share = f"{100 * campaign.share:.3g}{THIN_SPACE}%".replace(".", ",")
    cost = f"coûte {french(campaign.cost_per_contact, 2)} {currency}"
    changed, gain = {
        "churn": (f"un contact retient {share} de ceux qui partiraient et {cost}", "probabilité de départ × valeur client (CLV)"),
        "lead_scoring": (
            f"{share} des conversions ne viennent que du contact, qui {cost}",
            "probabilité d'achat × valeur d'une conversion",
        ),
    }[family]
    return (
        f"Hypothèse, non tirée des faits : {changed}. Gain = {share} × {gain} − coût. "
        "Laissez au hasard quelques contacts de côté pour mesurer cette part."
    )


def french(number: float, digits: int = 0) -> str:
    """Write a number as French does."""
    return f"{number:,.{digits}f}".replace(",", THIN_SPACE).replace(".", ",")
