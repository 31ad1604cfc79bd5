"""Lists of the invoices and deals whose collection would help the account most: whom to remind, and which deal to bring home."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from funnelcast.errors import UsageError
from funnelcast.forecast.result import Effect, Forecast
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import WON
from funnelcast.terms import AsOf, Json
from training.belonging import belonging, named
from training.levers_words import assumptions, summary
from training.lists import barred_from_lists

MOST = 20
"""Of each kind that is listed."""
KINDS: Mapping[str, str] = {"invoices": "invoice", "deals": "deal"}
"""By list, the kind of what it lists."""
_BARRED = ("opted_out", "unmatched")
_READ = {
    "invoices": ("invoice_id", "contact_id", "issued_at", "due_at"),
    "deals": ("deal_id", "contact_id", "channel", "owner", "outcome"),
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Levers:
    """What is known of the invoices and deals behind a cash forecast.

    Parameters
    ----------
    known
        Facts cut at the forecast's as_of.
    cash
        The forecast by week.
    scores
        By model, the answers of the refresh.
    """

    known: Facts
    cash: Forecast
    scores: Mapping[str, pd.DataFrame]

    def document(self, name: str) -> dict[str, Json]:
        """List the invoices or the deals, the most helpful first.

        Returns
        -------
        ``as_of, currency, start, end`` (of the forecast), ``floor``; ``shortfall`` with the two probabilities; ``considered``, how many
        were tried, the largest; ``left_out`` of these: counts of opted_out and unmatched; ``summary`` and ``assumptions`` by language;
        ``list``: the id, ``contact_id, amount, effect`` and ``effect_below_floor`` (by how much collecting it at once lowers the
        probability of a balance below zero, or below the floor); of invoices ``due_at, days_late, expected_paid_at`` and ``p_never``,
        the probability that it is never paid; of deals ``stage`` and ``probability`` of being won; ``channel, owner, segment``.

        Raises
        ------
        MissingTable
            The company brings no such table.
        UsageError
            Without an opening balance nothing can be said of a shortfall.
        """
        self.known.table(name, f"The list of {name}")
        shortfall = self.cash.extra.get("shortfall")
        if not isinstance(shortfall, dict):
            raise UsageError(reason=f"Which {name} help the account can't be told: give opening_balance in [cash] of source.toml.")
        tried = self._tried(name)
        rows = self._rows(name, tried)
        barred = self._barred(rows)
        kept = [effect for effect in tried if effect.identity in rows and effect.identity not in barred][:MOST]
        source, why = self.known.source, list(barred.values())
        return {
            "as_of": self.cash.as_of.isoformat(),
            "currency": source.currency,
            "start": self._stamp(self.cash.periods[0].start),
            "end": self._stamp(self.cash.periods[-1].end),
            "floor": source.floor,
            "shortfall": {risk: shortfall[risk] for risk in ("probability", "probability_below_floor")},
            "considered": len(tried),
            "left_out": {reason: why.count(reason) for reason in _BARRED},
            "summary": summary(name, kept, shortfall, source),
            "assumptions": assumptions(name, self.cash.draws),
            "list": self._listed(name, kept, rows),
        }

    def _tried(self, name: str) -> list[Effect]:
        tried = [effect for effect in self.cash.levers if effect.kind == KINDS[name]]
        return sorted(tried, key=lambda effect: (-effect.on_shortfall, -effect.on_floor, -effect.amount, effect.identity))

    def _rows(self, name: str, tried: Sequence[Effect]) -> dict[str, Row]:
        key, *others = _READ[name]
        wanted = named([effect.identity for effect in tried], key)
        rows = self.known.table(name).semi_join(wanted, key).select(key, *others).order_by([key, *others])
        return {str(row[key]): row for row in rows.to_pyarrow().to_pylist()}

    def _barred(self, rows: Mapping[str, Row]) -> dict[str, str]:
        """Say which are left out and why; what belongs to nobody in particular reaches nobody who opted out."""
        whose = {name: row["contact_id"] for name, row in rows.items() if row["contact_id"] is not None}
        barred = barred_from_lists(self.known, pd.Series(whose, dtype="object"))
        return {str(name): why for name, why in barred.items() if why in _BARRED}

    def _listed(self, name: str, kept: Sequence[Effect], rows: Mapping[str, Row]) -> list[Json]:
        key = f"{KINDS[name]}_id"
        mine = [rows[effect.identity] for effect in kept]
        where = belonging(self.known, [row["contact_id"] for row in mine], {})
        details = self._invoices(mine) if name == "invoices" else self._deals(mine)
        return [
            {
                key: effect.identity,
                "contact_id": row["contact_id"],
                "amount": effect.amount,
                "effect": effect.on_shortfall,
                "effect_below_floor": effect.on_floor,
                **told,
                **belongs,
                **{column: row[column] for column in ("channel", "owner") if row.get(column)},  # a deal's own
            }
            for effect, row, told, belongs in zip(kept, mine, details, where, strict=True)
        ]

    def _invoices(self, rows: Sequence[Row]) -> list[dict[str, Json]]:
        """Say how late invoices are; one that is more likely never paid than paid is expected on no day."""
        days, never = (self._scored("payment_delay", "invoice_id", column) for column in ("expected_days", "p_never"))
        return [
            {
                "due_at": self._stamp(row["due_at"]),
                "days_late": max(0, (self.cash.as_of.at - row["due_at"]).days),
                "expected_paid_at": self._stamp(_after(row["issued_at"], days.get(name))) if never.get(name, 1.0) < 1 / 2 else None,
                "p_never": never.get(name),
            }
            for row in rows
            for name in (str(row["invoice_id"]),)
        ]

    def _deals(self, rows: Sequence[Row]) -> list[dict[str, Json]]:
        """Say how far deals are; a lever may also be one that was won and is still to be invoiced."""
        chances, stages = self._scored("deal_outcome", "deal_id", "p_win"), self._stages([row["deal_id"] for row in rows])
        won = [str(row["outcome"]).lower() == WON for row in rows]
        return [
            {
                "stage": WON if over else stages.get(row["deal_id"]),
                "probability": 1.0 if over else chances.get(row["deal_id"]),
            }
            for row, over in zip(rows, won, strict=True)
        ]

    def _stages(self, deals: Sequence[str]) -> dict[str, str]:
        if not self.known.has("deal_events"):
            return {}
        events = self.known.table("deal_events").semi_join(named(deals, "deal_id"), "deal_id")
        ordered = events.select("deal_id", "stage", "occurred_at").order_by("occurred_at", "stage")
        return {row["deal_id"]: row["stage"] for row in ordered.to_pyarrow().to_pylist()}  # the latest is the last

    def _scored(self, model: str, key: str, column: str) -> dict[str, float]:
        answers = self.scores.get(model)
        if answers is None or column not in answers:
            return {}
        pairs = zip(answers[key].astype(str), answers[column].astype(float), strict=True)
        return {name: value for name, value in pairs if math.isfinite(value)}

    def _stamp(self, at: datetime | None) -> str | None:
        return None if at is None else AsOf(at, self.known.source.timezone).isoformat()


def _after(issued_at: datetime, days: float | None) -> datetime | None:
    return None if days is None else issued_at + timedelta(days=days)
