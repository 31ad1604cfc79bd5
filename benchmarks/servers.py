"""Servers as processes of their own: started, waited for, watched and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from benchmarks import load
from funnelcast.settings import CHECKOUT

_START_SECONDS = 120.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Asked:
    """What a server is asked: the path, and the bodies one after the other."""

    path: str
    bodies: Sequence[bytes]


@dataclass
class Server:
    """One contender.

    Parameters
    ----------
    command
        What starts it; ``{port}`` stands for its port.
    first
        What it must have answered once to be there.
    """

    name: str
    command: Sequence[str]
    first: Asked
    environment: Mapping[str, str] = field(default_factory=dict)
    log: Path = Path(os.devnull)

    def __enter__(self) -> Self:
        """Start it, and measure how long it takes to its first answer."""
        self.port = _free_port()
        started = time.perf_counter()
        environment = {**os.environ, **self.environment, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        with self.log.open("ab") as log:
            command = [part.format(port=self.port) for part in self.command]
            self._child = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=log, stderr=log, start_new_session=True)
        while not self._answers():
            if self._child.poll() is not None or time.perf_counter() - started > _START_SECONDS:
                self.__exit__()
                message = f"{self.name} doesn't start: {self.log.read_text()[-2000:]}"
                raise RuntimeError(message)
            time.sleep(_LOOK_SECONDS)
        self.cold_start = time.perf_counter() - started
        return self

    def __exit__(self, *_: object) -> None:
        """End it and what it has started."""
        everyone = self._processes()
        os.killpg(self._child.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(everyone, 15)
        for process in alive:
            process.kill()
        self._child.wait()

    def requests(self, asked: Asked) -> list[bytes]:
        """Write the requests as they go over the line."""
        return [load.request(self.port, asked.path, body) for body in asked.bodies]

    def cpu_seconds(self) -> float:
        """Give the processor time that it has used so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes())

    def megabytes(self) -> float:
        """Give the resident memory of its largest process: the one that answers."""
        return max(process.memory_info().rss for process in self._processes()) / 1e6

    def _processes(self) -> list[Any]:
        try:
            parent = psutil.Process(self._child.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _answers(self) -> bool:
        try:
            load.once(self.port, self.requests(self.first)[0])
        except (OSError, AssertionError):
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
