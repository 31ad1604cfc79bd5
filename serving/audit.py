"""The audit log: who asked what, when, of which models and with what outcome, without a word about the people in question.

An append-only file below the home. Whole lines are one write to a descriptor opened with O_APPEND, so that the lines of several workers
never mix. A file that has grown to its size is renamed by its time; the newest of those are kept.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from funnelcast.artefacts import alone_in

_log = logging.getLogger("funnelcast.serving")


class AuditLog:
    """The file of one home, shared by its workers.

    Parameters
    ----------
    folder
        Where ``audit.jsonl`` and its forerunners lie.
    largest
        Bytes at which the file is renamed.
    kept
        How many renamed files stay.
    """

    def __init__(self, folder: Path, *, largest: int = 64 * 2**20, kept: int = 10) -> None:
        self._folder, self._path = folder, folder / "audit.jsonl"
        self._largest, self._kept = largest, kept
        self._descriptor, self._inode = -1, -1

    def append(self, lines: Sequence[bytes]) -> None:
        """Keep some lines; where the disk refuses them the log says so, and the callers are answered all the same."""
        try:
            os.write(self._open(), b"".join([line + b"\n" for line in lines]))
        except OSError as error:
            _log.error("the audit log can't be written: %s", error.strerror)

    def _open(self) -> int:
        """Give the descriptor of the present file, which another worker may have renamed."""
        about = self._about()
        if about is not None and about.st_size >= self._largest:
            self._rename()
            about = self._about()
        if about is None or about.st_ino != self._inode:
            self._reopen()
        return self._descriptor

    def _reopen(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._inode = os.fstat(self._descriptor).st_ino

    def _rename(self) -> None:
        with alone_in(self._folder):
            about = self._about()
            if about is None or about.st_size < self._largest:
                return  # another worker was quicker
            self._path.rename(self._folder / f"audit-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.jsonl")
            for old in sorted(self._folder.glob("audit-*.jsonl"))[: -self._kept]:
                old.unlink()

    def _about(self) -> os.stat_result | None:
        try:
            return self._path.stat()
        except FileNotFoundError:
            return None
