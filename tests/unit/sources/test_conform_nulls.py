from __future__ import annotations

import pandas as pd

from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source


def test_a_column_that_is_empty_throughout_keeps_its_canonical_type() -> None:
    frame = pd.DataFrame({"contact_id": ["a"], "created_at": [None], "source_channel": [None], "note": [None]})
    contacts = from_frames(Source("acme"), {"contacts": frame}).table("contacts")
    assert {name: str(contacts.schema()[name]) for name in frame.columns} == {
        "contact_id": "string",
        "created_at": "timestamp",
        "source_channel": "string",
        "note": "string",
    }
    assert contacts.execute().loc[0, ["created_at", "source_channel", "note"]].isna().all()
