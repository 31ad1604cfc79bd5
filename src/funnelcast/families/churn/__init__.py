"""Who will leave, and where those who stay will buy: a probability, and the moves between the channels."""

from funnelcast.families.churn.family import Churn

FAMILY = Churn()

__all__ = ["FAMILY", "Churn"]
