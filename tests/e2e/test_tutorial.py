"""The README's tutorial, run command by command as it is written; only the port is a free one."""

from __future__ import annotations

import csv
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from funnelcast.cli import main
from funnelcast.settings import Settings
from funnelcast.snapshots import latest
from funnelcast.sources.open import open_source
from tests.e2e.test_readme import README, section

TUTORIAL = section("tutorial")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TUTORIAL, re.DOTALL | re.MULTILINE)
COMMANDS = [shlex.split(line, comments=True) for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
SHOWN = [line for kind, block in BLOCKS if not kind for line in block.splitlines()]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("newcomer")


@pytest.fixture(autouse=True)
def newcomer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("FUNNELCAST_HOME", str(home / "home"))
    monkeypatch.setenv("FUNNELCAST_THREADS", "1")  # beside other tests, more would wait for each other


def command(name: str) -> list[str]:
    found = [words for words in COMMANDS if words[0] == "funnelcast" and words[1] == name]
    assert len(found) == 1, f"the tutorial runs `funnelcast {name}` {len(found)} times"
    return found[0][1:]


def run(capsys: pytest.CaptureFixture[str], name: str) -> str:
    capsys.readouterr()
    status = main(command(name))
    said = capsys.readouterr()
    assert status == 0, said.err
    return said.out


def test_the_tutorial_goes_from_exports_to_the_scheduled_job() -> None:
    assert [words[1] for words in COMMANDS if words[0] == "funnelcast"] == [
        "template", "check", "train", "refresh", "list", "score", "serve", "retrain",
    ]  # fmt: skip
    assert COMMANDS[0] == [".", ".venv/bin/activate"]
    assert {words[0] for words in COMMANDS} == {".", "funnelcast", "curl"}


def test_each_command_works_as_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "template")
    assert (home / "acme" / "source.toml").exists()
    checked = run(capsys, "check").splitlines()
    shown = [line for line in SHOWN if line.startswith("│")]
    assert [line for line in checked if line.strip() in shown] == shown
    levels = [line.split("│")[1].strip() for line in checked if line.startswith("│") and line.split("│")[1].strip()]
    assert levels == ["warning", *["note"] * int(re.findall(r"and (\d+) notes", TUTORIAL)[0])]

    trained = run(capsys, "train")
    assert re.findall(r"^(\w+) version \d+, .*is champion$", trained, re.MULTILINE) == [
        "attribution",
        "churn",
        "clv",
        "deal_outcome",
        "lead_scoring",
    ]
    assert "payment_delay was not trained: payment_delay needs the table invoices" in trained
    run(capsys, "refresh")
    assert latest(Settings.read(), "acme").about["source"] == "acme"
    assert "20 of" in run(capsys, "list").splitlines()[0]
    run(capsys, "score")
    with (home / "acme" / "churn.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert ",".join(f'"{name}"' for name in rows[0]) == SHOWN[-1]
    assert len(rows) > 100

    with served(home) as address:
        for words in (words for words in COMMANDS if words[0] == "curl"):
            answer = asked(address, words)
            assert answer.status_code == 200, answer.text
        assert answer.json()["periods"]

    run(capsys, "retrain")
    assert latest(Settings.read(), "acme")


def test_the_source_file_of_a_french_crm_reads_its_exports(tmp_path: Path) -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "source.toml").write_text(toml, encoding="utf-8")
    contacts = "N° client;Créé le;Origine;Commentaire;Région\r\n0012;31/01/2025;Salon;rappeler; Île-de-France\r\n"
    (tmp_path / "contacts.csv").write_bytes(contacts.encode("cp1252"))
    for year, row in ((2024, "0012;05/02/2024;1 234,56;magasin"), (2025, "0013;17/03/2025;-12,50;téléphone")):
        (tmp_path / f"ventes-{year}.csv").write_bytes(f"Client;Date;Montant TTC;Canal\r\n{row}\r\n".encode("cp1252"))
    facts = open_source(tmp_path / "source.toml", threads=1)
    (contact,) = facts.tables["contacts"].to_pyarrow().to_pylist()
    assert (contact["contact_id"], str(contact["created_at"]), contact["source_channel"]) == ("0012", "2025-01-31 00:00:00", "Salon")
    assert contact["Région"] == "Île-de-France"
    assert "Commentaire" not in contact
    sold = facts.tables["transactions"].order_by("occurred_at").to_pyarrow().to_pylist()
    assert [(row["contact_id"], row["amount"], row["channel"]) for row in sold] == [
        ("0012", 1234.56, "magasin"),
        ("0013", -12.5, "téléphone"),
    ]


@contextmanager
def served(home: Path) -> Iterator[str]:
    """Serve as written, on a free port, until it is interrupted as by Ctrl-C."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = [sys.executable, "-m", "funnelcast.cli", *command("serve"), "--port", str(port)]
    with (home / "serve.log").open("w") as log, subprocess.Popen(words, cwd=home, env={**os.environ}, stdout=log, stderr=log) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            _await_ready(address, process)
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0, (home / "serve.log").read_text()


def _await_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail("the service ended before it was ready")


def asked(address: str, words: list[str]) -> httpx.Response:
    """Ask what a line of curl asks, and as it does."""
    given = dict(pairwise(words))
    url = next(word for word in words if word.startswith("http")).replace("http://127.0.0.1:3000", address)
    if "-d" not in given:
        return httpx.get(url, timeout=60)
    kind = given.get("-H", "content-type: application/x-www-form-urlencoded").removeprefix("content-type: ")
    return httpx.post(url, content=given["-d"], headers={"content-type": kind}, timeout=60)
