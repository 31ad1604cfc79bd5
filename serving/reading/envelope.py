"""Read the body of a request: strict JSON in UTF-8, and an envelope of the right shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from serving.problems import Refused
from serving.reading.contracts import Shape
from serving.reading.strict_json import read

Request = TypeVar("Request", bound=Shape)
_SENTENCES = {"extra_forbidden": "is not a field that is known here", "missing": "is required", "float_type": "give a number"}


def parse(body: bytes, shape: type[Request]) -> Request:
    """Read the envelope of a request.

    Raises
    ------
    Refused
        400 where the body is no JSON, 422 where its fields are wrong; names the field.
    """
    document = read(body)
    if not isinstance(document, dict):
        raise Refused(422, "wrong-type", f"The body is a JSON object; this one is {_kind(document)}.")
    envelope = _validated(document, shape)
    _require_distinct(getattr(envelope, "contacts", []))
    return envelope


def parse_query(parameters: Sequence[tuple[str, str]], shape: type[Request]) -> Request:
    """Read the parameters of an address.

    Raises
    ------
    Refused
        422 where one isn't known, can't be or stands twice; names it.
    """
    given = dict(parameters)
    if len(given) != len(parameters):
        names = [name for name, _ in parameters]
        repeated = next(name for place, name in enumerate(names) if name in names[:place])
        raise Refused(422, "repeated", f"{repeated}: stands twice in the address.", repeated)
    return _validated(given, shape)


def _validated(document: Mapping[str, Any], shape: type[Request]) -> Request:
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        field, sentence = first_fault(error)
        kind = "unknown-field" if error.errors()[0]["type"] == "extra_forbidden" else "invalid"
        raise Refused(422, kind, sentence, field) from error


def first_fault(error: ValidationError) -> tuple[str, str]:
    """Give the path of the first field that is wrong and a sentence that says why."""
    fault = error.errors(include_url=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
    said = _SENTENCES.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
    return path, f"{path}: {said}." if path else f"{said}."


def _kind(document: Any) -> str:
    kinds = {type(None): "null", bool: "a truth value", str: "a text", list: "a list"}
    return kinds.get(type(document), "a number")


def _require_distinct(items: Sequence[Any]) -> None:
    seen: dict[str, int] = {}
    for place, item in enumerate(items):
        name = item.get("contact_id") if isinstance(item, dict) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            detail = f"contact_id {name[:80]!r} stands at {seen[name]} and at {place}."
            raise Refused(422, "duplicate-id", detail, f"contacts[{place}].contact_id")
        seen[name] = place
