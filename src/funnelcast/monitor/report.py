"""The monitor's report as one page of HTML that needs nothing else: what moved, what deserves attention, how right the models are."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from funnelcast.monitor.report_plots import plots
from funnelcast.monitor.said import Text

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin-bottom:0}h2{font-size:1.25rem;margin-top:2.2rem;border-bottom:1px solid #ddd}h3{font-size:1.05rem}
[lang=en]{color:#555}h1 [lang=en],h2 [lang=en],h3 [lang=en],th [lang=en]{font-weight:400}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.5rem 0}
th,td{padding:.25rem .5rem;text-align:right;border-bottom:1px solid #eee}
th:first-child,td:first-child{text-align:left}th{vertical-align:bottom}.moved{color:#a5281b;font-weight:600}
.bar{display:inline-block;height:.7em;background:#8fa8c3;margin-left:.4em}.moved .bar{background:#c0392b}
.alert{border-left:4px solid #999;padding:.1rem 1rem;margin:1rem 0;background:#fafafa}
.error{border-color:#c0392b}.warning{border-color:#d98c1f}
.alert p{margin:.35rem 0}img{max-width:100%}.tables{overflow-x:auto}
"""
_SEVERITIES = {"error": Text("urgent", "urgent"), "warning": Text("warning", "avertissement"), "note": Text("note", "note")}
_MOST_COLUMNS = 15
_BAR_PIXELS = 120
_NOTHING = "–"
_COMMAND = re.compile("`([^`]+)`")


def report(document: Mapping[str, Any]) -> bytes:
    """Write the page of what `funnelcast monitor --json` prints, in French and English.

    Everything that comes from the facts is escaped; the plots are inside the page.
    """
    drawn = plots(document)
    sections = [
        _head(document),
        *_alerts(document),
        *_drift(document, drawn),
        *_performance(document.get("performance", {}), drawn),
        *_track_record(document.get("track_record", {})),
    ]
    page = (
        '<!doctype html>\n<html lang="fr">\n<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>funnelcast monitor {_safe(document['as_of'])}</title><style>{_STYLE}</style></head>\n<body>\n"
    )
    return (page + "\n".join(sections) + "\n</body>\n</html>\n").encode()


def figures(document: Mapping[str, Any]) -> dict[str, float]:
    """Give the figures of a monitor's run: alerts, drifted columns, and the largest effect and the skill of each model."""
    drift: Mapping[str, Sequence[Mapping[str, Any]]] = document["drift"]
    found = {
        "alerts": float(sum(alert["severity"] != "note" for alert in document["alerts"])),
        "drifted_columns": float(sum(change["drifted"] for changes in drift.values() for change in changes)),
    }
    found |= {f"worst_effect.{model}": float(max(change["effect"] for change in changes)) for model, changes in drift.items() if changes}
    skills = {model: (one["realised"] or {}).get("skill") for model, one in document.get("performance", {}).items()}
    return found | {f"skill.{model}": float(skill) for model, skill in skills.items() if skill is not None}


def _head(document: Mapping[str, Any]) -> str:
    then, now = (_safe(str(document["compared"][name])[:10]) for name in ("then", "now"))
    return f"<h1>{_both('Monitoring report', 'Rapport de suivi')}</h1><p>{then} → {now}</p>"


