"""A process of the service ends when the one that started it is gone, however that one ended."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from serving.parent import PARENT

CHILD = """
import signal, time
from serving import parent
parent.STOP_SECONDS = 0.1
{before}
parent.end_with_parent()
print("up", flush=True)
time.sleep(60)
print("still there")
"""
STARTER = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


@pytest.mark.parametrize("before", ["", STUBBORN], ids=["willing", "stubborn"])
def test_it_ends_with_a_parent_that_is_killed(before: str) -> None:
    child = CHILD.format(before=before)
    environment = {name: value for name, value in os.environ.items() if name != PARENT}
    with subprocess.Popen([sys.executable, "-c", STARTER, child], stdout=subprocess.PIPE, text=True, env=environment) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "up\n"
        starter.kill()
        assert starter.stdout.read() == ""  # whole only when nobody holds the pipe any more


def test_it_ends_where_the_parent_was_gone_before_it_looked() -> None:
    environment = {**os.environ, PARENT: "1"}
    done = subprocess.run([sys.executable, "-c", CHILD.format(before="")], env=environment, timeout=50, check=False, capture_output=True)
    assert done.returncode == -15
