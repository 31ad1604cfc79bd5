"""Documents as tables in the terminal, for people; ``--json`` is for programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from funnelcast.terminal.cells import plain, show_pairs, show_rows, written
from funnelcast.terminal.kept_right import show_models, show_monitor, show_retrain

_LIST_ROWS = 20


def show(command: str, document: Any) -> None:
    """Print one command's answer."""
    console = Console(width=None if os.isatty(1) else 140, soft_wrap=False)
    _VIEWS.get(command, _plain)(console, document)


def _plain(console: Console, document: Any) -> None:
    for name, value in document.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            show_rows(console, name, value)
        elif isinstance(value, Mapping):
            show_pairs(console, name, value)
        else:
            console.print(f"[bold]{name}[/]: {written(value)}", highlight=False)


def _train(console: Console, document: Mapping[str, Any]) -> None:
    for one in document.get("trained", [document]):
        _trained(console, one)
    for one in document.get("failed", []):
        console.print(f"[bold]{one['model']}[/] was not trained: {written(one['reason'])}", highlight=False)


def _trained(console: Console, document: Mapping[str, Any]) -> None:
    promoted = document["promoted"]
    now = f"version {promoted['version']} ({promoted['role']}) is champion" if promoted else "the champion stays"
    console.print(
        f"[bold]{document['model']}[/] version {document['version']}, as of {document['as_of']}, {document['rows']} rows: {now}",
        highlight=False,
    )
    metrics = Table("metric", "challenger", "baseline")
    for name, value in document["metrics"].items():
        metrics.add_row(name, written(value), written(document["baseline"].get(name)))
    console.print(metrics)
    show_rows(console, "gates", document["gates"])
    if document.get("leak_suspects"):
        show_rows(console, "leak suspects", document["leak_suspects"])
    if document.get("channel_moves"):
        _moves(console, document["channel_moves"])
    if document.get("bridge"):
        _bridge(console, document["bridge"])


def _bridge(console: Console, bridge: Mapping[str, Any]) -> None:
    if "missing" in bridge:
        console.print(f"no points learned for a rule: {written(bridge['missing'])}", highlight=False)
        return
    show_rows(console, "from the rule to the model", [{"step": step, **figures} for step, figures in bridge["metrics"].items()])
    show_rows(console, "points by kind of touch", [{**line, "note": line.get("note", "")} for line in bridge["points"]])
    for sentence in bridge["sentences"]["en"]:
        console.print(written(sentence), highlight=False)
    console.print(written(bridge["scale"]), highlight=False)


def _moves(console: Console, moves: Mapping[str, Any]) -> None:
    named = [*moves["table"], {"from": "total", **moves["total"]}]
    rows = [
        {"from": row["from"], "contacts": row["contacts"]}
        | {state: f"{cell['share']:.1%} ({cell['observed']:.1%})" for state, cell in row["to"].items()}
        for row in named
    ]
    show_rows(console, f"where customers buy in the {moves['horizon_days']} days from {moves['as_of']}: expected (observed)", rows)


def _template(console: Console, document: Mapping[str, Any]) -> None:
    """Tell which templates there are, or what was written and what goes beside it."""
    if "templates" in document:
        show_rows(console, "templates", [{**one, "brings": ", ".join(one["brings"])} for one in document["templates"]])
        return
    console.print(f"[bold]{written(document['source'])}[/] is written.", highlight=False)
    if document["sample"]:
        console.print(f"Exports of a simulated company are beside it: {', '.join(map(written, document['sample']))}.", highlight=False)
    else:
        console.print("\n".join(map(written, document["guide"])), highlight=False)
    console.print(f"Then: funnelcast check --source {written(document['source'])}", highlight=False)


def _check(console: Console, document: Mapping[str, Any]) -> None:
    if not document["findings"]:
        console.print("Nothing to report: every table reads cleanly.")
        return
    show_rows(console, "findings", document["findings"])


