"""`bentoml build` makes a bento that serves by its own files, and the recipe of the container names what there is."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from funnelcast.settings import CHECKOUT
from tests.service.conftest import Served

BENTOML = [sys.executable, "-m", "bentoml"]
RECIPE = CHECKOUT / "serving" / "Containerfile"
MARK = 'import sys\n\nprint("by its own files", file=sys.stderr)\n'


def test_the_bento_serves_by_its_own_files(served: Served, tmp_path: Path) -> None:
    environment = {**os.environ, "BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True"}
    subprocess.run([*BENTOML, "build", "--version", "1"], env=environment, capture_output=True, check=True, cwd=CHECKOUT)
    bento = tmp_path / "bentos" / "funnelcast-service" / "1"
    assert sorted(path.name for path in (bento / "src").iterdir() if path.is_dir()) == ["funnelcast", "models", "serving"]
    assert "--hash=sha256:" in (bento / "env" / "python" / "requirements.txt").read_text()
    with (bento / "src" / "funnelcast" / "__init__.py").open("a") as changed:
        changed.write(MARK)
    where = {"FUNNELCAST_HOME": str(served.settings.home), "FUNNELCAST_SOURCE": str(served.source), "FUNNELCAST_KEYLESS": "1"}
    with serving([*BENTOML, "serve", str(bento)], {**environment, **where}, tmp_path) as address:
        ready = asked(f"{address}/readyz")
        assert ready["ready"]
        assert "churn" in ready["models"]
    assert "by its own files" in (tmp_path / "log").read_text()


@contextmanager
def serving(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], env=environment, stdout=log, stderr=log, cwd=folder
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def asked(address: str) -> Any:
    """Ask until it answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 (our own address)
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_the_recipe_of_the_container_names_what_there_is() -> None:
    recipe = RECIPE.read_text().replace("\\\n", " ")
    copied = [name for line in re.findall(r"^COPY (?!--from)(.+)$", recipe, re.MULTILINE) for name in line.split()[:-1]]
    assert set(copied) >= {"pyproject.toml", "requirements.lock", "src", "serving", "training", "models"}
    assert all((CHECKOUT / name).exists() for name in copied)
    python = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert f"FROM docker.io/library/python:{python}-slim" in recipe
    assert re.search(r"^USER (?!root|0)", recipe, re.MULTILINE)
    assert '"serve"' in recipe
    assert "/readyz" in recipe
