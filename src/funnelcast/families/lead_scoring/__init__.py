"""Lead scoring: which open lead will buy, and the bridge from the company's rule of points to what touches really say."""

from funnelcast.families.lead_scoring.family import LeadScoring

FAMILY = LeadScoring()

__all__ = ["FAMILY", "LeadScoring"]