def _backtest(console: Console, document: Mapping[str, Any]) -> None:
    if "quantity" not in document:
        _plain(console, document)
        return
    dates = document["origins"]
    console.print(f"{document['quantity']}, {len(dates)} origins from {dates[0]} to {dates[-1]}, in {document['unit']}", highlight=False)
    for scope in ("per week", f"total of {document['weeks']} weeks"):
        table = Table(scope, "pinball", "forecast's / its", "CRPS", "50 % holds", "80 % holds", "90 % holds", "bias %")
        for name, found in {"forecast": document, **document["baselines"]}.items():
            own, best = (one if scope == "per week" else one["total"] for one in (found, document))
            held = (f"{100 * own[f'coverage_{level}']:.0f} %" for level in (50, 80, 90))
            ratio = f"{best['pinball'] / own['pinball']:.2f}" if own["pinball"] else ""
            table.add_row(name, written(own["pinball"]), ratio, written(own["crps"]), *held, written(own["bias_pct"]))
        console.print(table)
    for note in document["notes"]:
        console.print(written(note), highlight=False)
    console.print(f"figures and plots: MLflow run {document['run_id']}", highlight=False)


def _forecast(console: Console, document: Mapping[str, Any]) -> None:
    console.print(f"as of {document['as_of']}, {document['draws']} draws, in {document['unit']}", highlight=False)
    table = Table("from", "to", "p10", "p50", "p90", "mean", *document["periods"][0]["parts"])
    for period in document["periods"]:
        figures = [period[key] for key in ("p10", "p50", "p90", "mean")] + list(period["parts"].values())
        table.add_row(period["start"][:10], period["end"][:10], *(f"{figure:,.0f}" for figure in figures))
    console.print(table)
    if "series" in document:
        _series(console, document["series"])
    if "bottom_up" in document:
        _bottom_up(console, document["bottom_up"])
    if "dead_weight" in document:
        _deals(console, document)
    if "shortfall" in document:
        _shortfall(console, document["shortfall"])
    if "difference" in document:
        _difference(console, document["difference"])
    for reason in document.get("missing", []):
        console.print(f"not modelled: {written(reason)}", highlight=False)


def _series(console: Console, series: Sequence[Mapping[str, Any]]) -> None:
    """Tell the sum over the periods of each channel, owner or series."""
    table = Table("total of", "p10", "p50", "p90", "mean")
    for one in series:
        table.add_row(written(one["series"]), *(f"{one['total'][key]:,.0f}" for key in ("p10", "p50", "p90", "mean")))
    console.print(table)


def _deals(console: Console, document: Mapping[str, Any]) -> None:
    """Say what hangs on the largest deals, and which are dead weight."""
    told, dead = document["concentration"], document["dead_weight"]
    middle, without = (f"{told[key]['p50']:,.0f}" for key in ("with", "without"))
    if told["largest"]:
        console.print(f"median {middle}; {without} without {', '.join(map(written, told['largest']))}", highlight=False)
    if dead["deals"]:
        named = ", ".join(map(written, dead["largest"])) + (", …" if dead["deals"] > len(dead["largest"]) else "")
        console.print(f"dead weight, older than any that ever closed: {dead['deals']} of {dead['of']} open deals: {named}", highlight=False)


def _shortfall(console: Console, document: Mapping[str, Any]) -> None:
    """Say how likely the account runs dry, when, and whose payment would help most."""
    first = f"; first week at the median: {document['first_week_p50'][:10]}" if document["first_week_p50"] else ""
    console.print(f"P(balance below zero) {document['probability']:.1%}{first}", highlight=False)
    for lever in document["levers"]:
        helped = f"{100 * lever['effect']:.1f} points less if {lever['kind']} {written(lever['id'])} ({lever['amount']:,.0f}) were paid now"
        console.print(helped, highlight=False)


def _bottom_up(console: Console, document: Mapping[str, Any]) -> None:
    """Say what customers' own purchases add up to."""
    total, existing, to_come = (f"{document[name]['total']['mean']:,.0f}" for name in ("total", "existing_customers", "customers_to_come"))
    gap = "" if document["gap_pct"] is None else f", {document['gap_pct']:+.1f} % against the forecast"
    console.print(f"by customer: {total} ({existing} from customers, {to_come} from those to come){gap}", highlight=False)


def _difference(console: Console, document: Mapping[str, Any]) -> None:
    """Say in a sentence or two what the scenario changes."""
    low, middle, high = (f"{document['total'][key]:+,.0f}" for key in ("p10", "mean", "p90"))
    console.print(f"the scenario changes the total by {middle} on average, {low} to {high} in 80 % of futures", highlight=False)
    if "shortfall" in document:
        console.print(f"and P(balance below zero) by {100 * document['shortfall']['probability']:+.1f} points", highlight=False)


