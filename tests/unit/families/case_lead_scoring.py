"""Lead scoring in the battery: the simulated company's open leads, judged on its newest date."""

from __future__ import annotations

from funnelcast.families.lead_scoring import FAMILY
from tests.unit.families.battery import Case
from tests.unit.families.scoring_company import SPECS, earlier, newest


def case() -> Case:
    """Beats the rule score by 0.03 in log-loss."""
    return Case(
        name="lead_scoring",
        family=FAMILY,
        spec=SPECS["lead_scoring"],
        rows=lambda: earlier(FAMILY),
        held_out=lambda: newest(FAMILY),
        ranges=dict.fromkeys(("probability", "low", "high"), (0.0, 1.0)),
        margin=0.03,
        ordered=("low", "probability", "high"),
    )
