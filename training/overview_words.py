"""What is said of the first figures, in French and English: what each is, with what it is compared, and what a missing one needs."""

from __future__ import annotations

from collections.abc import Mapping

from funnelcast.sources.facts import Facts
from funnelcast.terms import Json
from training.list_words import french

Both = tuple[str, str]

_TITLES: Mapping[str, Both] = {
    "sales": ("Sales, next 13 weeks", "Ventes, 13 prochaines semaines"),
    "pipeline": ("Deals won, next 13 weeks", "Affaires gagnées, 13 prochaines semaines"),
    "cash": ("Lowest balance, next 13 weeks", "Solde le plus bas, 13 prochaines semaines"),
    "cac": ("Cost of a new customer", "Coût d'un nouveau client"),
    "clv_cac": ("Customer value per cost", "Valeur client par coût"),
    "churn": ("Customers expected to leave", "Clients qui devraient partir"),
    "velocity": ("Pipeline velocity", "Vélocité du pipeline"),
}
_EXPLANATIONS: Mapping[str, Both] = {
    "sales": (
        "What will be sold from {start} to {end}: the mean of {draws} possible futures.",
        "Ce qui sera vendu du {start} au {end} : la moyenne de {draws} futurs possibles.",
    ),
    "pipeline": (
        "What open and new deals will have brought in, won from {start} to {end}: the mean of {draws} possible futures.",
        "Ce que les affaires ouvertes et nouvelles auront rapporté, gagnées du {start} au {end} : la moyenne de {draws} futurs possibles.",
    ),
    "cash": (
        "The lowest balance at the end of a week from {start} to {end}: the mean of {draws} possible futures.",
        "Le solde le plus bas en fin de semaine du {start} au {end} : la moyenne de {draws} futurs possibles.",
    ),
    "cac": (
        "All spend from {start} to before {end}, divided by the customers won in these months.",
        "Toutes les dépenses du {start} jusqu'avant le {end}, divisées par les clients gagnés pendant ces mois.",
    ),
    "clv_cac": (
        "The mean value of today's customers (CLV), divided by what a customer won from {start} to before {end} cost.",
        "La valeur moyenne des clients d'aujourd'hui (CLV), divisée par le coût d'un client gagné du {start} jusqu'avant le {end}.",
    ),
    "churn": (
        "The share of {customers} active customers expected to leave within {days} days, by the churn model.",
        "La part des {customers} clients actifs qui devraient partir dans les {days} jours, selon le modèle d'attrition.",
    ),
    "velocity": (
        "Open deals × win rate × won amount ÷ length of the cycle: what the pipeline earns a day.",
        "Affaires ouvertes × taux de gain × montant gagné ÷ durée du cycle : ce que le pipeline rapporte par jour.",
    ),
}
_STATED: Both = (
    "The share of {customers} customers expected to leave, as the company's own column of outcomes counts it.",
    "La part des {customers} clients qui devraient partir, au sens de la colonne de résultats de l'entreprise.",
)
"""Of churn, where a column of contacts states who left."""
_THAN: Mapping[str, Both] = {
    "year": ("the same weeks a year before (from {when})", "les mêmes semaines un an avant (à partir du {when})"),
    "before": ("as many weeks before (from {when})", "autant de semaines juste avant (à partir du {when})"),
    "today": ("the balance today", "le solde d'aujourd'hui"),
    "months": ("the three months before (from {when})", "les trois mois précédents (à partir du {when})"),
    "then": ("13 weeks before ({when})", "13 semaines avant ({when})"),
    "left": ("the share that did leave of those active on {when}", "la part réellement partie de ceux actifs le {when}"),
}
_NEEDS: Mapping[str, tuple[tuple[str, ...], Both]] = {
    "sales": (
        ("transactions", "sales"),
        ("purchases (transactions) or totals by week (sales)", "achats (transactions) ou totaux par semaine (sales)"),
    ),
    "pipeline": (("deals",), ("deals (deals)", "affaires (deals)")),
    "cash": (
        ("invoices", "deals", "transactions"),
        ("invoices, deals or transactions", "factures (invoices), affaires (deals) ou achats (transactions)"),
    ),
    "cac": (("spend",), ("spend by day and channel (spend)", "dépenses par jour et canal (spend)")),
    "clv_cac": (("spend",), ("spend by day and channel (spend)", "dépenses par jour et canal (spend)")),
    "churn": (
        ("transactions", "subscriptions", "contacts"),
        ("purchases (transactions) or subscriptions (subscriptions)", "achats (transactions) ou abonnements (subscriptions)"),
    ),
    "velocity": (("deals",), ("deals (deals)", "affaires (deals)")),
}
_NO_TABLE: Both = ("Needs {what}: add the table to source.toml.", "Nécessite : {what}. Ajoutez la table dans source.toml.")
_NO_BALANCE: Both = (
    "Needs today's balance: give opening_balance in [cash] of source.toml.",
    "Nécessite le solde d'aujourd'hui : indiquez opening_balance dans [cash] de source.toml.",
)
_TOO_LITTLE: Mapping[str, Both] = {
    "model": (
        "There is too little of the data yet, or no trained model: run `funnelcast train all`, then `funnelcast refresh`.",
        "Les données sont encore trop rares, ou aucun modèle n'est entraîné : `funnelcast train all`, puis `funnelcast refresh`.",
    ),
    "months": (
        "Needs spend over the last three full months, customers won in them (contacts) and, for their value, transactions.",
        "Nécessite dépenses (spend) sur les trois derniers mois, clients gagnés alors (contacts) et, pour leur valeur, transactions.",
    ),
}


def told(name: str, about: Mapping[str, object]) -> dict[str, Json]:
    """Give the title and the explanation of a figure."""
    english = {key: f"{value:,}" if isinstance(value, int) else value for key, value in about.items()}
    francais = {key: french(value) if isinstance(value, int) else value for key, value in about.items()}
    in_english, in_french = _STATED if name == "churn" and "days" not in about else _EXPLANATIONS[name]
    return {"title": _both(_TITLES[name]), "explanation": {"en": in_english.format(**english), "fr": in_french.format(**francais)}}


def than(key: str, when: str) -> dict[str, Json]:
    """Say what a figure is compared with."""
    return _both(_THAN[key], when=when)


def lacking(name: str, known: Facts) -> dict[str, Json]:
    """Say which data a missing figure needs."""
    return {"name": name, "title": _both(_TITLES[name]), "reason": _reason(name, known)}


def _reason(name: str, known: Facts) -> dict[str, Json]:
    tables, (english, francais) = _NEEDS[name]
    if not any(known.has(table) for table in tables):
        return {"en": _NO_TABLE[0].format(what=english), "fr": _NO_TABLE[1].format(what=francais)}
    if name == "cash" and known.source.opening_balance is None:
        return _both(_NO_BALANCE)
    return _both(_TOO_LITTLE["months" if name in {"cac", "clv_cac"} else "model"])


def _both(words: Both, **filled: object) -> dict[str, Json]:
    english, francais = (text.format(**filled) for text in words)
    return {"en": english, "fr": francais}
