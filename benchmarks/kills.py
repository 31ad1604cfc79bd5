"""Kill -9 at random moments of training, promotion, refresh, scoring and serving; whatever is left must be whole.

``python -m benchmarks.kills --moments 50``: each moment ends one command, drawn uniformly over the time that it takes, by SIGKILL to its
process group; then everything that a crash could have torn is looked at, and the command itself must succeed.
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
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from funnelcast import champions
from funnelcast.artefacts import read_folder
from funnelcast.errors import FunnelcastError
from funnelcast.settings import Settings
from serving.store import Store
from training.lock import only_one

CONTACTS = 400
_LIMIT_SECONDS = 300.0
_LATER = 1.1
"""Moments are drawn up to so many times the time that a command takes: some come after its end."""
_CHECK = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check').fetchone()[0])"


@dataclass
class Company:
    """A tiny company, and the commands that are killed."""

    home: Path
    took: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["funnelcast.cli", "training.train", "training.refresh", "training.score", "mlflow"])

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

    def prepare(self, models: Sequence[str]) -> None:
        """Simulate, train some models, and run every command once to see how long it takes."""
        self.run("simulate", "--out", str(self.settings.demo.parent), "--contacts", str(CONTACTS))
        for model in models:
            self.run("train", model)
        for name, command in self.commands.items():
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
        said = subprocess.run([sys.executable, "-c", _CHECK, str(path)], capture_output=True, text=True, check=False).stdout.strip()
        if said != "ok":
            yield f"{path.name}: {said}"
    if company.scores.exists() and pq.read_metadata(company.scores).num_rows != rows:
        yield f"{company.scores.name} is not whole"
    yield from _folder_faults(settings)
    try:
        with only_one(settings.home / "retrain-demo.lock"):
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


def moments(company: Company, names: Sequence[str], seed: int) -> Iterator[tuple[str, float, bool, list[str]]]:
    """Kill one command after the other; gives its name, the moment, whether it was still at work, and what was torn."""
    draw = random.Random(seed)  # noqa: S311 (moments, no secrets)
    served = frozenset(champions.listed(company.settings, "demo"))
    rows = pq.read_metadata(company.scores).num_rows
    for name in names:
        seconds = draw.uniform(0, _LATER * company.took[name])
        killed = company.kill(name, seconds)
        found = list(faults(company, served, rows))
        try:
            company.run(*company.commands[name])
        except RuntimeError as error:
            found.append(str(error))
        yield name, seconds, killed, [*found, *faults(company, served, rows)]


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
        company.prepare(("attribution", "churn", "clv", "lead_scoring", "clv"))
        names = [list(company.commands)[number % len(company.commands)] for number in range(options.moments)]
        torn = 0
        for name, seconds, killed, found in moments(company, names, options.seed):
            print(f"{name:10} {seconds:6.2f} s {'killed' if killed else 'was done'}  {'; '.join(found) or 'whole'}", flush=True)
            torn += bool(found)
    print(f"{options.moments} moments, {torn} left something torn")
    sys.exit(int(torn > 0))


if __name__ == "__main__":
    main()
