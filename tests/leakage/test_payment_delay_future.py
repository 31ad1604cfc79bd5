"""Facts known at or after as_of change nothing: neither what the model is fitted on nor what it predicts from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from funnelcast.families.family import Options
from funnelcast.families.payment_delay import FAMILY
from funnelcast.forecast.cash_facts import cash_inputs
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of

AS_OF = AsOf.parse("2025-03-01", "UTC")
SPEC = spec_of("payment_delay", label={"horizon_days": 30})


def history() -> pd.DataFrame:
    generator = np.random.default_rng(8)
    count = 240
    issued = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.sort(generator.integers(0, 420, count)), unit="D")
    paid = issued + pd.to_timedelta(generator.integers(10, 70, count), unit="D")
    return pd.DataFrame(
        {
            "invoice_id": [f"i{number}" for number in range(count)],
            "contact_id": [f"c{number}" for number in generator.integers(0, 12, count)],
            "issued_at": issued,
            "due_at": issued + pd.Timedelta(days=30),
            "amount": generator.lognormal(5.0, 1.0, count).round(2),
            "paid_at": paid,
        }
    )


def facts(frame: pd.DataFrame) -> Facts:
    # the same end of observation for all: it says which fold is judged, never what is fitted
    return from_frames(Source("acme"), {"invoices": frame}).with_observation(AS_OF)


def poisoned() -> pd.DataFrame:
    frame = history()
    later = frame["issued_at"] >= AS_OF.at
    frame.loc[later, "amount"] *= 1000
    frame.loc[later, "contact_id"] = "c0"
    unpaid = frame["paid_at"] >= AS_OF.at
    frame.loc[unpaid, "paid_at"] = frame.loc[unpaid, "paid_at"] + pd.Timedelta(days=900)
    return frame


def truncated() -> pd.DataFrame:
    frame = history()
    kept = frame[frame["issued_at"] < AS_OF.at].copy()
    kept.loc[kept["paid_at"] >= AS_OF.at, "paid_at"] = pd.NaT
    return kept


def known_late() -> pd.DataFrame:
    """Payments that happened before as_of but became known after it: as good as none."""
    frame = truncated()
    lately = frame["paid_at"] >= AS_OF.plus(-20).at
    assert lately.sum() > 3
    return frame.assign(paid_at_known_at=frame["paid_at"].where(~lately, pd.Timestamp("2025-04-01")))


def test_the_future_and_its_absence_give_the_same_bytes() -> None:
    models = [FAMILY.develop(facts(frame), SPEC, AS_OF, Options()) for frame in (history(), poisoned(), truncated())]
    assert models[0].model.files() == models[1].model.files() == models[2].model.files()
    assert models[0].baseline.files() == models[1].baseline.files() == models[2].baseline.files()
    assert models[0].metrics == models[1].metrics == models[2].metrics


def test_candidates_and_the_cash_inputs_are_the_same() -> None:
    frames = [FAMILY.candidates(facts(frame), SPEC, None, AS_OF).execute() for frame in (history(), poisoned(), truncated())]
    for other in frames[1:]:
        pd.testing.assert_frame_equal(frames[0], other, check_exact=True)
    assert len(frames[0]) > 5
    inputs = [cash_inputs(facts(frame), AS_OF, None, None).files() for frame in (history(), poisoned(), truncated())]
    assert inputs[0] == inputs[1] == inputs[2]


def test_a_payment_that_was_not_known_yet_leaves_its_invoice_open() -> None:
    late = known_late()
    hidden = set(late.loc[late["paid_at_known_at"] == pd.Timestamp("2025-04-01"), "invoice_id"])
    candidates = set(FAMILY.candidates(facts(late), SPEC, None, AS_OF).execute()["invoice_id"])
    assert hidden <= candidates
