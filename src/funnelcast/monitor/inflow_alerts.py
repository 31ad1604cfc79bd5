"""What is said of a change in what flows in: touches that are fewer, another mix of channels, another price."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from funnelcast.features.touches import KINDS
from funnelcast.monitor.alerts import Alert
from funnelcast.monitor.budget import Episode
from funnelcast.monitor.inflow import CONTACTS, PRICE, TOUCHES
from funnelcast.monitor.said import Text, change, day, money, number, share
from funnelcast.monitor.surprises import Gap
from funnelcast.monitor.watched import Watched
from funnelcast.terms import AsOf

ALERT_KINDS: Mapping[str, str] = {TOUCHES: "tracking", CONTACTS: "channel_mix", PRICE: "price"}
"""The kind of alert by the quantity that moved."""

_ACTIONS: Mapping[str, Text] = {
    TOUCHES: Text(
        "Tracking or a real change? Check the tag, the consent banner, the till's export and the campaigns. "
        "Touches that aren't recorded make leads look colder and their channel look worth less than it is.",
        "Suivi ou vrai changement ? Vérifiez la balise, le bandeau de consentement, l'export de caisse et les campagnes. "
        "Des contacts non enregistrés font paraître les prospects plus froids et leur canal moins rentable qu'il ne l'est.",
    ),
    CONTACTS: Text(
        "Check budgets and campaigns, and whether forms and imports still say where a contact comes from. "
        "If it is real and stays, run `funnelcast retrain`: the models learned on another mix.",
        "Vérifiez les budgets et les campagnes, et si formulaires et imports indiquent toujours l'origine des contacts. "
        "Si c'est réel et durable, lancez `funnelcast retrain` : les modèles ont appris sur un autre mix.",
    ),
    PRICE: Text(
        "Check the price list, discounts, taxes in the export and what is sold. "
        "If prices did change, run `funnelcast retrain`: values and forecasts in money follow.",
        "Vérifiez les tarifs, les remises, les taxes dans l'export et ce qui est vendu. "
        "Si les prix ont changé, lancez `funnelcast retrain` : valeurs et prévisions en euros suivront.",
    ),
}
_UNKNOWN = Text(
    "What it costs isn't known: how much a touch or a contact brings in is no fact of these weeks.",
    "Son coût n'est pas connu : ce que rapporte un contact ou une visite n'est pas un fait de ces semaines.",
)


def flow_changed(episode: Episode, currency: str, timezone: str) -> Alert:
    """Say that what flows in isn't what its past led to expect, what it is, and since when."""
    measured = episode.surprises
    watched, gap = measured.watched, measured.gap(episode.place)
    effect = _worth(watched, gap, measured.first + episode.place, measured.window(episode.place))
    return Alert(
        ALERT_KINDS[watched.quantity],
        watched.subject,
        "warning",
        _text(watched, gap),
        _ACTIONS[watched.quantity],
        _UNKNOWN if effect is None else _priced(effect, currency),
        effect,
        {
            "quantity": watched.quantity,
            "since": AsOf(gap.since, timezone).isoformat(),
            "until": AsOf(gap.until, timezone).isoformat(),
            "expected": gap.expected,
            "actual": gap.actual,
            "change": gap.actual / gap.expected - 1 if gap.expected else None,
        },
    )


def _text(watched: Watched, gap: Gap) -> Text:
    first, ended = day(gap.since), day(gap.until - timedelta(days=1))
    moved, least, most = (change(one, gap.expected) for one in (gap.actual, gap.low, gap.high))
    usual = Text(f"usual: {least.en} to {most.en}", f"habituel : {least.fr} à {most.fr}")
    if watched.quantity == PRICE:
        return Text(
            f"Price: from {first.en} to {ended.en} a purchase cost {moved.en} against what the same customers' purchases led to "
            f"expect ({usual.en}).",
            f"Prix : du {first.fr} au {ended.fr}, un achat a coûté {moved.fr} par rapport à ce que laissaient attendre les achats "
            f"des mêmes clients ({usual.fr}).",
        )
    subject, what = _subject(watched)
    if watched.unit == "count":
        came, hoped = number(gap.actual), number(gap.expected)
        figures = Text(f"{came.en} instead of {hoped.en}; {usual.en}", f"{came.fr} au lieu de {hoped.fr} ; {usual.fr}")
    else:
        came, hoped = share(gap.actual), share(gap.expected)
        figures = Text(
            f"{came.en} of {what.en} instead of {hoped.en}; {usual.en}", f"{came.fr} {what.fr} au lieu de {hoped.fr} ; {usual.fr}"
        )
    return Text(
        f"{subject.en}: {moved.en} against what was expected from {first.en} to {ended.en} ({figures.en}).",
        f"{subject.fr} : {moved.fr} par rapport à l'attendu du {first.fr} au {ended.fr} ({figures.fr}).",
    )


def _subject(watched: Watched) -> tuple[Text, Text]:
    """Name what moved, and the whole that it is a share of."""
    channel = watched.history.name
    if watched.quantity == CONTACTS:
        whole = Text("all new contacts", "de tous les nouveaux contacts")
        if not channel:
            return Text("New contacts in all", "Nouveaux contacts au total"), whole
        return Text(f"New contacts by {channel}", f"Nouveaux contacts par {channel}"), whole
    whole = Text("all touches", "de tous les contacts et visites")
    if not channel:
        return Text("Touches in all", "Contacts et visites au total"), whole
    if not watched.kind:
        return Text(f"Touches by {channel}", f"Contacts par {channel}"), whole
    english, frenchly = KINDS.get(watched.kind, (watched.kind, watched.kind))
    return Text(f"{english[0].upper()}{english[1:]} ({channel})", f"{frenchly[0].upper()}{frenchly[1:]} ({channel})"), whole


def _worth(watched: Watched, gap: Gap, place: int, window: int) -> float | None:
    """Give what a change of price did to the money of its weeks: what was paid, less what it would have been at the price expected."""
    if watched.worth is None or gap.actual <= 0:
        return None
    return float(watched.worth[place + 1 - window : place + 1].sum()) * (1 - gap.expected / gap.actual)


def _priced(effect: float, currency: str) -> Text:
    amount = money(effect, currency)
    return Text(
        f"What these weeks' purchases came to beyond the expected price: {amount.en}.",
        f"Ce que les achats de ces semaines ont rapporté au-delà du prix attendu : {amount.fr}.",
    )
