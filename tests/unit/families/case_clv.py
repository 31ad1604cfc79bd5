"""CLV in the battery: BG/NBD customers, followed into a hold-out."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from funnelcast.families.clv import FAMILY
from tests.unit.families.battery import Case, spec_of
from tests.unit.families.clv.bg_nbd_company import customers


@cache
def _rows() -> pd.DataFrame:
    return customers(1500, seed=3)


@cache
def _held_out() -> pd.DataFrame:
    return customers(600, seed=4)


def case() -> Case:
    """BG/NBD must beat the better-known of the simple rules by a tenth of a purchase in CRPS."""
    numbers = ("expected_purchases", "expected_spend", "clv", "clv_p10", "clv_p90")
    return Case(
        name="clv",
        family=FAMILY,
        spec=spec_of("clv", label={"horizon_days": 180}),
        rows=_rows,
        held_out=_held_out,
        ranges={"p_alive": (0.0, 1.0), "p_purchase": (0.0, 1.0), **dict.fromkeys(numbers, (0.0, np.inf))},
        margin=0.1,
        ordered=("clv_p10", "clv_p90"),
    )
