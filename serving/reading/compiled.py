"""The shapes of items, compiled: msgspec takes what fits in a sixth of the time that pydantic needs.

It takes only what pydantic would, by which the shapes are defined. What it doesn't take need not be wrong: that is for pydantic to say.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from pydantic import AwareDatetime
from pydantic.fields import FieldInfo

from serving.reading.contracts import LARGEST_NUMBER, LONGEST_TEXT, Attribute, Shape

_ATTRIBUTE = (
    Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
    | Annotated[float, msgspec.Meta(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
    | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    | bool
    | None
)
_BOUNDS = ("ge", "le", "min_length", "max_length")


@cache
def compiled(shape: type[Shape]) -> type[msgspec.Struct]:
    """Give what msgspec converts to: the same fields, but for instants, which are texts that are still to be read."""
    hints = get_type_hints(shape, include_extras=True)
    fields = [(name, _type(hints[name]), _default(field)) for name, field in shape.model_fields.items()]
    return msgspec.defstruct(shape.__name__, fields, kw_only=True, forbid_unknown_fields=True)


def _type(hint: Any) -> Any:
    """Give msgspec's type for one of the shapes'."""
    if hint == Attribute:
        return _ATTRIBUTE
    if hint is AwareDatetime:
        return str
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[_type(arguments[0]), _bounds(arguments[1:])]
    if arguments:
        parts = tuple(map(_type, arguments))
        return origin[parts] if origin in {list, dict} else Union[parts]  # noqa: UP007 (as many as there are)
    return compiled(hint) if issubclass(hint, Shape) else hint


def _bounds(said: tuple[Any, ...]) -> msgspec.Meta:
    """Give the bounds that a field's annotations say."""
    rules = [rule for field in said if isinstance(field, FieldInfo) for rule in field.metadata]
    return msgspec.Meta(**{name: getattr(rule, name) for rule in rules for name in _BOUNDS if hasattr(rule, name)})


def _default(field: FieldInfo) -> Any:
    if field.is_required():
        return msgspec.NODEFAULT
    return field.default if field.default_factory is None else msgspec.field(default_factory=field.default_factory)  # type: ignore[arg-type]
