"""Frozen dataclasses of numbers to JSON and back: tuples are lists there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from funnelcast.terms import Json


def as_document(item: Any) -> dict[str, Json]:
    """Give the fields of a flat dataclass as JSON."""
    found = {field.name: getattr(item, field.name) for field in fields(item)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def fields_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of a flat dataclass from its JSON."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
