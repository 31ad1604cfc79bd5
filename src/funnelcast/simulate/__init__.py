"""A company with a known truth: the demo's data, and the judge of every model."""

from __future__ import annotations

from funnelcast.simulate.company import Company, blocks, company, simulate
from funnelcast.simulate.world import World

__all__ = ["Company", "World", "blocks", "company", "simulate"]
