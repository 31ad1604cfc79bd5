"""The schedules of the README are ones: systemd and cron read them, and what they start is a command that exists."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from funnelcast.settings import CHECKOUT

README = (CHECKOUT / "README.md").read_text()
INSTALLED = "/srv/funnelcast/.venv/bin/funnelcast"
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def units() -> dict[str, str]:
    """The units by the name under which the README says to keep them."""
    return {Path(block.splitlines()[0].removeprefix("# ")).name: block for block in blocks("ini")}


def helped(command: str) -> str:
    """What the command says of itself: its arguments are read before its help is shown."""
    program, *arguments = command.split()
    assert program == INSTALLED
    own = str(Path(sys.executable).parent / "funnelcast")
    return subprocess.run([own, *arguments, "--help"], capture_output=True, text=True, check=True).stdout


def test_the_units_start_the_job_every_week() -> None:
    assert set(units()) == {"funnelcast-retrain.service", "funnelcast-retrain.timer"}
    service, timer = (configparser.ConfigParser(strict=True, interpolation=None) for _ in range(2))
    service.read_string(units()["funnelcast-retrain.service"])
    timer.read_string(units()["funnelcast-retrain.timer"])
    assert "The scheduled job" in helped(service["Service"]["ExecStart"])
    assert service["Service"]["Type"] == "oneshot"
    assert timer["Timer"]["OnCalendar"] == "Mon *-*-* 04:30"
    assert timer["Timer"]["Persistent"] == "true"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_reads_the_units(tmp_path: Path) -> None:
    program = tmp_path / "funnelcast"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name, unit in units().items():
        (tmp_path / name).write_text(unit.replace(INSTALLED, str(program)))
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in units())], capture_output=True, text=True, check=False
    )
    of_ours = [line for line in found.stderr.splitlines() if "funnelcast-retrain" in line]
    assert not of_ours
    next_run = subprocess.run(["systemd-analyze", "calendar", "Mon *-*-* 04:30"], capture_output=True, text=True, check=True).stdout
    assert "Mon" in next_run


def test_cron_reads_the_line_and_it_starts_the_job() -> None:
    (line,) = [line for block in blocks("crontab") for line in block.splitlines()]
    *fields, command = line.split(maxsplit=5)
    for field, (low, high) in zip(fields, RANGES, strict=True):
        assert field == "*" or low <= int(field) <= high
    assert "%" not in command  # cron takes it for the end of the line
    assert "The scheduled job" in helped(command.split(" >>")[0])
