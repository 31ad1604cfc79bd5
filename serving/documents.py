"""What the dashboard reads as it stands: who asks and of which company, what the snapshot holds of it, and the cards of models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from funnelcast.errors import NotFound
from funnelcast.terms import QUANTITIES
from serving.auth import Caller
from serving.lists import LISTS
from serving.planning import Reply, planned
from serving.problems import without_folders
from serving.store import State

DOCUMENTS = {
    "overview": "overview",
    "journeys": "journeys",
    "drift": "drift",
    "segments": "clv_segments",
    "channel-moves": "channel_moves",
}
"""By path, which document of the snapshot it gives."""
_COMPUTED = {**DOCUMENTS, "attribution": "attribution", "economics": "economics"}

_KINDS = ("forecasts", "lists", "documents")


def access(state: State, caller: Caller) -> Reply:
    """Say who asks and what they may, what must be known of the company to show its figures, and which the last refresh has.

    Who reads this first needn't ask for what isn't there: ``available`` names the forecasts, lists and documents that are, ``missing``
    why others aren't.
    """
    source, there = state.source, [*_parts(state)]
    return planned(
        state,
        {
            "caller": caller.name,
            "scopes": caller.scopes,
            "company": source.name,
            "currency": source.currency,
            "country": source.country,
            "timezone": source.timezone,
            "offline": sorted(source.offline),
            "available": {kind: [name for of, name, has, _ in there if of == kind and has] for kind in _KINDS},
            "missing": {name: without_folders(reason) for _, name, has, reason in there if not has and reason},
        },
    )


def _parts(state: State) -> Iterator[tuple[str, str, bool, str]]:
    """Give kind and name of all that a refresh may leave, whether it did, and the reason where it says one."""
    files = state.snapshot.files if state.snapshot else {}
    reasons = state.snapshot.about["missing"] if state.snapshot else {}
    for quantity in QUANTITIES:
        there = any(path.startswith(f"forecast/{quantity}/") for path in files)
        yield "forecasts", quantity, there, reasons.get(quantity, "")
    for name, stored in LISTS.items():
        yield "lists", name, f"lists/{stored}.json" in files, reasons.get(f"lists/{stored}", "")
    for name, stored in _COMPUTED.items():
        yield "documents", name, f"{stored}.json" in files, reasons.get(stored, "")


def document(state: State, name: str) -> Reply:
    """Give one document of the last refresh.

    Raises
    ------
    NotFound
        The facts didn't allow it, or there was no refresh; says what to do.
    """
    return planned(state, state.planned().document(name))


def card(models: Path, state: State, name: str) -> Reply:
    """Give the card of a served version as its run wrote it (of an older artefact the model's intent), beside its figures.

    Raises
    ------
    NotFound
        No such model is served.
    """
    if name not in state.served:
        known = ", ".join(sorted(state.served)) or "none yet"
        raise NotFound(what="served model", name=name, advice=f"These are: {known}.")
    served = state.served[name]
    about = served.champion.about
    written = models / name / "card.md"
    return planned(
        state,
        {
            "model": name,
            "version": served.champion.version,
            "trained_as_of": about.trained_as_of,
            "served_since": served.since,
            "role": about.role,
            "family": about.family,
            "card": served.champion.card or (written.read_text(encoding="utf-8") if written.is_file() else ""),
            "metrics": dict(about.metrics),
            "attributes": dict(about.attributes),
        },
    )
