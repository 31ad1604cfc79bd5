"""What a forecast lacks, in the words of a planner, in French and English."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SAID: Mapping[str, tuple[str, str]] = {
    r"receivables: no table of invoices.*": (
        "There are no invoices: how late customers pay follows a common pattern, not this company's.",
        "Il n'y a pas de factures : les délais de paiement suivent un schéma courant, pas celui de cette entreprise.",
    ),
    r"receivables: no invoice was issued before as_of.*": (
        "No invoice had been issued yet: how late customers pay follows a common pattern, not this company's.",
        "Aucune facture n'était encore émise : les délais de paiement suivent un schéma courant, pas celui de cette entreprise.",
    ),
    r"receivables: (\d+) invoices were paid so far.*": (
        "Only {0} invoices were paid so far: how late customers pay leans on a common pattern, and intervals are wide.",
        "Seulement {0} factures payées à ce jour : les délais de paiement s'appuient sur un schéma courant et les intervalles sont larges.",
    ),
    r"new_invoices: no invoice without a deal was issued before as_of": (
        "No invoice without a deal was issued so far: none is expected.",
        "Aucune facture sans affaire n'a été émise à ce jour : aucune n'est attendue.",
    ),
    r"open_deals, new_deals: no table of deals": (
        "There are no deals: what they bring in isn't counted.",
        "Il n'y a pas d'affaires : ce qu'elles rapportent n'est pas compté.",
    ),
    r"open_deals, new_deals: no invoice names its deal_id.*": (
        "No invoice names its deal: invoices of deals are expected among the new invoices.",
        "Aucune facture ne nomme son affaire : celles des affaires sont attendues parmi les nouvelles factures.",
    ),
    r"repeat_purchases: most invoices are of a purchase.*": (
        "Most invoices are of a purchase on the same day: purchases are expected among the new invoices.",
        "La plupart des factures correspondent à un achat du même jour : les achats sont attendus parmi les nouvelles factures.",
    ),
    r"repeat_purchases: no purchases that are paid at once were forecast": (
        "There are no purchases that are paid at once.",
        "Il n'y a pas d'achats payés immédiatement.",
    ),
    r"planned: no table of cash_items.*": (
        "There are no planned items: no salaries, rents or taxes go out.",
        "Il n'y a pas de mouvements prévus : ni salaires, ni loyers, ni impôts ne sortent.",
    ),
    r"balance, shortfall: source\.toml gives no opening_balance.*": (
        "Today's balance isn't given (opening_balance under [cash] in source.toml): no balance or shortfall can be told.",
        "Le solde d'aujourd'hui manque (opening_balance dans [cash] de source.toml) : ni solde ni découvert ne peuvent être prévus.",
    ),
    r"(?:open|new)_deals: not forecast by the pipeline": (
        "Deals couldn't be forecast: what they bring in isn't counted.",
        "Les affaires n'ont pas pu être prévues : ce qu'elles rapportent n'est pas compté.",
    ),
    r"open_deals: no deal is open": ("No deal is open.", "Aucune affaire n'est ouverte."),
    r"open_deals: (\d+) have no amount and count as nothing": (
        "{0} open deals have no amount and count as nothing.",
        "{0} affaires ouvertes n'ont pas de montant et ne comptent pas.",
    ),
    r"deals: only a few have closed.*": (
        "Only a few deals have closed: win rates lean on what is usual, and intervals are wide.",
        "Peu d'affaires sont closes : les taux de gain s'appuient sur l'usage et les intervalles sont larges.",
    ),
    r"new_deals: no spend is known on the channels of deals.*": (
        "No spend is known on the channels of deals: a change of spend leaves their number as it is.",
        "Aucune dépense n'est connue sur les canaux des affaires : changer les dépenses laisse leur nombre inchangé.",
    ),
    r"new_deals: only (\d+) weeks of opened deals are known.*": (
        "Only {0} weeks of opened deals are known: how many will come is uncertain.",
        "Seulement {0} semaines d'affaires ouvertes sont connues : le nombre à venir est incertain.",
    ),
    r"new_deals: no deal has an amount.*": (
        "No deal has an amount: new deals bring nothing.",
        "Aucune affaire n'a de montant : les nouvelles ne rapportent rien.",
    ),
    r"new_deals: their amounts are known from (\d+) deals only": (
        "The amounts of new deals are known from {0} deals only.",
        "Les montants des nouvelles affaires ne sont connus que par {0} affaires.",
    ),
    r"sales: no complete period in \w+ before (\S+)": (
        "No whole week or month of sales is known before {0}.",
        "Aucune semaine ni aucun mois complets de ventes ne sont connus avant le {0}.",
    ),
    r"(\d+) of (\d+) series end more than a year before \S+ and are left out of the sums: (.*)": (
        "{0} of {1} series ended more than a year ago and are left out of the sums: {2}.",
        "{0} séries sur {1} se terminent il y a plus d'un an et sont exclues des sommes : {2}.",
    ),
}
_PATTERNS = {re.compile(pattern): words for pattern, words in _SAID.items()}


def in_both(sentence: str) -> dict[str, str]:
    """Give a sentence of a forecast's ``missing`` in both languages; one that has no words of its own stays as it is."""
    for pattern, (english, francais) in _PATTERNS.items():
        found = pattern.fullmatch(sentence)
        if found:
            return {"en": english.format(*found.groups()), "fr": francais.format(*found.groups())}
    return {"en": sentence, "fr": sentence}
