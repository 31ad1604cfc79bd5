"""What scoring answers look like, for the OpenAPI document: the typed client's own shapes, so that the two say the same."""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

from funnelcast.client import Reason, Score, Scores, Served, TrackRecord, Value, Values

Reference = Callable[[str], dict[str, str]]

_SHAPES: tuple[type[Any], ...] = (Scores, Score, Reason, Values, Value, Served, TrackRecord)
_PLAIN: dict[Any, dict[str, Any]] = {
    Any: {},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    NoneType: {"type": "null"},
}


def answer_schemas(reference: Reference) -> dict[str, Any]:
    """Give the JSON schema of each shape by its name; ``reference`` points at one by name."""
    return {shape.__name__: _object(shape, reference) for shape in _SHAPES}


def _object(shape: type[Any], reference: Reference) -> dict[str, Any]:
    hints = get_type_hints(shape, include_extras=True)
    required = [name for name, kind in hints.items() if get_origin(kind) is not NotRequired]
    properties = {name: _schema(kind, reference) for name, kind in get_type_hints(shape).items()}
    return {"type": "object", "description": shape.__doc__, "required": required, "properties": properties}


def _schema(kind: Any, reference: Reference) -> dict[str, Any]:
    origin, parts = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        return reference(kind.__name__)
    if origin is list:
        return {"type": "array", "items": _schema(parts[0], reference)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(parts[1], reference)}
    return {"anyOf": [_schema(part, reference) for part in parts]} if parts else dict(_PLAIN[kind])
