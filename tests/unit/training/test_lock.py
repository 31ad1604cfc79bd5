"""One writer per company: who it is, and that nobody is locked out by the dead."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from funnelcast.cli import main
from funnelcast.errors import Busy
from funnelcast.settings import Settings
from funnelcast.simulate import simulate
from funnelcast.sources import source_file
from training.lock import alone, path_of

HOLDER = """
import sys
from funnelcast.settings import Settings
from training.lock import alone
with alone(Settings.read({"FUNNELCAST_HOME": sys.argv[1]}), sys.argv[2], "retrain"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.read({"FUNNELCAST_HOME": str(tmp_path)})


@contextmanager
def holder(settings: Settings, source: str = "acme") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is killed."""
    command = [sys.executable, "-c", HOLDER, str(settings.home), source]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def in_another_thread(settings: Settings, source: str = "acme") -> None:
    def take() -> None:
        with alone(settings, source, "train"):
            pass

    with ThreadPoolExecutor(1) as pool:
        pool.submit(take).result()


def test_whoever_comes_second_is_told_who_is_at_work(settings: Settings) -> None:
    with holder(settings) as process, pytest.raises(Busy) as refused, alone(settings, "acme", "refresh"):
        pass
    said = str(refused.value)
    for part in ("`funnelcast retrain`", f"process {process.pid}", f"on {socket.gethostname()}", "since 2", "UTC", "acme"):
        assert part in said
    assert "\n" not in said


def test_a_killed_holder_locks_nobody_out(settings: Settings) -> None:
    with holder(settings) as process:
        process.kill()
        process.wait()
        assert json.loads(path_of(settings, "acme").read_text())["process"] == process.pid
        with alone(settings, "acme", "refresh"):
            assert json.loads(path_of(settings, "acme").read_text())["process"] == os.getpid()


def test_what_a_command_calls_in_turn_may_ask_again(settings: Settings) -> None:
    with alone(settings, "acme", "retrain"), alone(settings, "acme", "refresh"):
        assert json.loads(path_of(settings, "acme").read_text())["doing"] == "retrain"
        with pytest.raises(Busy, match="`funnelcast retrain`"):
            in_another_thread(settings)
    in_another_thread(settings)


def test_companies_do_not_wait_for_each_other(settings: Settings) -> None:
    with alone(settings, "acme", "retrain"):
        in_another_thread(settings, "globex")


def test_nothing_is_left_of_a_holder_who_is_done_or_failed(settings: Settings) -> None:
    with pytest.raises(ValueError, match="broken"), alone(settings, "acme", "retrain"):
        raise ValueError("broken")  # noqa: EM101
    assert path_of(settings, "acme").read_text() == ""
    in_another_thread(settings)


def test_a_holder_that_has_not_signed_yet_is_another_process(settings: Settings) -> None:
    with holder(settings) as _:
        path_of(settings, "acme").write_text("")
        with pytest.raises(Busy, match="another process is already at work"):
            in_another_thread(settings)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("company"), contacts=200, seed=1)


def test_whatever_writes_champions_or_snapshots_ends_with_a_reason_while_another_does(
    source: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUNNELCAST_HOME", str(settings.home))
    commands = ("retrain", "refresh", "train churn", "train all", "promote churn", "rollback churn", "forget C0000001")
    with holder(settings, source_file.read(source).source.name) as process:
        for command in commands:
            assert main([*command.split(), "--source", str(source)]) == 1, command
            (reason,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("funnelcast: ")]
            assert f"process {process.pid} on" in reason, command
    assert not settings.champions.exists()
    assert not settings.snapshots.exists()
