"""What is said of the company as a whole: the credit of its channels and their economics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from funnelcast.economics import Rules, economics
from funnelcast.errors import FunnelcastError
from funnelcast.families.attribution.answer import credits as credits_of
from funnelcast.families.attribution.setup import setup_of
from funnelcast.journeys import brought_flow, flow, settle
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf, Json
from training.train import default_as_of
from training.values import CLV, value_of_contacts

ATTRIBUTION = "attribution"


def attribute(
    settings: Settings, facts: Facts, *, method: str | None, order: int | None, as_of: AsOf | None
) -> dict[str, Json] | list[Json]:
    """Credit the channels, as the contract's ``attribute``."""
    return credits_of(facts, read(settings.models, ATTRIBUTION), as_of or default_as_of(facts), method, order)


def company_economics(settings: Settings, facts: Facts, *, as_of: AsOf | None) -> dict[str, Json]:
    """Give the economics of every channel, with the champions' customer values and credits where there are any."""
    as_of = as_of or default_as_of(facts)
    try:
        credited: Any = attribute(settings, facts, method=None, order=None, as_of=as_of)
    except FunnelcastError:
        # without touches nothing is credited; economics names what that leaves out
        credited = None
    return economics_with(settings, facts, as_of, credited, value_of_contacts(settings, cut(facts, as_of), as_of))


def flow_of_journeys(settings: Settings, facts: Facts, as_of: AsOf) -> dict[str, Json]:
    """Give how journeys go from channel to channel, by touchpoints or else by the company's own counts.

    Raises
    ------
    MissingTable
        It brings neither.
    """
    if facts.has("journeys") and not facts.has("touchpoints"):
        return brought_flow(facts)
    return flow(settle(facts, as_of, setup_of(read(settings.models, ATTRIBUTION)).journeys))


def economics_with(
    settings: Settings, facts: Facts, as_of: AsOf, credited: Mapping[str, Any] | None, clv: pd.Series | None
) -> dict[str, Json]:
    """Give the economics from credits and customer values that are already known, by the rules that the specs state."""
    rules = Rules(
        lookback_days=int(read(settings.models, ATTRIBUTION).cohort["lookback_days"]),
        churn_days=read(settings.models, "churn").horizon_days,
        margin_share=float(read(settings.models, CLV).options["margin"]),
    )
    return economics(facts, as_of, credited, None if clv is None else clv.reset_index(), rules)
