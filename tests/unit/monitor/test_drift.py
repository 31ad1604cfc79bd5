from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.monitor.drift import benjamini_hochberg, compare


def sample(rows: int, seed: int, shift: float = 0.0, shop: float = 0.5) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "recency": random.gamma(2.0, 30.0, rows) + shift,
            "channel": np.where(random.random(rows) < shop, "store", "web"),
            "constant": np.ones(rows),
        }
    )


def test_benjamini_hochberg_as_worked_by_hand() -> None:
    # n = 4: sorted .01 .02 .03 .5 -> .04 .04 .04 .5
    np.testing.assert_allclose(benjamini_hochberg(np.array([0.5, 0.01, 0.03, 0.02])), [0.5, 0.04, 0.04, 0.04], rtol=1e-12)


def test_nothing_drifts_between_two_samples_of_one_population() -> None:
    found = compare(sample(2_000, 1), sample(2_000, 2))
    assert [drift.name for drift in found if drift.drifted] == []


def test_a_planted_shift_is_named_first_with_its_size() -> None:
    found = compare(sample(2_000, 1), sample(2_000, 2, shop=0.2))
    assert found[0].name == "channel"
    assert found[0].drifted
    assert found[0].effect == pytest.approx(0.3, abs=0.04)


def test_a_rising_share_of_missing_values_is_a_drift() -> None:
    recent = sample(2_000, 2)
    recent.loc[: len(recent) // 2, "recency"] = np.nan
    found = {drift.name: drift for drift in compare(sample(2_000, 1), recent)}
    assert found["recency"].drifted
    assert found["recency"].effect == pytest.approx(0.5, abs=0.03)


def test_twenty_rows_are_needed() -> None:
    assert compare(sample(19, 1), sample(2_000, 2, shift=100.0)) == []
