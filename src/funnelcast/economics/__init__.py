"""What each channel costs and earns: CAC, ROAS, CPL, CLV/CAC, payback, velocity and journey types, each with an interval."""

from __future__ import annotations

from funnelcast.economics.company import economics

__all__ = ["economics"]
