"""What deserves a person's attention now: what it is, what it may cost, and what to do first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from funnelcast.monitor.budget import Episode
from funnelcast.monitor.drift import Drift
from funnelcast.monitor.findings import french
from funnelcast.monitor.said import Text, day, money, number, share
from funnelcast.terms import AsOf, Json

STALE_DAYS = 120.0
SHORTFALL_PROBABILITY = 0.10

_NAMED = 3

_QUANTITIES: Mapping[str, Text] = {
    "sales": Text("sales in all", "ventes totales"),
    "pipeline": Text("amounts won", "montants gagnés"),
    "receipts": Text("receipts", "encaissements"),
}
_LEVERS: Mapping[str, Text] = {"invoice": Text("invoice", "facture"), "deal": Text("deal", "affaire")}


@dataclass(frozen=True)
class Alert:
    """One thing to look at, in French and English.

    Parameters
    ----------
    effect
        In the source's currency; negative where it is money less. None where it can't be known.
    effect_text
        What that amount is, or why there is none.
    action
        What to do.
    more
        Further keys of the document.
    """

    kind: str
    subject: str
    severity: str
    text: Text
    action: Text
    effect_text: Text
    effect: float | None = None
    more: Mapping[str, Json] = field(default_factory=dict)

    def document(self) -> dict[str, Json]:
        """Give the alert as JSON."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "severity": self.severity,
            "text": self.text.document(),
            "effect": self.effect,
            "effect_text": self.effect_text.document(),
            "action": self.action.document(),
            **self.more,
        }


def outside_band(episode: Episode, currency: str, timezone: str) -> Alert:
    """Say that a series left the band of what its past led to expect, and by how much money."""
    watched, gap = episode.surprises.watched, episode.surprises.gap(episode.place)
    channel = watched.history.name
    name = Text(channel, channel) if channel else _QUANTITIES[watched.quantity]
    missed = gap.actual - gap.expected
    came, hoped, least, most, apart = (money(one, currency) for one in (gap.actual, gap.expected, gap.low, gap.high, missed))
    first, ended = day(gap.since), day(gap.until - timedelta(days=1))
    above = Text("above", "au-dessus") if missed > 0 else Text("below", "au-dessous")
    return Alert(
        "outside_band",
        watched.subject,
        "warning",
        Text(
            f"{name.en}: {came.en} came in from {first.en} to {ended.en}, {above.en} the {hoped.en} expected "
            f"(usual: {least.en} to {most.en}).",
            f"{name.fr} : {came.fr} réalisés du {first.fr} au {ended.fr}, {above.fr} des {hoped.fr} attendus "
            f"(habituel : {least.fr} à {most.fr}).",
        ),
        Text(
            "Look for the reason: prices, stock, campaigns, one large customer, tracking. "
            "If it stays so, the forecast follows by itself within some weeks.",
            "Cherchez la cause : prix, stock, campagnes, un gros client, suivi des ventes. "
            "Si cela dure, la prévision s'y adapte d'elle-même en quelques semaines.",
        ),
        Text(f"The gap to what was expected: {apart.en}.", f"L'écart par rapport à l'attendu : {apart.fr}."),
        missed,
        {
            "quantity": watched.quantity,
            "since": AsOf(gap.since, timezone).isoformat(),
            "until": AsOf(gap.until, timezone).isoformat(),
            "expected": gap.expected,
        },
    )


def stale(model: str, age_days: float) -> Alert | None:
    """Say that a champion was trained on facts older than it should be."""
    if age_days <= STALE_DAYS:
        return None
    age = number(age_days)
    return Alert(
        "stale_model",
        model,
        "warning",
        Text(
            f"{model} was trained on facts up to {age.en} days ago.",
            f"{model} a été entraîné sur des faits arrêtés il y a {age.fr} jours.",
        ),
        Text(
            "Run `funnelcast retrain`: it says what waiting costs, and trains where that is too much.",
            "Lancez `funnelcast retrain` : il dit ce que coûte l'attente, et réentraîne là où c'est trop.",
        ),
        Text(
            "What an old model costs isn't known before outcomes come; the track record says how right it was.",
            "Le coût d'un modèle ancien n'est connu qu'une fois les résultats survenus ; l'historique dit s'il avait raison.",
        ),
    )


@dataclass(frozen=True)
class Outlook:
    """What a model's answers are expected to bring or cost, and how the change of its inputs moved their mean probability.

    Parameters
    ----------
    amount
        The sum over those in question now; negative for a loss.
    now, then
        Mean probability by the present model, of those in question now and of those before.
    """

    amount: float
    now: float
    then: float


def drifted(model: str, found: Sequence[Drift], outlook: Outlook | None, currency: str) -> Alert | None:
    """Say which columns that a model reads changed; the effect is what all changes together do to the sum of its answers in money."""
    changed = [drift for drift in found if drift.drifted]
    if not changed:
        return None
    effect = outlook.amount * (1 - outlook.then / outlook.now) if outlook and outlook.now > 0 else None
    named, rest = ", ".join(drift.name for drift in changed[:_NAMED]), len(changed) - _NAMED
    more = Text(f" and {rest} more", f" et {rest} autre{'s' if rest > 1 else ''}") if rest > 0 else Text("", "")
    moved = share(changed[0].effect)
    columns: list[Json] = [drift.name for drift in changed]
    return Alert(
        "drift",
        model,
        "note",  # a season moves inputs too, and no budget of false alarms holds for them
        Text(
            f"{model}: distributed differently from a quarter ago: {named}{more.en} (at least {moved.en} of the rows moved).",
            f"{model} : distribution différente d'il y a un trimestre : {named}{more.fr} (au moins {moved.fr} des lignes ont bougé).",
        ),
        Text(
            "Check whether the season explains it, the data (an export, a tag, a form), or a real change; if so, run `funnelcast retrain`.",
            "Vérifiez si la saison l'explique, les données (export, balise, formulaire) ou un vrai changement ; "
            "dans ce dernier cas, lancez `funnelcast retrain`.",
        ),
        _unknown_drift() if outlook is None or effect is None else _known_drift(outlook, effect, currency),
        effect,
        {"columns": columns},
    )


