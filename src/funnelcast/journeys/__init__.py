"""The paths of touches that end in a conversion, in nothing, or are still open; built in the engine."""

from funnelcast.journeys.counts import SEPARATOR, brought_paths, brought_untouched, decayed, paths, untouched
from funnelcast.journeys.flow import brought_flow, flow
from funnelcast.journeys.opened import open_journeys
from funnelcast.journeys.organic import Organic, organic
from funnelcast.journeys.settling import CONVERTED, NULL, OPEN, TYPES, JourneyRules, Settled, conversions, journey_type, settle, type_of

__all__ = [
    "CONVERTED",
    "NULL",
    "OPEN",
    "SEPARATOR",
    "TYPES",
    "JourneyRules",
    "Organic",
    "Settled",
    "brought_flow",
    "brought_paths",
    "brought_untouched",
    "conversions",
    "decayed",
    "flow",
    "journey_type",
    "open_journeys",
    "organic",
    "paths",
    "settle",
    "type_of",
    "untouched",
]
