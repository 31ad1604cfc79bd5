"""Folders of numbers on disk: written beside and renamed, and never read before their SHA-256 sums are checked.

An artefact holds LightGBM's text format and JSON, never code and never a customer.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from funnelcast.errors import ArtefactDamaged
from funnelcast.terms import Json

MANIFEST = "manifest.json"


def to_json(document: object) -> bytes:
    """Give the one byte form of a JSON document: sorted keys, no NaN, a line end."""
    return (json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest(files: Mapping[str, bytes]) -> str:
    """Give one SHA-256 over names and contents."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return total.hexdigest()


def write_file(path: Path, content: bytes) -> None:
    """Replace a file at once: a reader sees the old bytes or the new ones, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)  # noqa: PTH105 (atomic, and the pair of mkstemp)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a new folder with its manifest at once; nothing is there until all of it is.

    Raises
    ------
    FileExistsError
        The folder exists: artefacts are immutable.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        raise FileExistsError(folder)
    sums: dict[str, Json] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for name, content in {**files, MANIFEST: to_json(sums)}.items():
            write_file(beside / name, content)
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    _sync_folder(folder.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder at once: from its name on, nobody finds half of it; what a crash leaves behind starts with a dot."""
    gone = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    shutil.rmtree(gone)
    _sync_folder(folder.parent)


def read_folder(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder after checking it against the manifest.

    Raises
    ------
    ArtefactDamaged
        A file is missing, added or changed.
    """
    try:
        sums = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise ArtefactDamaged(folder=folder.name, reason=f"no readable {MANIFEST} ({type(error).__name__})") from error
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    if present != set(sums):
        difference = sorted(present.symmetric_difference(sums))
        raise ArtefactDamaged(folder=folder.name, reason=f"files and manifest differ in {', '.join(difference)}")
    files = {name: (folder / name).read_bytes() for name in sums}
    changed = sorted(name for name, content in files.items() if hashlib.sha256(content).hexdigest() != sums[name])
    if changed:
        raise ArtefactDamaged(folder=folder.name, reason=f"the SHA-256 sum of {', '.join(changed)} is not the manifest's")
    return files


def mark(path: Path) -> tuple[str, int, int, int]:
    """Give what tells a replaced or rewritten file or folder from the one before; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), found.st_mtime_ns, found.st_ino, found.st_size


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes that come here for the same folder waiting until the block ends; a crash ends it too."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
