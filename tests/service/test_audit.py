from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from serving.audit import AuditLog

WRITER = """
import sys
from pathlib import Path
from serving.audit import AuditLog

log = AuditLog(Path(sys.argv[1]), largest=20_000, kept=1_000)
for number in range(400):
    log.append([f'{{"who": "{sys.argv[2]}", "number": {number}, "{"x" * 100}": 1}}'.encode()])
"""


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]


def test_lines_are_appended_for_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "audit"
    for number in range(3):
        AuditLog(folder).append([json.dumps({"number": number}).encode()])
    assert [line["number"] for line in lines(folder)] == [0, 1, 2]
    assert (folder / "audit.jsonl").stat().st_mode & 0o077 == 0


def test_workers_share_the_file_and_its_renaming_without_a_lost_or_mixed_line(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in ("a", "b", "c")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = lines(tmp_path)
    for name in ("a", "b", "c"):
        assert [line["number"] for line in found if line["who"] == name] == list(range(400))
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) > 5
    assert max(sizes) < 21_000


def test_only_the_newest_files_stay(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, largest=100, kept=2)
    for number in range(40):
        log.append([json.dumps({"number": number, "x": "x" * 30}).encode()])
    assert len(list(tmp_path.iterdir())) == 3
    numbers = [line["number"] for line in lines(tmp_path)]
    assert sorted(numbers) == list(range(40 - len(numbers), 40))  # type: ignore[type-var]


def test_a_file_that_was_taken_away_is_begun_anew(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.append([b"{}"])
    (tmp_path / "audit.jsonl").unlink()
    log.append([b'{"number": 2}'])
    assert lines(tmp_path) == [{"number": 2}]


def test_what_the_disk_refuses_is_said_and_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "audit").write_text("a file where the folder should be")
    with caplog.at_level(logging.ERROR):
        AuditLog(tmp_path / "audit").append([b"{}"])
    assert "audit log can't be written" in caplog.text
