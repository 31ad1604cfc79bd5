"""Kill -9 at random moments of training, promotion, refresh, scoring and serving; whatever is left must be whole.

``python -m benchmarks.kills --moments 50``: each moment ends one command, drawn uniformly over the time that it takes, by SIGKILL to its
process group; then everything that a crash could have torn is looked at, and the command itself must succeed. A service that answers is
ended too, whole or by its first process alone: every answer that a client had must be in the track record.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq

from benchmarks.soak import Service, kinds
from funnelcast import champions
from funnelcast.artefacts import read_folder
from funnelcast.errors import FunnelcastError
from funnelcast.settings import Settings
from serving.store import Store
from training.lock import alone

CONTACTS = 400
_LIMIT_SECONDS = 300.0
_SERVED_SECONDS = 4.0
_IMPORTED = [
    *("funnelcast.cli", "training.promote", "training.refresh", "training.score", "training.train"),
    *("mlflow.store.model_registry.sqlalchemy_store", "mlflow.store.tracking.sqlalchemy_store"),
]
"""What is imported before the moments begin: they are to fall into the work."""
SERVE = "serve"
_CHECK = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check').fetchone()[0])"
_KEPT = "import sqlite3, sys; print(*(row[0] for row in sqlite3.connect(sys.argv[1]).execute('SELECT DISTINCT request_id FROM answers')))"


@dataclass
class Company:
    """A tiny company, and the commands that are killed."""

    home: Path
    took: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_IMPORTED)

    @property
    def settings(self) -> Settings:
        """Where it lives."""
        return Settings.read({"FUNNELCAST_HOME": str(self.home), "FUNNELCAST_THREADS": "1"})

    @property
    def scores(self) -> Path:
        """The file that batch scoring leaves."""
        return self.home / "out" / "scores.parquet"

    @property
    def commands(self) -> dict[str, list[str]]:
        """What is killed, by name."""
        return {
            "train": ["train", "clv"],
            "promote": ["promote", "clv", "--force"],
            "roll back": ["rollback", "clv"],
            "refresh": ["refresh"],
            "score": ["score", "clv", "--out", str(self.scores)],
        }

    def prepare(self, models: Sequence[str], names: Sequence[str]) -> None:
        """Simulate, train some models, the last of them CLV, and run the named commands once to see how long they take."""
        self.run("simulate", "--out", str(self.settings.demo.parent), "--contacts", str(CONTACTS))
        for model in models:
            self.timed("train", ["train", model])
        for name in names:
            if name not in self.took:
                self.timed(name, self.commands[name])

    def timed(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end, and remember how long that took."""
        started = time.monotonic()
        self.run(*command)
        self.took[name] = time.monotonic() - started

    def run(self, *arguments: str) -> str:
        """Run a command to its end; gives what it printed.

        Raises
        ------
        RuntimeError
            It failed.
        """
        process = self._start(arguments)
        process.join(_LIMIT_SECONDS)
        if process.exitcode != 0:
            message = f"`funnelcast {' '.join(arguments)}` ended with {process.exitcode}: {self._said('err')[-500:]}"
            raise RuntimeError(message)
        return self._said("out")

    def kill(self, name: str, seconds: float) -> bool:
        """Start a command and end it after a while, its whole process group; False where it was done before."""
        process = self._start(self.commands[name])
        process.join(seconds)
        done = process.exitcode is not None
        for end in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                end(process.pid or 0, signal.SIGKILL)
        process.join()
        return not done

    def _start(self, arguments: Sequence[str]) -> BaseProcess:
        process = self._context.Process(target=_command, args=(list(arguments), self.home))
        process.start()
        return process

    def _said(self, stream: str) -> str:
        return (self.home / f"{stream}.txt").read_text()


def faults(company: Company, served: frozenset[str], rows: int) -> Iterator[str]:
    """Name what is torn.

    Parameters
    ----------
    served
        The models that must be served.
    rows
        Of the table that scoring leaves.
    """
    settings = company.settings
    listed: list[Any] = json.loads(company.run("models", "--json"))["models"]
    yield from _registry_faults(settings, listed)
    store = Store(settings, settings.demo)
    state = store.state()
    yield from (f"{name} isn't served" for name in sorted(served - set(state.served)))
    yield from (f"{name} is refused: {reason}" for name, reason in state.refused.items())
    if state.snapshot is None:
        yield "there is no snapshot"
    for path in (settings.home / "mlflow.db", settings.track_record("demo")):
        if (said := _asked(path, _CHECK)) != "ok":
            yield f"{path.name}: {said}"
    if company.scores.exists() and pq.read_metadata(company.scores).num_rows != rows:
        yield f"{company.scores.name} is not whole"
    yield from _folder_faults(settings)
    try:
        with alone(settings, "demo", "check"):
            pass
    except FunnelcastError as error:
        yield str(error)


