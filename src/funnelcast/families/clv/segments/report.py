"""The omnichannel report of a company: its customers read in the engine, and valued by segment."""

from __future__ import annotations

import ibis.expr.types as ir
import pandas as pd

from funnelcast.families.clv.acquisition import CHANNEL, JOURNEY, TOUCHED, USED, untold, with_segments
from funnelcast.families.clv.first_values import FIRST_VALUE, with_known_first
from funnelcast.families.clv.segments.table import TABLES, Holdout, Valuer, segments
from funnelcast.families.clv.summary import COLUMNS, summarise
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json

SEGMENTED = (*COLUMNS, FIRST_VALUE, CHANNEL, JOURNEY, TOUCHED, USED)


def segmented(facts: Facts, as_of: AsOf) -> ir.Table:
    """Give every customer with what a model reads and what the report segments by: contact_id and ``SEGMENTED``."""
    return with_segments(facts, as_of, with_known_first(summarise(facts, as_of))).select("contact_id", *SEGMENTED)


def omnichannel(facts: Facts, as_of: AsOf, model: Valuer, holdout: Holdout | None = None) -> dict[str, Json]:
    """Value a company's segments as of an instant, as ``segments`` gives it."""
    missing = {name: reason for name, reason in untold(facts).items() if name in TABLES}
    return segments(model, frame_of(segmented(facts, as_of).order_by("contact_id").drop("contact_id")), missing, holdout)


def frame_of(table: ir.Table) -> pd.DataFrame:
    """Read customers into memory: a text that many share is kept once."""
    frame: pd.DataFrame = table.to_pyarrow().to_pandas(strings_to_categorical=True)
    return frame
