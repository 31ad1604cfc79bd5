"""Scores back into the CRM that the facts came from: a CSV that its import takes as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from funnelcast import champions
from funnelcast.errors import UsageError
from funnelcast.families.family import Progress
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, read
from funnelcast.spreadsheet import Cell, csv_of
from funnelcast.terms import AsOf, Json
from funnelcast.worklist import EXPECTED, SHARES, Campaign, rank
from training.lists import barred_from_lists
from training.output import replaced
from training.score import stream
from training.train import default_as_of


@dataclass(frozen=True)
class Crm:
    """What one system's import calls things.

    Parameters
    ----------
    key
        The header of the record's id.
    property
        How a property of ours is headed, ``{}`` being its name.
    flags
        How no and yes are written.
    kinds
        What an id begins with, and what is put behind the file's name then: where records of two kinds can't be imported together.
    """

    key: str
    property: str
    flags: tuple[str, str] = ("false", "true")
    kinds: tuple[tuple[str, str], ...] = (("", ""),)


CRMS: Mapping[str, Crm] = MappingProxyType({
    "hubspot": Crm("Record ID", "{}"),
    "pipedrive": Crm("Person - ID", "Person - {}", flags=("no", "yes")),
    "salesforce": Crm("Id", "{}__c", kinds=(("00Q", "-leads"), ("", ""))),
})  # fmt: skip
"""By name; every one of them takes dates as 2025-12-31 and decimals with a point."""

_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "churn": MappingProxyType({"probability": "probability", "grade": "grade", "expected_loss": "expected_loss"}),
    "lead_scoring": MappingProxyType({"probability": "probability", "grade": "grade", "expected_value": "expected_value"}),
    "clv": MappingProxyType({"clv": "amount", "clv_p10": "low", "clv_p90": "high", "p_alive": "p_alive"}),
})  # fmt: skip
"""By family, the answer's columns and what they are called in a CRM, behind ``funnelcast_MODEL_``."""
_SHARES_OF_ONE = ("probability", "p_alive")


def write_back(
    settings: Settings, facts: Facts, model: str, crm: str, out: Path, *, as_of: AsOf | None, progress: Progress
) -> dict[str, Json]:
    """Score everyone with the champion of one model, and write what the CRM's import takes.

    One row a record: its id, then the properties ``funnelcast_MODEL_…``, the day of the scores last. Those on the list that
    ``funnelcast list MODEL`` makes carry the flag ``to_contact``; whoever opted out or was disqualified is scored without it. Ids that
    aren't among the contacts (a browser, an e-mail that nobody has) are no records of the CRM, and left out.

    Parameters
    ----------
    out
        ``.csv``. Salesforce imports contacts and leads apart: leads go to ``NAME-leads.csv``.

    Raises
    ------
    UsageError
        The model scores no contacts, or the file isn't a CSV.
    NoChampion
        Nothing was promoted yet.
    """
    spec = read(settings.models, model)
    _require(spec, out)
    champion = champions.load(settings, facts.source.name, model, facts.source.path or "FILE")
    as_of = as_of or default_as_of(facts)
    progress(f"scoring by {model}")
    answers = pd.concat(list(stream(settings, facts, champion, as_of)), ignore_index=True)
    barred = barred_from_lists(cut(facts, as_of), answers["contact_id"])
    records = answers[barred != "unmatched"]
    rows = _rows(records, spec, _listed(answers[barred.isna()], spec), CRMS[crm], as_of)
    files = _write(out, rows, _header(spec, CRMS[crm]), CRMS[crm])
    return {
        "model": model,
        "version": champion.version,
        "as_of": as_of.isoformat(),
        "crm": crm,
        "rows": len(records),
        "unmatched": len(answers) - len(records),
        "out": [str(path) for path in files],
    }


def _require(spec: Spec, out: Path) -> None:
    if spec.family not in _COLUMNS:
        raise UsageError(reason=f"{spec.name} scores no contacts: a CRM takes the scores of a model of {', '.join(_COLUMNS)}.")
    if out.suffix != ".csv":
        raise UsageError(reason=f"--out {out.name}: a CRM imports CSV; end the file's name in .csv.")


def _listed(callable_ones: pd.DataFrame, spec: Spec) -> frozenset[str] | None:
    """Name those on the model's list; None where it makes none."""
    if spec.family not in SHARES:
        return None
    return frozenset(rank(callable_ones, EXPECTED[spec.family], Campaign.of(spec)).listed["contact_id"])


def _header(spec: Spec, crm: Crm) -> list[str]:
    flag = ("to_contact",) if spec.family in SHARES else ()
    names = (*_COLUMNS[spec.family].values(), *flag, "updated_at")
    return [crm.key, *(crm.property.format(f"funnelcast_{spec.name}_{name}") for name in names)]


def _rows(records: pd.DataFrame, spec: Spec, listed: frozenset[str] | None, crm: Crm, as_of: AsOf) -> list[list[Cell]]:
    day = as_of.isoformat()[:10]
    given = records[["contact_id", *_COLUMNS[spec.family]]].sort_values("contact_id")
    rows: list[list[Cell]] = []
    for contact, *values in given.itertuples(index=False, name=None):
        told = [_cell(name, value) for name, value in zip(_COLUMNS[spec.family], values, strict=True)]
        flag: list[Cell] = [] if listed is None else [crm.flags[contact in listed]]
        rows.append([str(contact), *told, *flag, day])
    return rows


def _cell(name: str, value: Any) -> Cell:
    if pd.isna(value):
        return None
    return str(value) if isinstance(value, str) else round(float(value), 4 if name in _SHARES_OF_ONE else 2)


def _write(out: Path, rows: Sequence[list[Cell]], header: Sequence[str], crm: Crm) -> list[Path]:
    """Write one file for each kind of record that there is, and one at least."""
    by_kind: dict[str, list[list[Cell]]] = {behind: [] for _, behind in crm.kinds}
    for row in rows:
        by_kind[next(behind for begins, behind in crm.kinds if str(row[0]).startswith(begins))].append(row)
    paths = [(out.with_stem(f"{out.stem}{behind}"), found) for behind, found in by_kind.items() if found or not behind]
    for path, found in paths:
        with replaced(path) as beside:
            beside.write_bytes(csv_of(header, found, "en"))
    return sorted(path for path, _ in paths)