def _unknown_drift() -> Text:
    return Text(
        "What it costs isn't known: inputs may change without what comes true changing.",
        "Son coût n'est pas connu : les données d'entrée peuvent changer sans que les résultats changent.",
    )


def _known_drift(outlook: Outlook, effect: float, currency: str) -> Text:
    then, now, change = share(outlook.then), share(outlook.now), money(effect, currency)
    return Text(
        f"By this model, all changes of its inputs together move the mean probability from {then.en} to {now.en}, which is {change.en} "
        "in expected money over those in question now.",
        f"Selon ce modèle, tous les changements d'entrée ensemble font passer la probabilité moyenne de {then.fr} à {now.fr}, soit "
        f"{change.fr} d'argent attendu sur les contacts concernés aujourd'hui.",
    )


def shortfall(cash: Mapping[str, Json], floor: float, currency: str) -> Alert | None:
    """Say that the account may run dry, or fall below the floor that the company set, from a cash forecast's document."""
    found: Any = cash.get("shortfall")
    if not isinstance(found, dict):
        return None
    if found["probability"] >= SHORTFALL_PROBABILITY:
        first = found["first_week_p50"]
        week = Text("", "") if first is None else day(datetime.fromisoformat(first))
        when = Text(f"; in the middle case first in the week of {week.en}", f" ; dans le cas médian, dès la semaine du {week.fr}")
        where = Text("zero", "zéro")
        return _short(found, where, "balance", found["probability"], found["expected_depth"], currency, when if first else Text("", ""))
    if found["probability_below_floor"] >= SHORTFALL_PROBABILITY:
        set_by = money(floor, currency)
        where = Text(f"the floor of {set_by.en}", f"le seuil de {set_by.fr}")
        depth = found["expected_depth_below_floor"]
        return _short(found, where, "floor", found["probability_below_floor"], depth, currency, Text("", ""))
    return None


def _short(found: Mapping[str, Any], where: Text, subject: str, probability: float, depth: float, currency: str, when: Text) -> Alert:
    chance, mean, if_so = share(probability), money(depth, currency), money(depth / probability, currency)
    return Alert(
        "cash",
        subject,
        "error" if subject == "balance" else "warning",
        Text(
            f"The balance falls below {where.en} with a probability of {chance.en}{when.en}.",
            f"Le solde passe sous {where.fr} avec une probabilité de {chance.fr}{when.fr}.",
        ),
        _collect(found.get("levers", []), currency),
        Text(
            f"How far the lowest balance lies below {where.en}: {mean.en} on average over all draws, "
            f"{if_so.en} over those that fall below.",
            f"Ce qui manque au plus bas sous {where.fr} : {mean.fr} en moyenne sur tous les tirages, "
            f"{if_so.fr} sur ceux qui passent dessous.",
        ),
        -depth,
    )


def _collect(levers: Sequence[Mapping[str, Any]], currency: str) -> Text:
    if not levers:
        return Text(
            "Move a payment, agree on a credit line, or collect what is due.",
            "Décalez un paiement, négociez une ligne de crédit ou relancez les factures échues.",
        )
    amounts = [(lever, _LEVERS[lever["kind"]], money(lever["amount"], currency)) for lever in levers[:3]]
    english = ", ".join(f"{kind.en} {lever['id']} ({amount.en})" for lever, kind, amount in amounts)
    frenchly = ", ".join(f"{kind.fr} {lever['id']} ({amount.fr})" for lever, kind, amount in amounts)
    return Text(f"Collect first: {english}.", f"Encaissez d'abord : {frenchly}.")


def data_quality(findings: Sequence[Mapping[str, Any]], currency: str) -> list[Alert]:
    """Repeat the findings on the facts that block or warn, with the amount of their rows where they carry amounts."""
    return [_finding(finding, currency) for finding in findings if finding["level"] in {"error", "warning"}]


def _finding(finding: Mapping[str, Any], currency: str) -> Alert:
    place = ", ".join(name for name in (finding["table"], finding["column"]) if name)
    count, amount = number(finding["count"]), finding["amount"]
    several = "s" if finding["count"] > 1 else ""
    rows = Text(f" ({count.en} row{several})", f" ({count.fr} ligne{several})") if finding["count"] else Text("", "")
    worth = money(amount, currency) if amount is not None else None
    return Alert(
        "data_quality",
        ".".join(name for name in (finding["table"], finding["column"]) if name),
        str(finding["level"]),
        Text(f"{place}: {finding['rule']}{rows.en}.", f"{place} : {french(finding['rule'])}{rows.fr}."),
        Text(
            "`funnelcast check` shows the first of these rows; mend them in the export or leave them out with `filter`.",
            "`funnelcast check` montre les premières de ces lignes ; corrigez-les dans l'export ou écartez-les avec `filter`.",
        ),
        Text("These rows carry no amount.", "Ces lignes ne portent pas de montant.")
        if worth is None
        else Text(f"The amounts of these rows add up to {worth.en}.", f"Les montants de ces lignes totalisent {worth.fr}."),
        amount,
    )
