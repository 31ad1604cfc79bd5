"""What each channel costs and earns, when, and what its customers and deals do next; each figure with an interval."""

from __future__ import annotations

from funnelcast.economics.books import Rules
from funnelcast.economics.company import economics

__all__ = ["Rules", "economics"]
