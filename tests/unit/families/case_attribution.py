"""The battery's case of attribution: journeys whose last two touches decide, contacts known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from funnelcast.families.attribution import FAMILY
from tests.unit.families.battery import Case, spec_of


@cache
def _journeys() -> pd.DataFrame:
    generator = np.random.default_rng(21)
    names = ("web", "email", "store")
    text, won = [], []
    for _ in range(4_000):
        touches = [names[int(touch)] for touch in generator.integers(0, 3, size=generator.integers(2, 6))]
        likely = touches[-1] == "store" and touches[-2] == "email"
        text.append(" > ".join(touches))
        won.append(float(generator.random() < (0.9 if likely else 0.1)))
    rows = pd.DataFrame({"path": text, "conversions": won})
    rows["nulls"] = 1 - rows["conversions"]
    rows["value"] = 50 * rows["conversions"]
    rows["contact_id"] = [f"secret-{number}" for number in range(len(rows))]
    return rows.set_axis(np.arange(len(rows)) * 7 + 11)


def case() -> Case:
    rows = _journeys()
    return Case(
        name="attribution",
        family=FAMILY,
        spec=spec_of("attribution", search={"orders": [1, 2]}, options={"replicates": 20}),
        rows=lambda: rows.iloc[:3_000],
        held_out=lambda: rows.iloc[3_000:],
        ranges={"probability": (0.0, 1.0)},
        margin=0.005,
    )
