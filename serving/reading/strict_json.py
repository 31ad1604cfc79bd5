"""Read JSON strictly: UTF-8, whole characters, and no key twice in one object.

Nearly every body is read by msgspec, at several times the speed of the standard library. It keeps the last of two equal keys, so what it
read is written again: had an object lost a member, a colon would be missing. Whatever isn't plain goes to the standard library's reader,
which says what is wrong.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import numpy as np

from serving.problems import Refused

_ESCAPED_COLON = re.compile(rb"\\u003[aA]")
_LONG = 8_192
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read(body: bytes) -> Any:
    """Read a document.

    Raises
    ------
    Refused
        400: it is none, and why.
    """
    try:
        document = msgspec.json.decode(body)
        if _colons(msgspec.json.encode(document)) == _colons(body) and not _ESCAPED_COLON.search(body):
            return document
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass  # wrong, or beyond what msgspec reads
    return read_slowly(body)


def _colons(text: bytes) -> int:
    # numpy takes a sixth of the time, from some thousands of bytes on
    return text.count(b":") if len(text) < _LONG else int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord(":")))


def read_slowly(body: bytes) -> Any:
    """Read a document with the standard library: the judge of ``read``, which raises the same."""
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_unique)
        if _SURROGATE.search(body):
            json.dumps(document, ensure_ascii=False).encode()  # half a character can't be answered or stored
    except RecursionError as error:
        raise Refused(400, "too-deep", "The body is nested too deeply.") from error
    except UnicodeError as error:
        raise Refused(400, "not-json", "The body is not JSON in UTF-8: it holds bytes or escapes that are no character.") from error
    except ValueError as error:
        reason = str(error) if isinstance(error, _Repeated | json.JSONDecodeError) else "a number is too long"
        raise Refused(400, "not-json", f"The body is not JSON in UTF-8: {reason}.") from error
    return document


class _Repeated(ValueError):
    """A key stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for place, name in enumerate(names) if name in names[:place])
        message = f"the key {repeated[:80]!a} stands twice in one object"
        raise _Repeated(message)
    return found
