"""Answers and forecasts as a track record gives them back."""

from __future__ import annotations

import pandas as pd

from funnelcast.monitor.track_record import pseudonym


def answer(
    contact: str | None, as_of: str, *, model: str = "churn", predicted: float = 0.25, version: int = 1, days: float = 90.0
) -> dict[str, object]:
    return {
        "request_id": "r",
        "model": model,
        "version": version,
        "as_of": as_of,
        "horizon_days": days,
        "pseudonym": pseudonym(contact or "someone forgotten", b"salt"),
        "predicted": predicted,
        "low": None if model == "clv" else 0.8 * predicted,
        "high": None if model == "clv" else min(1.2 * predicted, 1.0),
        "facts_sha256": "ab",
        "contact_id": contact,
    }


def forecast(quantity: str, as_of: str, start: str, end: str, middle: float, spread: float = 10.0) -> dict[str, object]:
    """A forecast whose 50, 80 and 90 % bands reach one, two and three times ``spread`` to either side."""
    steps = {"p05": -3, "p10": -2, "p25": -1, "p50": 0, "p75": 1, "p90": 2, "p95": 3}
    bands = {name: middle + step * spread for name, step in steps.items()}
    return {"quantity": quantity, "as_of": as_of, "start": start, "end": end, "mean": middle, **bands}


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))
