"""The bridge in words: sentences in French and English, the JSON document, the section of the run's card."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from funnelcast.families.lead_scoring.bridge import METRICS, Bridge, PointsOfKind
from funnelcast.terms import Json

_ONE = MappingProxyType(
    {
        "email_open": ("an e-mail opened", "un e-mail ouvert"),
        "email_click": ("a click in an e-mail", "un clic dans un e-mail"),
        "visit": ("a visit to the site", "une visite du site"),
        "download": ("a download", "un téléchargement"),
        "webinar": ("a webinar", "un webinaire"),
        "store_visit": ("a visit to the shop", "une visite en magasin"),
        "call": ("a call", "un appel"),
        "meeting": ("a meeting", "un rendez-vous"),
        "event": ("a trade fair or event", "un salon ou un événement"),
        "quote_request": ("a quote asked for", "une demande de devis"),
    }
)
_STEPS = MappingProxyType(
    {
        "rule": "the rule as it is",
        "rule_with_half_life": "the rule, its points fading",
        "learned_rule": "the learned points, fading",
        "model": "the model",
    }
)


def sentence(one: PointsOfKind, lang: str) -> str:
    """Say what a touch is worth and what the rule gives it, such as "a webinar is worth 17 (12 to 22), not 10"."""
    french = lang == "fr"
    called = _ONE.get(one.kind, (f"one touch “{one.kind}”", f"un contact « {one.kind} »"))[french]
    if french:
        beside = " ; la règle ne le compte pas" if one.rule is None else f", pas {_number(one.rule, lang)}"
        return f"{called} vaut {one.learned} ({one.low} à {one.high}){beside}"
    beside = "; the rule doesn't count it" if one.rule is None else f", not {_number(one.rule, lang)}"
    return f"{called} is worth {one.learned} ({one.low} to {one.high}){beside}"


def scale(bridge: Bridge, lang: str = "en") -> str:
    """Say what the points are scaled to, and what a team's threshold becomes."""
    total, reached = (f"{bridge.totals[name]:,.0f}" for name in ("rule", "learned_rule"))
    rule, learned = (_number(bridge.best_tenth[name], lang) for name in ("rule", "learned_rule"))
    if lang == "fr":
        total, reached = total.replace(",", "\u202f"), reached.replace(",", "\u202f")
        fading = "" if np.isinf(bridge.half_life) else f", divisés par deux tous les {bridge.half_life:.0f} jours,"
        return (
            f"Points à l'échelle de la règle : les contacts des prospects jugés{fading} en rapportent {total} au total par la règle, "
            f"{reached} par les points appris (arrondis). Qui appelait à partir de {rule} points appelle autant de prospects à partir de "
            f"{learned}."
        )
    fading = "" if np.isinf(bridge.half_life) else f", halved every {bridge.half_life:.0f} days,"
    return (
        f"Points on the rule's own scale: the judged leads' touches{fading} earn {total} in total by the rule, {reached} by the learned "
        f"points (rounded). Whoever called from {rule} points on calls as many leads from {learned} on."
    )


def document(bridge: Bridge) -> dict[str, Json]:
    """Give the bridge as JSON; ``half_life_days`` is null where nothing fades."""
    corrected = [one for one in bridge.kinds if one.corrects]
    return {
        "half_life_days": None if np.isinf(bridge.half_life) else bridge.half_life,
        "points": [one.document() for one in bridge.kinds],
        "scale": scale(bridge),
        "scale_fr": scale(bridge, "fr"),
        "best_tenth_from": dict(bridge.best_tenth),
        "conversions": bridge.conversions,
        "metrics": {step: dict(figures) for step, figures in bridge.metrics.items()},
        "sentences": {lang: [sentence(one, lang) for one in corrected] for lang in ("en", "fr")},
    }


def section(bridge: Bridge) -> str:
    """Give the card's section in Markdown."""
    fading = "A touch counts for ever" if np.isinf(bridge.half_life) else f"A touch counts half after {bridge.half_life:.0f} days"
    lines = ["## From the rule to the model", "", f"| on the newest date | {' | '.join(METRICS)} |", f"|---|{'---|' * len(METRICS)}"]
    lines += [
        f"| {_STEPS[step]} | {' | '.join(_figure(figures.get(name)) for name in METRICS)} |" for step, figures in bridge.metrics.items()
    ]
    lines += ["", f"{fading}. {scale(bridge)} Learned from {bridge.conversions} conversions.", ""]
    lines += ["| kind of touch | rule | learned | 90 % interval | touches |", "|---|---|---|---|---|"]
    for one in bridge.kinds:
        rule = "none" if one.rule is None else _number(one.rule, "en")
        note = " (too few to say)" if one.too_few else ""
        lines.append(f"| {one.kind} | {rule} | {one.learned} | {one.low} to {one.high} | {one.touches}{note} |")
    corrected = [f"- {sentence(one, lang)}" for lang in ("en", "fr") for one in bridge.kinds if one.corrects]
    return "\n".join([*lines, *(["", *corrected] if corrected else [])])


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _number(value: float, lang: str) -> str:
    text = f"{value:g}"
    return text.replace(".", ",") if lang == "fr" else text
