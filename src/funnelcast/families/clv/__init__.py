"""What a customer is worth: purchases by BG/NBD, their value by Gamma-Gamma, fitted on compressed rows and judged on a hold-out."""

from funnelcast.families.clv.family import ClvFamily

FAMILY = ClvFamily()

__all__ = ["FAMILY", "ClvFamily"]
