"""Which names mean this machine alone."""

from __future__ import annotations

import ipaddress


def loopback(host: str) -> bool:
    """Say whether a host, by name or address, is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
