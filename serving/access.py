"""Who may come in: keys with their scopes, each held to a rate, and those without a right key held to a slower one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import Scope

from funnelcast.artefacts import mark
from funnelcast.errors import NoKey
from serving.auth import Caller, Keys, claimed_name
from serving.limits import Buckets
from serving.loopback import loopback
from serving.problems import Refused, come_back

_GUESSES_PER_SECOND = 0.5
_GUESSES_AT_ONCE = 20.0
_OPEN = ("/livez", "/readyz", "/assets/")
_LOCAL = Caller("local", "admin")
_HOSTS = 64


class Access:
    """The door of one worker.

    Parameters
    ----------
    keys
        Where the hashed keys are; read again when the file changes.
    keyless
        Whether everyone may everything while there is no key: only where the service listens on loopback alone.
    scope_of
        Gives the scope that a path needs.
    rate
        Requests per second and key; as many again may come at once.
    """

    def __init__(self, keys: Path, *, keyless: bool, scope_of: Callable[[str], str], rate: float) -> None:
        self._path, self._keyless, self._scope_of = keys, keyless, scope_of
        self._seen, self._keys, self._looked = mark(keys), Keys.read(keys), False
        self._rates = Buckets(rate, rate)
        self._guesses = Buckets(_GUESSES_PER_SECOND, _GUESSES_AT_ONCE)

    def admit(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Let whoever may ask this come in; the request's state says who asks, also where a known caller is refused.

        Raises
        ------
        NoKey, WrongScope
            Nobody who may ask this.
        Refused
            421 for another machine's name where no key is asked for; 429 for more than the rate.
        """
        if scope["path"].startswith(_OPEN):
            return
        keys = self._current()
        if self._keyless and not len(keys):
            _require_local_name(headers.get(b"host", b""))
            scope["state"]["caller"] = _LOCAL
        elif scope["path"] != "/":  # the page itself holds no figure; it asks for the key
            caller = self._known(keys, headers.get(b"authorization", b"").decode("latin-1"), (scope.get("client") or ("",))[0])
            scope["state"]["caller"] = caller
            _require_patience(self._rates.take(caller.name), f"The key {caller.name!r} sends more than its rate.")
            caller.require(self._scope_of(scope["path"]))

    def _known(self, keys: Keys, authorization: str, address: str) -> Caller:
        if not authorization:  # no guess: a page that asks for its key begins so
            _require_patience(self._rates.take((address,)), "Too many requests came without a key.")
            raise NoKey
        # who guessed too often at one key isn't told whether the next guess is right; others behind the address aren't touched
        guessed = (address, claimed_name(authorization))
        _require_patience(self._guesses.wait(guessed), "Too many requests came with a wrong key.")
        try:
            return keys.caller(authorization)
        except NoKey:
            self._guesses.take(guessed)
            _require_patience(self._guesses.take(address), "Too many requests came with a wrong key.")
            raise

    def _current(self) -> Keys:
        """Give the keys as they are in this turn of the loop: whoever comes in the same one shares the look at the file."""
        if not self._looked:
            present = mark(self._path)
            if present != self._seen:
                self._keys, self._seen = Keys.read(self._path), present
            self._looked = True
            asyncio.get_running_loop().call_soon(self._look_again)
        return self._keys

    def _look_again(self) -> None:
        self._looked = False


def _require_patience(seconds: float, reason: str) -> None:
    if seconds > 0:
        headers = come_back(seconds)
        raise Refused(429, "too-many-requests", f"{reason} Come back in {headers['retry-after']} s.", headers=headers)


def _require_local_name(host: bytes) -> None:
    # a page of another site could otherwise have its own name resolved to this machine and read the answers
    if not _local(host):
        raise Refused(421, "other-host", "Without API keys only this machine's own names are answered, such as 127.0.0.1 and localhost.")


@lru_cache(_HOSTS)
def _local(host: bytes) -> bool:
    """Say whether a host with or without its port is this machine."""
    try:
        return loopback(urlsplit(f"//{host.decode('latin-1')}").hostname or "")
    except ValueError:  # half an IPv6 address
        return False
