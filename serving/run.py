"""Start the service: refuse what can't be served safely, then let BentoML run the workers."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from funnelcast import champions
from funnelcast.errors import UsageError
from funnelcast.settings import CHECKOUT, Settings
from funnelcast.sources import source_file
from serving.auth import Keys

_START_SECONDS = 120.0
_STOP_SECONDS = 15.0


def serve(settings: Settings, source: Path, *, host: str, port: int, workers: int, progress: Callable[[str], None]) -> None:
    """Serve one company until a signal ends it.

    Raises
    ------
    UsageError
        Another host than loopback without keys; a port in use; no source; nothing promoted; a service that doesn't start.
    """
    _require_keys(settings, host)
    _require_free(host, port)
    _require_champions(settings, source)
    progress(f"starting {workers} worker{'s' if workers > 1 else ''}")
    child = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-m", "bentoml", "serve", "serving.service:FunnelcastService", "--host", host, "--port", str(port)],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "FUNNELCAST_HOME": str(settings.home),
            "FUNNELCAST_SOURCE": str(source.resolve()),
            "FUNNELCAST_WORKERS": str(workers),
        },
    )
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        child.terminate()

    for received in (signal.SIGTERM, signal.SIGINT):
        signal.signal(received, stop)
    try:
        _wait_ready(child, host, port)
        progress(f"serving {source.parent.name}; Ctrl-C ends it")
        print(f"http://{_literal(host)}:{port}", file=sys.__stdout__, flush=True)
        status = child.wait()
    finally:
        _end(child)
    if status and not stopping:
        raise UsageError(reason=f"The service ended with status {status}; its last lines above say why.")


def _require_keys(settings: Settings, host: str) -> None:
    if not _loopback(host) and not len(Keys.read(settings.keys)):
        reason = f"Without an API key the service listens on this machine alone, not on {host}. "
        reason += "Make one first: `funnelcast keys add NAME --scope score`."
        raise UsageError(reason=reason)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(reason=f"{host}:{port} can't be listened on ({error.strerror}). Choose another with --port.") from error


def _require_champions(settings: Settings, source: Path) -> None:
    name = source_file.read(source).source.name
    if not champions.listed(settings, name):
        raise UsageError(reason=f"Nothing is promoted for the source {name!r} yet. Run `funnelcast train all --source {source}` first.")


def _wait_ready(child: subprocess.Popen[bytes], host: str, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    address = f"http://{_literal(host if _loopback(host) else '127.0.0.1')}:{port}/readyz"
    while time.monotonic() < deadline:
        if child.poll() is not None:
            return
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise UsageError(reason=f"The service didn't become ready within {_START_SECONDS:.0f} s; its last lines above say why.")


def _literal(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
