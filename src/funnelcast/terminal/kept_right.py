"""What keeps models right, for people: the registry, the monitor and the scheduled job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from funnelcast.terminal.cells import plain, show_rows, written

_KEY_METRICS = ("roc_auc", "crps", "date_mae_median", "log_loss")


def show_models(console: Console, document: Mapping[str, Any]) -> None:
    """Say what is registered: who serves, how good each version was, and why it serves or doesn't."""
    table = Table("name", "version", "alias", "was", "days old", "skill", "key metric", "verdict")
    for row in document["models"]:
        metrics = row["metrics"]
        key = next((f"{name} {plain(metrics[name])}" for name in _KEY_METRICS if name in metrics), None)
        figures = [", ".join(row["aliases"]) or None, row["role"], row["age_days"], metrics.get("skill"), key, row["verdict"]]
        table.add_row(row["name"], str(row["version"]), *map(written, figures))
    console.print(table)


def show_monitor(console: Console, document: Mapping[str, Any]) -> None:
    """Say what drifted, how well each champion does, how right answers and forecasts were, and what deserves attention."""
    for model, changes in document["drift"].items():
        drifted = [change for change in changes if change["drifted"]]
        console.print(f"[bold]{model}[/]: {len(drifted)} of {len(changes)} columns drifted since a quarter ago", highlight=False)
        if drifted:
            show_rows(console, "", drifted)
    _performance(console, document["performance"])
    _track_record(console, document["track_record"])
    for alert in document["alerts"]:
        console.print(f"[bold]{alert['severity']}[/] {written(alert['text']['en'])}", highlight=False)
    if "run_id" in document:
        where = f": {written(document['report'])}" if document["report"] else ""
        console.print(f"report and plots: MLflow run {document['run_id']}{where}", highlight=False)


def _performance(console: Console, document: Mapping[str, Any]) -> None:
    """Say what each champion expects of those in question now, what came of rows that it hadn't seen, and in which groups it was off."""
    table = Table("model", "in question", "expected", "unseen rows", "loss", "skill", "when trained", "groups off")
    notes = []
    for model, one in document.items():
        said, came = one["expected"] or {}, one["realised"] or {}
        groups = [*one["by_channel"], *one["by_segment"]]
        off = [f"{group['name']} ({plain(group['expected'])}, came {plain(group['observed'])})" for group in groups if not group["agrees"]]
        sums = ", ".join(f"{name} {plain(value)}" for name, value in said.items() if name != "rows")
        skill = None if came.get("skill") is None else f"{came['skill']:.3f} ± {came['skill_se'] or 0:.3f}"
        loss = None if not came else f"{came['loss']:.4f} ± {came['loss_se'] or 0:.4f}"
        figures = [said.get("rows"), sums or None, came.get("rows"), loss, skill, came.get("trained_skill")]
        table.add_row(model, *map(written, figures), written(", ".join(off) or (f"none of {len(groups)}" if groups else None)))
        notes += [f"[bold]{model}[/], {part}: {written(reason)}" for part, reason in one["missing"].items()]
    if document:
        console.print(table)
    for note in notes:
        console.print(note, highlight=False)


def show_retrain(console: Console, document: Mapping[str, Any]) -> None:
    """Say what was decided for each model, what came of it and why; then what of the refresh."""
    table = Table("model", "retrained", "aged", "moved", "missed", "outcome", "why", title="waiting costs, in skill", title_justify="left")
    for row in document["summary"]:
        shares = ("–" if row.get(name) is None else f"{100 * row[name]:.2f} %" for name in ("aged", "moved", "missed"))
        why = row["decision"] if row["why"] == row["decision"] else f"{row['decision']}. {row['why']}"
        table.add_row(row["model"], "yes" if row["retrained"] else "no", *shares, written(row["outcome"]), written(why))
    console.print(table)
    refresh = document["refresh"]
    told = f"not refreshed: {written(refresh['failed'])}" if "failed" in refresh else f"snapshot {written(refresh['snapshot'])}"
    console.print(told, highlight=False)


def _track_record(console: Console, document: Mapping[str, Any]) -> None:
    """Say what was expected and what came by model and version, how often bands held by distance, and what can't be judged."""
    level = f"{document['level']:.0%}"
    if document["answers"]:
        table = Table("model", "version", "days", "answers", "waiting", "judged", "predicted", "came", level, "bins agreeing", "Brier")
        for row in document["answers"]:
            certain = f"{plain(row['low'])} to {plain(row['high'])}" if row["judged"] else None
            bins = f"{row['bins_agreeing']} of {len(row['bins'])}" if "bins_agreeing" in row else None
            counted = [row[name] for name in ("model", "version", "horizon_days", "answers", "waiting", "judged")]
            figures = [*counted, row.get("predicted"), row.get("observed"), certain, bins, row.get("brier")]
            table.add_row(*map(written, figures))
        console.print(table)
    if document["forecasts"]:
        held = [f"{band} % holds" for band in (50, 80, 90)]
        table = Table("forecast", "weeks ahead", "judged", *held, f"80 %, {level}")
        for one in document["forecasts"]:
            for row in [{**one, "lead": "all"}, *one["by_lead"]]:
                table.add_row(written(one["quantity"]), str(row["lead"]), str(row["judged"]), *_bands_held(row))
        console.print(table)
    for one in (*document["models"], *document["forecasts"]):
        console.print(f"[bold]{one.get('model') or one['quantity']}[/]: {written(one['text']['en'])}", highlight=False)
    for name, reason in document["missing"].items():
        console.print(f"[bold]{name}[/] can't be judged: {written(reason)}", highlight=False)


def _bands_held(row: Mapping[str, Any]) -> list[str]:
    if not row["judged"]:
        return ["–"] * 4
    low, high = row["coverage_80_interval"]
    return [*(f"{row[f'coverage_{band}']:.0%}" for band in (50, 80, 90)), f"{low:.0%} to {high:.0%}"]
