"""Attribution: who earned the sale, online or in person, with intervals."""

from __future__ import annotations

from funnelcast.families.attribution.answer import METHODS, credits  # noqa: A004 (the word of the field)
from funnelcast.families.attribution.family import FAMILY
from funnelcast.families.attribution.journey import journey_credit
from funnelcast.families.attribution.model import AttributionModel

__all__ = ["FAMILY", "METHODS", "AttributionModel", "credits", "journey_credit"]
