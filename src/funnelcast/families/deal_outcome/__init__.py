"""Which deals will be won or lost, and when: weekly hazards of two competing risks, from stage history."""

from funnelcast.families.deal_outcome.family import DealOutcome

FAMILY = DealOutcome()

__all__ = ["FAMILY", "DealOutcome"]
