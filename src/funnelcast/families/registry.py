"""The explicit list of families; each module is imported only when it is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from funnelcast.errors import SpecError
from funnelcast.families.family import Family

REGISTERED: tuple[str, ...] = (
    "churn",
    "lead_scoring",
    "clv",
    "attribution",
    "deal_outcome",
    "payment_delay",
)


@cache
def family_of(name: str) -> Family:
    """Give the family registered under a name.

    Raises
    ------
    SpecError
        The name isn't registered, or is twice, or its module's FAMILY lacks a method of the protocol.
    """
    if REGISTERED.count(name) != 1:
        raise SpecError(path="families/registry.py", reason=f"{name!r} is registered {REGISTERED.count(name)} times; known: {REGISTERED}")
    family = import_module(f"funnelcast.families.{name}").FAMILY
    if not isinstance(family, Family) or family.name != name:
        raise SpecError(path=f"families/{name}", reason="FAMILY lacks a method of the Family protocol, or has another name")
    return family