def _registry_faults(settings: Settings, listed: Sequence[Any]) -> Iterator[str]:
    for name in champions.listed(settings, "demo"):
        pointed = champions.targets(settings, "demo", name)[0].version
        holds = [one["version"] for one in listed if one["name"] == f"demo.{name}" and "champion" in one["aliases"]]
        if holds != [pointed]:
            yield f"{name}: version {pointed} is served, the alias champion is held by {holds}"


def _folder_faults(settings: Settings) -> Iterator[str]:
    for home in (settings.champions / "demo", settings.snapshots / "demo"):
        for folder in (path for path in home.glob("[!.]*") if path.is_dir()):
            try:
                read_folder(folder)
            except FunnelcastError as error:
                yield str(error)


def moments(company: Company, names: Sequence[str], seed: int, *, again: bool) -> Iterator[tuple[str, float, bool, list[str]]]:
    """Kill one after the other; gives the command's name, the moment, whether it was still at work, and what was torn.

    Parameters
    ----------
    again
        Whether each command must succeed after it was killed.
    """
    draw = random.Random(seed)  # noqa: S311 (moments, no secrets)
    served = frozenset(champions.listed(company.settings, "demo"))
    rows = pq.read_metadata(company.scores).num_rows if company.scores.exists() else 0
    for name in names:
        if name == SERVE:
            seconds, killed = draw.uniform(0, _SERVED_SECONDS), True
            found = [*_serving_faults(company.settings, seconds, whole=draw.random() < 0.5), *faults(company, served, rows)]
        else:
            seconds = draw.uniform(0, company.took[name])
            killed = company.kill(name, seconds)
            found = list(faults(company, served, rows))
            try:
                if again:
                    company.timed(name, company.commands[name])
            except RuntimeError as error:
                found.append(str(error))
        yield name, seconds, killed, found


def _serving_faults(settings: Settings, seconds: float, *, whole: bool) -> Iterator[str]:
    service = Service(settings, settings.demo, workers=1)
    answered: list[str] = []
    client = threading.Thread(target=_ask, args=(service.port, answered))
    client.start()
    time.sleep(seconds)
    left = [] if whole else service.kill_front()
    if whole:
        service.kill_all()
    client.join()
    if left:
        yield f"processes {left} outlived the service"
    missing = set(answered) - set(_asked(settings.track_record("demo"), _KEPT).split())
    if missing:
        yield f"{len(missing)} of {len(answered)} answers aren't in the track record"


def _ask(port: int, answered: list[str]) -> None:
    """Ask until nobody answers."""
    path, document = next(kinds())
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client, contextlib.suppress(httpx.TransportError):
        while True:
            answered.append(client.post(path, json=document).raise_for_status().json()["request_id"])


def _asked(path: Path, question: str) -> str:
    """Ask a database from a process of its own: one that has it open already must not."""
    return subprocess.run([sys.executable, "-c", question, str(path)], capture_output=True, text=True, check=False).stdout.strip()


def _command(arguments: list[str], home: Path) -> None:
    os.setsid()
    os.environ |= {"FUNNELCAST_HOME": str(home), "FUNNELCAST_THREADS": "1"}
    from funnelcast.cli import main  # noqa: PLC0415 (in the process that may be killed)

    with contextlib.ExitStack() as stack:
        for stream, redirect in (("out", contextlib.redirect_stdout), ("err", contextlib.redirect_stderr)):
            stack.enter_context(redirect(stack.enter_context((home / f"{stream}.txt").open("w"))))
        status = main(arguments)
    sys.exit(status)


def main() -> None:
    """Kill as often as asked, say what was found, and end with 1 where anything was torn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description="Kill -9 at random moments; nothing may be torn.")
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Path(folder))
        company.prepare(("attribution", "churn", "clv", "lead_scoring", "clv"), list(company.commands))
        names = list(islice(cycle([*company.commands, SERVE]), options.moments))
        torn = 0
        for name, seconds, killed, found in moments(company, names, options.seed, again=True):
            print(f"{name:10} {seconds:6.2f} s {'killed' if killed else 'was done'}  {'; '.join(found) or 'whole'}", flush=True)
            torn += bool(found)
    print(f"{options.moments} moments, {torn} left something torn")
    sys.exit(int(torn > 0))


if __name__ == "__main__":
    main()
