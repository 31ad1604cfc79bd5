"""A company of a few contacts with every table and both clocks, as frames that a test can cut, poison and delay by hand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from funnelcast import features
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.sources.schema import TABLES, known_at
from funnelcast.terms import AsOf

Frames = Mapping[str, pd.DataFrame]
T = AsOf.parse("2024-07-01", "Europe/Paris")
SOURCE = Source("handmade", timezone="Europe/Paris", engagement={"download": 6})
TABLES_OF_FEATURES = ("contacts", "transactions", "touchpoints", "subscriptions", "invoices", "deals")
_ONLINE = ("email_open", "email_click", "visit", "download", "webinar")
_KINDS = np.array([*_ONLINE, "store_visit", "call", "meeting", "event", "quote_request", "nps", "csat", "ces", None], dtype=object)


def frames(seed: int, contacts: int = 25) -> dict[str, pd.DataFrame]:
    """Two years of facts around T, some known late, some outcomes after T."""
    rng = np.random.default_rng(seed)
    names = np.array([f"c{number}" for number in range(contacts)])
    created = _dates(rng, contacts, "2023-01-01", 500)
    drawn = {
        "contacts": pd.DataFrame(
            {
                "contact_id": names,
                "created_at": created,
                "source_channel": rng.choice(["web", "store", "event"], contacts),
                "became_customer_at": _later(rng, created, 300, 0.4),
                "opted_out_at": _later(rng, created, 600, 0.8),
                "size": rng.choice(["small", "large"], contacts),
                "distance": rng.normal(20, 5, contacts),
            }
        ),
        "transactions": _facts(rng, names, 160).assign(
            amount=rng.normal(60, 40, 160).round(2), margin=rng.normal(20, 9, 160).round(2), channel=rng.choice(["web", "store"], 160)
        ),
        "touchpoints": _facts(rng, names, 320).assign(
            channel=rng.choice(["web", "phone", "email"], 320),
            kind=rng.choice(_KINDS, 320),
            duration_minutes=np.where(rng.random(320) < 0.5, np.nan, rng.integers(1, 90, 320)),
            score=np.where(rng.random(320) < 0.5, np.nan, rng.integers(0, 11, 320)),
        ),
        "subscriptions": _subscriptions(rng, names),
        "invoices": _invoices(rng, names),
        "deals": _deals(rng, names),
    }
    return {name: _with_clock(frame, str(TABLES[name].clock)) for name, frame in drawn.items()}


def features_at(tables: Frames, as_of: AsOf = T) -> pd.DataFrame:
    """Every contact's features as of T, by the one query that serves any facts and any T."""
    connection, schemas, query = _compiled()
    for name, frame in tables.items():
        connection.create_table(name, pa.Table.from_pandas(frame, schema=schemas[name], preserve_index=False), overwrite=True)
    asked = pa.table({"contact_id": pa.array(tables["contacts"]["contact_id"]), "as_of": pa.array([as_of.at] * len(tables["contacts"]))})
    connection.create_table("asked", asked, overwrite=True)
    rows: pd.DataFrame = connection.raw_sql(query).df()
    return rows.set_index("contact_id").sort_index()


@cache
def _compiled() -> tuple[Any, dict[str, pa.Schema], str]:
    tables = frames(0)
    facts = from_frames(SOURCE, tables)
    cohort = ibis.table({"contact_id": "string", "as_of": "timestamp"}, name="asked")
    schemas = {name: pa.Schema.from_pandas(frame, preserve_index=False) for name, frame in tables.items()}
    return facts.backend, schemas, str(ibis.to_sql(features.build(facts, cohort), dialect="duckdb"))


def _with_clock(frame: pd.DataFrame, clock: str) -> pd.DataFrame:
    known = frame if "known_at" in frame else frame.assign(known_at=frame[clock])
    return known.astype(dict.fromkeys(known.select_dtypes("datetime").columns, "datetime64[us]"))


def known_before(tables: Frames, as_of: AsOf) -> dict[str, pd.DataFrame]:
    """Cut by plain pandas, as a second implementation of the as-of cut."""
    found = {}
    for name, frame in tables.items():
        kept = frame[frame["known_at"] < as_of.at].copy()
        for outcome, determined in TABLES[name].outcomes.items():
            clock = known_at(outcome) if known_at(outcome) in kept else outcome
            unseen = ~(kept.get(clock, pd.Series(pd.NaT, kept.index)) < as_of.at)
            for column in (outcome, *determined, known_at(outcome)):
                if column in kept:
                    kept.loc[unseen, column] = pd.NaT if kept[column].dtype.kind == "M" else None
        found[name] = kept
    return found


def _dates(rng: np.random.Generator, count: int, start: str, days: int) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.datetime64(start, "us") + rng.integers(0, days * 1440, count).astype("timedelta64[m]"))


def _later(rng: np.random.Generator, first: pd.DatetimeIndex, days: int, missing: float) -> pd.DatetimeIndex:
    moved = first.to_numpy() + rng.integers(1, days * 1440, len(first)).astype("timedelta64[m]")
    return pd.DatetimeIndex(np.where(rng.random(len(first)) > missing, moved, np.datetime64("NaT")))


def _facts(rng: np.random.Generator, names: np.ndarray, count: int) -> pd.DataFrame:
    occurred = _dates(rng, count, "2023-02-01", 700)
    late = occurred + pd.to_timedelta(np.where(rng.random(count) < 0.2, rng.integers(1, 90, count), 0), unit="D")
    return pd.DataFrame({"contact_id": rng.choice(names, count), "occurred_at": occurred, "known_at": late})


def _subscriptions(rng: np.random.Generator, names: np.ndarray) -> pd.DataFrame:
    started = _dates(rng, 40, "2023-02-01", 500)
    ended = _later(rng, started, 400, 0.3)
    told = ended - pd.to_timedelta(rng.integers(0, 60, 40), unit="D")
    return pd.DataFrame(
        {
            "contact_id": rng.choice(names, 40),
            "started_at": started,
            "ended_at": ended,
            "ended_at_known_at": told,
            "monthly_amount": rng.integers(5, 50, 40).astype(float),
        }
    )


def _invoices(rng: np.random.Generator, names: np.ndarray) -> pd.DataFrame:
    issued = _dates(rng, 60, "2023-02-01", 600)
    return pd.DataFrame(
        {
            "invoice_id": [f"i{number}" for number in range(60)],
            "contact_id": rng.choice(names, 60),
            "issued_at": issued,
            "due_at": issued + pd.Timedelta(days=30),
            "amount": rng.normal(900, 200, 60).round(2),
            "paid_at": _later(rng, issued, 120, 0.1),
            "part_paid_at": (issued + pd.Timedelta(days=20)).where(np.arange(60) % 3 == 0),
            "part_paid_amount": np.where(np.arange(60) % 3 == 0, 100.0, np.nan),
        }
    )


def _deals(rng: np.random.Generator, names: np.ndarray) -> pd.DataFrame:
    opened = _dates(rng, 40, "2023-02-01", 600)
    closed = _later(rng, opened, 200, 0.3)
    outcome = [None if open_still else drawn for drawn, open_still in zip(rng.choice(["won", "lost"], 40), closed.isna(), strict=True)]
    return pd.DataFrame(
        {
            "deal_id": [f"d{number}" for number in range(40)],
            "contact_id": rng.choice(names, 40),
            "opened_at": opened,
            "amount": rng.normal(5000, 900, 40).round(2),
            "closed_at": closed,
            "outcome": outcome,
            "closed_amount": np.where(closed.isna(), np.nan, 4000.0),
        }
    )
