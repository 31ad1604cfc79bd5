"""API keys: printed once, kept as salted hashes, compared in constant time.

A key is ``NAME.SECRET``; the secret has 256 random bits, so that one pass of SHA-256 over salt and secret can't be searched.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from funnelcast.artefacts import alone_in, to_json, write_file
from funnelcast.errors import NoKey, NotFound, UsageError, WrongScope
from funnelcast.terms import Json

SCOPES = ("score", "forecast", "admin")
ANY = "any"
"""What is needed where every known caller may ask."""
_LONGEST_NAME = 64
_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{_LONGEST_NAME}}}")


@dataclass(frozen=True)
class Caller:
    """Who asks, and what they may."""

    name: str
    scope: str

    @property
    def scopes(self) -> list[str]:
        """Name every scope that this caller has."""
        return [*SCOPES] if self.scope == "admin" else [self.scope]

    def require(self, needed: str) -> None:
        """Let pass whom the scope allows; admin may everything.

        Raises
        ------
        WrongScope
            The key's scope is another.
        """
        if needed != ANY and self.scope not in {needed, "admin"}:
            raise WrongScope(name=self.name, scope=self.scope, needed=needed)


class Keys:
    """The keys of one home, as read at one moment."""

    def __init__(self, known: Mapping[str, Mapping[str, str]]) -> None:
        self._known = dict(known)

    @classmethod
    def read(cls, path: Path) -> Keys:
        """Read the hashed keys; none where there is no file."""
        return cls(json.loads(path.read_bytes()) if path.exists() else {})

    def __len__(self) -> int:
        return len(self._known)

    def caller(self, authorization: str | None) -> Caller:
        """Recognise the caller by the Authorization header.

        Raises
        ------
        NoKey
            No header, another form, or a key that isn't known.
        """
        scheme, name, secret = _parts(authorization)
        # an unknown name costs the same comparison as a known one
        kept = self._known.get(name, {"salt": "", "hash": "", "scope": ""})
        right = hmac.compare_digest(_hash(secret, kept["salt"]), kept["hash"])
        if scheme.lower() != "bearer" or not right:
            raise NoKey
        return Caller(name, kept["scope"])


def claimed_name(authorization: str | None) -> str:
    """Give the name that a header claims, whether or not its secret is right."""
    return _parts(authorization)[1][:_LONGEST_NAME]


def add(path: Path, name: str, scope: str) -> str:
    """Make a key and store its hash; an existing one of the name is replaced (rotation).

    Returns
    -------
    The key, which can't be shown again.
    """
    if not _NAME.fullmatch(name) or scope not in SCOPES:
        raise UsageError(reason=f"A key's name has 1 to 64 letters, digits, - or _, and its scope is one of {', '.join(SCOPES)}.")
    secret, salt = secrets.token_urlsafe(32), secrets.token_hex(16)
    with alone_in(path.parent):
        known = _stored(path)
        known[name] = {"scope": scope, "salt": salt, "hash": _hash(secret, salt)}
        write_file(path, to_json(known))
    return f"{name}.{secret}"


def revoke(path: Path, name: str) -> None:
    """Make a key worthless.

    Raises
    ------
    NotFound
        There is none of this name.
    """
    with alone_in(path.parent):
        known = _stored(path)
        if known.pop(name, None) is None:
            raise NotFound(what="key", name=name, advice="`funnelcast keys list` names them.")
        write_file(path, to_json(known))


def listed(path: Path) -> list[Json]:
    """List names and scopes."""
    return [{"name": name, "scope": kept["scope"]} for name, kept in sorted(_stored(path).items())]


def _stored(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_bytes())) if path.exists() else {}


def _parts(authorization: str | None) -> tuple[str, str, str]:
    scheme, _, key = (authorization or "").partition(" ")
    name, _, secret = key.strip().partition(".")
    return scheme, name, secret


def _hash(secret: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}{secret}".encode()).hexdigest()
