"""The lists to be worked from the top: of one channel, owner or segment where asked, as JSON or as a spreadsheet reads them."""

from __future__ import annotations

from typing import Any

from funnelcast.errors import NotFound
from funnelcast.spreadsheet import Cell, csv_of
from serving.planned import Planned
from serving.planning import Reply, planned
from serving.reading.contracts import ListQuery
from serving.store import State

LISTS = {"churn": "churn", "leads": "lead_scoring", "invoices": "invoices", "deals": "deals"}
"""By path, which list of the snapshot it gives."""
FILTERS = ("channel", "owner", "segment")
_SCORED = ["probability", "low", "high"]
_HELPS = ["effect", "effect_below_floor"]
COLUMNS = {
    "churn": ["contact_id", *_SCORED, "expected_loss", "gain", "grade", *FILTERS, "reasons"],
    "leads": ["contact_id", *_SCORED, "expected_value", "gain", "grade", *FILTERS, "reasons"],
    "invoices": ["invoice_id", "contact_id", "amount", "due_at", "days_late", "expected_paid_at", "p_never", *_HELPS, *FILTERS],
    "deals": ["deal_id", "contact_id", "amount", "stage", "probability", *_HELPS, *FILTERS],
}
"""The columns of each list as a table, in their order."""


def filtered(name: str, state: State, query: ListQuery) -> Reply:
    """Give a list of the last refresh, cut down to what is asked for, and by what else it could be cut.

    Raises
    ------
    NotFound
        The facts didn't allow it, or there was no refresh; says what to do.
    """
    document: Reply = _stored(LISTS[name], state.planned())
    everyone: list[dict[str, Any]] = document["list"]
    wanted = {key: value for key in FILTERS if (value := getattr(query, key)) is not None}
    kept = [item for item in everyone if all(item.get(key) == value for key, value in wanted.items())]
    values = {key: sorted({item[key] for item in everyone if item.get(key) is not None}) for key in FILTERS}
    offered = {key: found for key, found in values.items() if found}
    return planned(state, {**document, "list": kept, "total": len(everyone), "filters": offered})


def _stored(name: str, planned: Planned) -> Reply:
    path = f"lists/{name}"
    if f"{path}.json" not in planned.files and path not in planned.about["missing"]:
        raise NotFound(what="list", name=name, advice=f"Run `funnelcast train {name}`, then `funnelcast refresh`.")
    found: Reply = planned.document(path)
    return found


def as_csv(name: str, document: Reply, lang: str) -> bytes:
    """Write a list as a table; reasons are one text in the language asked for."""
    rows = [[_cell(item.get(column), lang) for column in COLUMNS[name]] for item in document["list"]]
    return csv_of(COLUMNS[name], rows, lang)


def file_name(name: str, state: State) -> str:
    """Name the file after the company, the list and the day."""
    return f"{state.source.name}-{name}-{str(state.planned().about['as_of'])[:10]}.csv"


def _cell(value: Any, lang: str) -> Cell:
    if isinstance(value, list):
        return " | ".join(reason["text"][lang] for reason in value)
    return value  # type: ignore[no-any-return]
