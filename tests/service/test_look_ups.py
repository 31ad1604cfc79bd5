from __future__ import annotations

import io
from typing import Any, cast

import pandas as pd

from serving.store import State
from tests.service.conftest import Client


def test_contacts_are_found_by_bisection(client: Client) -> None:
    """An unsorted index that repeats ids is read from end to end at each look-up: 9 ms among 100,000 instead of a tenth of one."""
    state: State = cast("Any", client.app).state.store.state()
    assert len(state.planned().contacts) > 3
    for model, frame in state.planned().contacts.items():
        assert frame.index.is_monotonic_increasing, model
        stored = pd.read_parquet(io.BytesIO(state.planned().files[f"scores/{model}.parquet"]))
        for name in {frame.index[0], frame.index[-1]}:
            expected = stored[stored["contact_id"] == name].set_index("contact_id")
            pd.testing.assert_frame_equal(frame.loc[[name]], expected)
