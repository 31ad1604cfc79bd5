"""Answers as they go out: JSON, with the request's id, and what is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from serving.journal import Told

MEDIA_TYPE = "application/json"

Reply = dict[str, Any]


class Answered(NamedTuple):
    """The bytes of an answer, and what the journal tells of it."""

    document: bytes
    told: Told

    @classmethod
    def of(cls, reply: Mapping[str, Any], request_id: str) -> Answered:
        """Write a reply with the id of its request."""
        return cls(encode({**reply, "request_id": request_id}), Told.of(reply))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    message = f"{type(value).__name__} can't be written as JSON"
    raise TypeError(message)


encode = msgspec.json.Encoder(enc_hook=_plain).encode
