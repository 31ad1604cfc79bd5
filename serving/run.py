"""Start the service: refuse what can't be served safely, then let BentoML run the workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from funnelcast import champions, snapshots
from funnelcast.errors import UsageError
from funnelcast.settings import CHECKOUT, Settings
from funnelcast.sources import source_file
from serving.auth import Keys
from serving.limits import Limits
from serving.loopback import loopback
from serving.parent import PARENT, STOP_SECONDS

_START_SECONDS = 120.0
_KILL_SECONDS = STOP_SECONDS + 5.0
_LOOK_SECONDS = 0.2
_KEEP_ALIVE_SECONDS = 75
"""Longer than proxies and clients keep a connection, 60 s at most: one that is closed while the next request is on its way loses it."""


def serve(settings: Settings, source: Path, *, host: str, port: int, workers: int, progress: Callable[[str], None]) -> None:
    """Serve one company until a signal ends it.

    Raises
    ------
    UsageError
        Another host than loopback without keys; a limit that is none; a port in use; no source; neither a champion nor a snapshot; a
        service that doesn't start.
    """
    _require_keys(settings, host)
    Limits.read()
    _require_free(host, port)
    name = _require_answers(settings, source)
    progress(f"starting {workers} worker{'s' if workers > 1 else ''}")
    with _Service(settings, source, host=host, port=port, workers=workers) as service:
        readiness = service.readiness()
        if readiness is not None:
            progress(_told(name, readiness))
            print(f"http://{_literal(host)}:{port}", file=sys.__stdout__, flush=True)
        service.wait()


class _Service:
    """BentoML as a child process: it ends with us, and our end is its end."""

    def __init__(self, settings: Settings, source: Path, *, host: str, port: int, workers: int) -> None:
        reached = host if loopback(host) else {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
        self._address = f"http://{_literal(reached)}:{port}/readyz"
        self._stopped = False
        command = [sys.executable, "-m", "serving.supervisor", "serve", "serving.service:FunnelcastService"]
        command += ["--host", host, "--port", str(port), "--timeout-graceful-shutdown", str(STOP_SECONDS)]
        command += ["--timeout-keep-alive", str(_KEEP_ALIVE_SECONDS)]
        environment = {
            PARENT: str(os.getpid()),
            "BENTOML_HOME": str(settings.home / "bentoml" / str(port)),  # where it counts requests: two services in one folder miscount
            "FUNNELCAST_HOME": str(settings.home),
            "FUNNELCAST_SOURCE": str(source.resolve()),
            "FUNNELCAST_KEYLESS": str(int(loopback(host))),
            "FUNNELCAST_WORKERS": str(workers),
        }
        self._child = subprocess.Popen(command, cwd=CHECKOUT, env={**os.environ, **environment})  # noqa: S603 (our own interpreter)

    def __enter__(self) -> Self:
        for received in (signal.SIGTERM, signal.SIGINT):
            signal.signal(received, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(_KILL_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()  # its workers notice
                self._child.wait()

    def readiness(self) -> dict[str, Any] | None:
        """Wait until it answers, and give what it says of itself; None where it was told to stop before."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._stopped or self._child.poll() is not None:
                return None
            if (answer := self._answer()) is not None:
                return answer
            time.sleep(_LOOK_SECONDS)
        raise UsageError(reason=f"The service didn't answer within {_START_SECONDS:.0f} s; its last lines above say why.")

    def wait(self) -> None:
        """Wait until it is told to stop.

        Raises
        ------
        UsageError
            It ended by itself.
        """
        while not self._stopped:
            status = self._child.poll()
            if status is not None:
                raise UsageError(reason=f"The service ended by itself with status {status}; its last lines above say why.")
            time.sleep(_LOOK_SECONDS)

    def _answer(self) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(self._address, timeout=5) as answer:  # noqa: S310 (our own address)
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.load(error)) if error.code == HTTPStatus.SERVICE_UNAVAILABLE else None
        except OSError:
            return None

    def _stop(self, *_: object) -> None:
        self._stopped = True


def _told(name: str, readiness: Mapping[str, Any]) -> str:
    if readiness["ready"]:
        return f"serving {name}; Ctrl-C ends it"
    refused = ", ".join(readiness["refused"])
    return f"serving {name}, but no model of it loads ({refused}): the lines above say why. What is promoted from now on is picked up."


def _require_keys(settings: Settings, host: str) -> None:
    if not loopback(host) and not len(Keys.read(settings.keys)):
        reason = f"Without an API key the service listens on this machine alone, not on {host}. "
        reason += "Make one first: `funnelcast keys add NAME --scope score`."
        raise UsageError(reason=reason)


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(reason=f"{host}:{port} can't be listened on ({why}). Choose another with --host or --port.") from error


def _require_answers(settings: Settings, source: Path) -> str:
    name = source_file.read(source).source.name
    if not champions.listed(settings, name) and snapshots.latest_name(settings, name) is None:
        raise UsageError(reason=f"Nothing is promoted for the source {name!r} yet. Run `funnelcast train all --source {source}` first.")
    return name


def _literal(host: str) -> str:
    return f"[{host}]" if ":" in host else host