def _alerts(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>{_both('Alerts', 'Alertes')}</h2>"
    yield _paragraphs(document["budget"]["text"])
    if not document["alerts"]:
        yield f"<p>{_both('Nothing deviates.', 'Rien ne dévie.')}</p>"
    for alert in document["alerts"]:
        severity = _SEVERITIES[alert["severity"]]
        head = f"<h3>{_both(severity.en, severity.fr)}: {_safe(alert['subject'])}</h3>"
        texts = "".join(_paragraphs(alert[name]) for name in ("text", "effect_text", "action"))
        yield f'<div class="alert {_safe(alert["severity"])}">{head}{texts}</div>'


def _drift(document: Mapping[str, Any], drawn: Mapping[str, bytes]) -> Iterator[str]:
    yield f"<h2>{_both('What changed within a quarter', 'Ce qui a changé en un trimestre')}</h2>"
    yield _paragraphs(
        {
            "fr": "L'effet est la part de la distribution qui a bougé ; q dit à quel point le passé bougeait autant de lui-même (rouge : "
            "effet ≥ 0,1 et q ≤ 0,05). score : ce que dit le modèle ; outcome : ce qui s'est réalisé.",
            "en": "The effect is the share of the distribution that moved; q says how readily the past moved as far by itself (red: "
            "effect ≥ 0.1 and q ≤ 0.05). score: what the model says; outcome: what came true.",
        }
    )
    for model, changes in document["drift"].items():
        if not changes:
            continue
        moved = sum(change["drifted"] for change in changes)
        yield f"<h3>{_safe(model)}: {moved} / {len(changes)}</h3>"
        head = (("column", "colonne"), ("effect", "effet"), ("p", "p"), ("q", "q"))
        rows = [
            (change["drifted"], [_safe(change["name"]), _bar(change["effect"]), _number(change["p_value"]), _number(change["q_value"])])
            for change in changes[:_MOST_COLUMNS]
        ]
        yield _table(head, rows)
        yield _image(drawn.get(f"drift.{model}.png"), f"drift {model}")
        yield from _scores(document.get("scores", {}).get(model))


def _scores(told: Mapping[str, Any] | None) -> Iterator[str]:
    if told is None:
        return
    head = (
        ("mean score", "score moyen"),
        ("share then", "part avant"),
        ("share now", "part maintenant"),
        ("then", "avant"),
        ("now", "maintenant"),
    )
    rows = [(False, [_both("all", "tous"), "100 %", "100 %", _number(told["then"]), _number(told["now"])])]
    for column, levels in told["by"].items():
        rows += [
            (
                False,
                [
                    _safe(f"{column}: {level['level']}"),
                    *(_percent(level[name]) for name in ("share_then", "share_now")),
                    *(_number(level[name]) for name in ("score_then", "score_now")),
                ],
            )
            for level in levels
        ]
    yield _table(head, rows)


def _performance(document: Mapping[str, Any], drawn: Mapping[str, bytes]) -> Iterator[str]:
    if not document:
        return
    yield f"<h2>{_both('How well the models do', 'La qualité des modèles')}</h2>"
    yield _paragraphs(
        {
            "fr": "Attendu : ce que le modèle calibré attend de lui-même, avant que les résultats soient connus. Réalisé : sur des lignes "
            "qu'il n'avait pas vues. skill : 1 − perte / perte de la règle simple.",
            "en": "Expected: what the calibrated model expects of itself, before outcomes are known. Realised: on rows that it hadn't "
            "seen. skill: 1 − loss / loss of the simple rule.",
        }
    )
    for model, one in document.items():
        yield f"<h3>{_safe(model)}</h3>"
        for words, told in ((("expected", "attendu"), one["expected"]), (("realised", "réalisé"), one["realised"])):
            if told:
                flat = {**{name: value for name, value in told.items() if name != "metrics"}, **(told.get("metrics") or {})}
                yield _table((words, ("", "")), [(False, [_safe(name), _cell(value)]) for name, value in flat.items()])
        for reason in (one.get("missing") or {}).values():
            yield f"<p>{_safe(reason)}</p>"
        groups = [*one["by_channel"], *one["by_segment"]]
        if groups:
            head = (
                ("group", "groupe"),
                ("rows", "lignes"),
                ("expected", "attendu"),
                ("came", "réalisé"),
                ("interval", "intervalle"),
                ("q", "q"),
            )
            yield _table(head, [(not group["agrees"], _group(group)) for group in groups])
            yield _image(drawn.get(f"groups.{model}.png"), f"groups {model}")


def _group(group: Mapping[str, Any]) -> list[str]:
    interval = f"{_number(group['low'])} – {_number(group['high'])}"
    values = (_number(group[name]) for name in ("expected", "observed"))
    return [_safe(f"{group['column']}: {group['name']}"), str(group["rows"]), *values, interval, _number(group["q_value"])]


def _track_record(document: Mapping[str, Any]) -> Iterator[str]:
    told = [(one.get("model") or one["quantity"], one["text"]) for one in (*document.get("models", ()), *document.get("forecasts", ()))]
    if told:
        yield f"<h2>{_both('Track record', 'Historique des prédictions')}</h2>"
    for name, text in told:
        yield f"<h3>{_safe(name)}</h3>{_paragraphs(text)}"


def _table(head: Sequence[tuple[str, str]], rows: Sequence[tuple[bool, Sequence[str]]]) -> str:
    """Lay out cells that are safe already; a row that is true stands out."""
    titles = "".join(f'<th scope="col">{_both(english, french)}</th>' for english, french in head)
    body = "".join(
        f"<tr{' class=moved' if moved else ''}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for moved, cells in rows
    )
    return f'<div class="tables"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def _both(english: str, french: str) -> str:
    if english == french:
        return _safe(french)
    return f'<span lang="fr">{_safe(french)}</span> · <span lang="en">{_safe(english)}</span>'


def _paragraphs(text: Mapping[str, Any]) -> str:
    french, english = (_COMMAND.sub(r"<code>\1</code>", _safe(text[language])) for language in ("fr", "en"))
    return f'<p lang="fr">{french}</p><p lang="en">{english}</p>'


def _image(content: bytes | None, name: str) -> str:
    if content is None:
        return ""
    return f'<img alt="{_safe(name)}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'


def _bar(effect: float) -> str:
    return f'{_number(effect)}<span class="bar" style="width:{round(_BAR_PIXELS * min(effect, 1.0))}px"></span>'


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3g}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _cell(value: Any) -> str:
    return _number(value) if isinstance(value, float) else _NOTHING if value is None else _safe(value)


def _safe(value: Any) -> str:
    return html.escape(str(value))
