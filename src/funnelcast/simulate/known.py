"""What was known of a simulated company at one instant, as arrays: the common ground of the best possible predictions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from funnelcast.simulate.company import Company
from funnelcast.simulate.market import Market
from funnelcast.simulate.people import ATTRIBUTES, log_fit
from funnelcast.simulate.seasons import Bools, Floats, Ints
from funnelcast.simulate.touches import Touches
from funnelcast.simulate.world import CHANNELS, KINDS


@dataclass(frozen=True)
class Known:
    """What was known strictly before ``at``; times in days since the start, infinite for what hadn't happened or wasn't known.

    ``contact`` of touches and ``buyer`` of purchases number the contacts in the order of ``contact_id``.
    """

    market: Market
    at: float
    contact_id: list[str]
    created: Floats
    became: Floats
    disqualified: Floats
    opted_out: Floats
    business: Bools
    fit: Floats
    touches: Touches
    buyer: Ints
    bought: Floats


def gather(company: Company, as_of: datetime) -> Known:
    """Gather what was known before ``as_of`` (wall-clock time of the company)."""
    contacts, market = company.tables["contacts"], company.market
    at = float((np.datetime64(as_of, "us") - market.seasons.origin) / np.timedelta64(1, "D"))
    ids = contacts["contact_id"].to_pylist()
    became_known = _days(contacts["became_customer_at_known_at"], market)
    became = _days(contacts["became_customer_at"], market)
    codes = {attribute.name: _codes(contacts[attribute.name], attribute.levels) for attribute in ATTRIBUTES}
    purchases = company.tables["transactions"]
    bought = _days(purchases["occurred_at"], market)
    buyer = _numbered(purchases["contact_id"], ids)
    seen = (_known(purchases["known_at"], bought, market) < at) & (buyer >= 0)
    return Known(
        market=market,
        at=at,
        contact_id=ids,
        created=_days(contacts["created_at"], market),
        became=_before(became, np.where(np.isfinite(became_known), became_known, became), at),
        disqualified=_before(_days(contacts["disqualified_at"], market), None, at),
        opted_out=_before(_days(contacts["opted_out_at"], market), None, at),
        business=np.array(contacts["customer_type"].to_pylist()) == "business",
        fit=np.exp(log_fit(_codes(contacts["source_channel"], CHANNELS), codes, contacts["distance_km"].to_numpy())),
        touches=_touches(company, ids, at),
        buyer=buyer[seen],
        bought=bought[seen],
    )


def _touches(company: Company, ids: list[str], at: float) -> Touches:
    table, market = company.tables["touchpoints"], company.market
    time = _days(table["occurred_at"], market)
    contact = _numbered(table["contact_id"], ids)
    touches = Touches(
        contact=contact,
        time=time,
        channel=_codes(table["channel"], CHANNELS),
        kind=_codes(table["kind"], tuple(kind.name for kind in KINDS)),
        minutes=_numbers(table["duration_minutes"]),
        score=_numbers(table["score"]),
    )
    return touches.where((_known(table["known_at"], time, market) < at) & (contact >= 0))


def _days(column: Any, market: Market) -> Floats:
    """Give time stamps as days since the start; infinite where there is none."""
    stamps = column.to_numpy(zero_copy_only=False).astype("datetime64[us]") if isinstance(column, pa.Array) else column.to_numpy()
    days = (stamps.astype("datetime64[us]") - market.seasons.origin) / np.timedelta64(1, "D")
    return np.where(np.isnat(stamps), np.inf, days)


def _known(column: Any, occurred: Floats, market: Market) -> Floats:
    known = _days(column, market)
    return np.where(np.isfinite(known), known, occurred)


def _before(time: Floats, known: Floats | None, at: float) -> Floats:
    return np.where((time if known is None else known) < at, time, np.inf)


def _numbers(column: Any) -> Floats:
    values: Floats = column.to_numpy().astype(np.float64)
    return values


def _codes(column: Any, levels: tuple[str, ...]) -> Ints:
    """Give each word's place among the levels; -1 for none."""
    places = pa.compute.index_in(column, value_set=pa.array(levels, type=pa.string()))
    codes: Ints = places.fill_null(-1).to_numpy().astype(np.int64)
    return codes


def _numbered(column: Any, ids: list[str]) -> Ints:
    return _codes(column, tuple(ids))
