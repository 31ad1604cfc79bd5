"""Churn in the battery: the simulated company's customers, judged on its newest date."""

from __future__ import annotations

from funnelcast.families.churn import FAMILY
from tests.unit.families.battery import Case
from tests.unit.families.scoring_company import SPECS, earlier, newest


def case() -> Case:
    """Beats recency alone by 0.03 in log-loss."""
    return Case(
        name="churn",
        family=FAMILY,
        spec=SPECS["churn"],
        rows=lambda: earlier(FAMILY),
        held_out=lambda: newest(FAMILY),
        ranges=dict.fromkeys(("probability", "low", "high"), (0.0, 1.0)),
        margin=0.03,
        ordered=("low", "probability", "high"),
    )
