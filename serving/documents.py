"""What the dashboard reads as it stands: who asks and of which company, what the snapshot holds of it, and the cards of models."""

from __future__ import annotations

from pathlib import Path

from funnelcast.errors import NotFound
from serving.auth import Caller
from serving.planning import Reply, planned
from serving.store import State


def access(state: State, caller: Caller) -> Reply:
    """Say who asks and what they may, and what must be known of the company to show its figures."""
    source = state.source
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
        },
    )


def document(state: State, name: str) -> Reply:
    """Give one document of the last refresh.

    Raises
    ------
    NotFound
        The facts didn't allow it, or there was no refresh; says what to do.
    """
    return planned(state, state.planned().document(name))


def card(models: Path, state: State, name: str) -> Reply:
    """Give the card of a served model: its intent, as the checkout holds it, beside the figures of the version.

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
            "card": written.read_text(encoding="utf-8") if written.is_file() else "",
            "metrics": dict(about.metrics),
            "attributes": dict(about.attributes),
        },
    )
