"""The card of a version: what it is for, by hand; what it rests on, how it did by channel, the gates and the hashes, by its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from funnelcast.evaluate.bootstrap import paired_bootstrap
from funnelcast.evaluate.calibration import jeffreys
from funnelcast.evaluate.gate import Losses, Verdict
from funnelcast.labels import LABEL
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import TABLES
from funnelcast.terms import AsOf

if TYPE_CHECKING:
    from training.recording import Fitted

_LEVEL = 0.90


def card(fitted: Fitted, role: str) -> bytes:
    """Write the card of the challenger or of the baseline of a run, as Markdown."""
    development = fitted.development
    by_hand = fitted.settings.models / fitted.spec.name / "card.md"
    intent = by_hand.read_text(encoding="utf-8") if by_hand.exists() else f"# {fitted.spec.name}\n\n{fitted.spec.intent}"
    written = [
        intent.rstrip(),
        f"## This version\n\n{table(('what', 'value'), _about(fitted, role))}",
        f"## Figures\n\n{table(('metric', 'challenger', 'baseline'), _figures(development.metrics, development.baseline_metrics))}",
        _by_channel(fitted, role),
        *(development.sections if role == "challenger" else ()),
        f"## Gates\n\n{gates_table(fitted.verdict)}",
        f"## Limits\n\n{_limits(fitted)}",
        f"## Hashes\n\n{table(('of', 'hash'), list(fitted.provenance.items()))}",
    ]
    return ("\n\n".join(section for section in written if section) + "\n").encode()


def gates_table(verdict: Verdict) -> str:
    """Write who serves and each gate with its evidence."""
    rows = [(gate.name, "passed" if gate.passed else "**failed**", gate.value, gate.threshold, gate.reason) for gate in verdict.gates]
    return f"Who serves: {verdict.reason}.\n\n{table(('gate', 'outcome', 'value', 'threshold', 'evidence'), rows)}"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Write a Markdown table; what is None or no number stays empty."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(_cell(value) for value in row)} |" for row in rows)])


def first_known(facts: Facts) -> datetime | None:
    """Give the first instant at which any dated fact was known."""
    firsts = [facts.table(name).known_at.min().execute() for name in facts.tables if "known_at" in TABLES[name].names]
    dated = [pd.Timestamp(first).to_pydatetime() for first in firsts if first is not None and not pd.isna(first)]
    return min(dated, default=None)


def _about(fitted: Fitted, role: str) -> list[tuple[str, Any]]:
    development, first = fitted.development, first_known(fitted.facts)
    until = development.judged_as_of
    judged = "cross-validation by contact: the facts have no time" if until is None else f"what came from {until.isoformat()} on"
    return [
        ("company", fitted.facts.source.name),
        ("role", role),
        ("family", fitted.spec.family),
        ("facts known from", AsOf(first, fitted.as_of.timezone).isoformat() if first else ""),
        ("facts known before", fitted.as_of.isoformat()),
        ("tables", ", ".join(fitted.facts.tables)),
        ("rows fitted on", development.rows),
        ("judged on", f"{len(development.newest)} rows: {judged}"),
        ("seed", fitted.spec.seed),
    ]


def _figures(metrics: Mapping[str, float], beside: Mapping[str, float]) -> list[tuple[str, float, float | None]]:
    return [(name, value, beside.get(name)) for name, value in metrics.items()]


def _by_channel(fitted: Fitted, role: str) -> str:
    """Write mean losses with their intervals by channel, and for probabilities what was predicted and what came."""
    said = _said(fitted, role)
    head = ["channel", "rows", f"mean loss ({_LEVEL:.0%} interval)", "the other's loss"]
    head += [] if said is None else ["predicted", f"came true ({_LEVEL:.0%} interval)"]
    losses, seed = fitted.losses, fitted.spec.seed
    found = [(*_lost("all", losses, role, seed), *_came(said, np.ones(losses.challenger.size, bool)))]
    found += [(*_lost(name, some, role, seed), *_came(said, losses.segments == name)) for name, some in losses.by_channel()]
    return f"## By channel, on the newest fold\n\n{table(head, found)}"


def _lost(name: str, losses: Losses, role: str, seed: int) -> tuple[Any, ...]:
    own, other = (losses.challenger, losses.baseline) if role == "challenger" else (losses.baseline, losses.challenger)
    mean = paired_bootstrap(own, np.zeros(own.size), seed, clusters=losses.clusters)
    return name or "(none)", own.size, f"{mean.mean:.4g} ({mean.low:.4g} to {mean.high:.4g})", float(other.mean())


def _came(said: pd.DataFrame | None, chosen: Any) -> tuple[Any, ...]:
    if said is None:
        return ()
    outcome = said.loc[chosen, LABEL].to_numpy(np.float64)
    low, high = jeffreys(outcome.sum(keepdims=True), np.array([float(outcome.size)]), _LEVEL)
    return float(said.loc[chosen, "probability"].mean()), f"{outcome.mean():.4g} ({low[0]:.4g} to {high[0]:.4g})"


def _said(fitted: Fitted, role: str) -> pd.DataFrame | None:
    """Give the probabilities of the newest fold beside its outcomes; None where the model gives none."""
    development, rows = fitted.development, fitted.development.newest
    judged = development.judged if role == "challenger" else development.judged_baseline
    if LABEL not in rows:
        return None
    predicted = judged.predict(rows[list(judged.columns)])
    return pd.DataFrame({"probability": predicted["probability"], LABEL: rows[LABEL]}) if "probability" in predicted else None


def _limits(fitted: Fitted) -> str:
    facts, absent = fitted.facts, [name for name in TABLES if name not in fitted.facts.tables]
    lines = [
        f"- It knows {facts.source.name} alone, and what was known there before {fitted.as_of.isoformat()}: it ages from then on.",
        f"- Not told, for lack of the tables: {', '.join(absent)}." if absent else "- It was told every kind of fact that there is.",
        "- Channels with fewer rows than the table by channel shows are judged with the rest: nothing is known of them alone.",
    ]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