def _attribute(console: Console, document: Any) -> None:
    for one in document if isinstance(document, list) else [document]:
        order = f" of order {one['order']}" if one.get("order") else ""
        head = f"{one['method']}{order}, {one['question']}: {one['conversions']:g} conversions, value {written(one['value'])}"
        show_rows(console, head, [_credited(row, one["level"]) for row in one["credits"]])
        for sentence in one["sentences"]["en"]:
            console.print(written(sentence), highlight=False)


def _credited(row: Mapping[str, Any], level: float) -> dict[str, Any]:
    """Give a channel's line: each figure with its interval beside it."""
    first, lost = row["probability_first"], row["removal_effect"]
    line = {
        "rank": row["rank"],
        "channel": row["channel"],
        "conversions": row["conversions"],
        f"{level:.0%} interval": f"{plain(row['low'])} to {plain(row['high'])}",
        "value": row["value"],
        "share": f"{row['share']:.1%}",
        f"rank, {level:.0%}": str(row["rank"]) if row["rank_low"] == row["rank_high"] else f"{row['rank_low']} to {row['rank_high']}",
        "first with probability": None if first is None else f"{first:.0%}",
    }
    return line if lost is None else {**line, "lost without it": f"{lost:.1%}"}


def _forget(console: Console, document: Mapping[str, Any]) -> None:
    """Say what went, and what is left to do."""
    gone = sum(one["removed"] for one in document["snapshots"])
    console.print(
        f"{written(document['contact_id'])} ({', '.join(map(written, document['identities']))}): {gone} rows and names are gone from "
        f"{len(document['snapshots'])} snapshots; {document['answers']} answers of the track record have no name any more",
        highlight=False,
    )
    if document["retrain"]:
        show_rows(
            console, "trained after the person was known", [{**one, "aliases": ", ".join(one["aliases"])} for one in document["retrain"]]
        )
    files = document["artefacts"]
    console.print(f"{files['scanned']} other files of the home were searched, {len(files['holding'])} name the person", highlight=False)
    for sentence in document["todo"]:
        console.print(written(sentence), highlight=False)


def _economics(console: Console, document: Mapping[str, Any]) -> None:
    from funnelcast.economics.tables import tables  # noqa: PLC0415 (only this command needs them)

    for part in tables(document):
        console.print(part, highlight=False)


_LIST_HEADS = {
    "en": ("", "contact", "probability", "90 % interval", "expected", "gain", "grade", "reasons"),
    "fr": ("", "contact", "probabilité", "intervalle à 90 %", "attendu", "gain", "note", "raisons"),
}
_LEFT_OUT = {
    "en": {"opted_out": "opted out", "disqualified": "disqualified", "unmatched": "not among the contacts", "no_value": "of unknown value"},
    "fr": {"opted_out": "désinscrits", "disqualified": "disqualifiés", "unmatched": "sans fiche contact", "no_value": "de valeur inconnue"},
}

_FRENCH_FIGURES = str.maketrans({",": "\u202f", ".": ",", "%": "\u202f%"})


def _list(console: Console, document: Mapping[str, Any]) -> None:
    lang = document["lang"]
    console.print(f"[bold]{document['model']}[/] {document['as_of']}: {written(document['summary'][lang])}", highlight=False)
    table = Table(*_LIST_HEADS[lang])
    for place, row in enumerate(document["list"][:_LIST_ROWS], start=1):
        table.add_row(str(place), *_list_cells(row, lang), "\n".join(written(reason["text"][lang]) for reason in row["reasons"]))
    if document["list"]:
        console.print(table)
    console.print(", ".join(f"{document['left_out'][why]} {words}" for why, words in _LEFT_OUT[lang].items()), highlight=False)
    for sentence in document["assumptions"][lang]:
        console.print(written(sentence), highlight=False)


def _list_cells(row: Mapping[str, Any], lang: str) -> Iterator[str]:
    yield written(row["contact_id"])
    expected = row.get("expected_loss", row.get("expected_value"))
    interval = f"{row['low']:.1%} – {row['high']:.1%}"
    for figure in (f"{row['probability']:.1%}", interval, written(expected), written(row["gain"])):
        yield figure.translate(_FRENCH_FIGURES) if lang == "fr" else figure
    yield written(row["grade"])


_VIEWS: Mapping[str, Callable[[Console, Any], None]] = {
    "template": _template,
    "train": _train,
    "backtest": _backtest,
    "check": _check,
    "forecast": _forecast,
    "attribute": _attribute,
    "list": _list,
    "models": show_models,
    "monitor": show_monitor,
    "retrain": show_retrain,
    "forget": _forget,
    "economics": _economics,
}
