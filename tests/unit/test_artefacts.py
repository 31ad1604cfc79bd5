from __future__ import annotations

from pathlib import Path

import pytest

from funnelcast.artefacts import digest, read_folder, to_json, write_file, write_folder
from funnelcast.errors import ArtefactDamaged

FILES = {"model.json": b'{"a": 1}\n', "plots/curve.txt": b"1 2 3"}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_folder(tmp_path / "v1", FILES)
    assert read_folder(tmp_path / "v1") == FILES


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda folder: (folder / "model.json").write_bytes(b'{"a": 2}\n'), "SHA-256"),
        (lambda folder: (folder / "model.json").unlink(), "model.json"),
        (lambda folder: (folder / "extra.pkl").write_bytes(b"\x80\x04."), "extra.pkl"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"{"), "manifest.json"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json"),
    ],
    ids=["changed", "missing", "added", "torn manifest", "no manifest"],
)
def test_a_damaged_folder_is_never_parsed(tmp_path: Path, damage: object, word: str) -> None:
    write_folder(tmp_path / "v1", FILES)
    damage(tmp_path / "v1")  # type: ignore[operator]
    with pytest.raises(ArtefactDamaged, match=word):
        read_folder(tmp_path / "v1")


def test_a_folder_is_immutable_and_nothing_is_half_written(tmp_path: Path) -> None:
    write_folder(tmp_path / "v1", FILES)
    with pytest.raises(FileExistsError):
        write_folder(tmp_path / "v1", {})
    with pytest.raises(TypeError):
        write_folder(tmp_path / "v2", {"good": b"1", "bad": None})  # type: ignore[dict-item]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v1"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    write_file(tmp_path / "pointer.json", b"old")
    with pytest.raises(TypeError):
        write_file(tmp_path / "pointer.json", "text, not bytes")  # type: ignore[arg-type]
    assert (tmp_path / "pointer.json").read_bytes() == b"old"
    write_file(tmp_path / "pointer.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["pointer.json"]
    assert (tmp_path / "pointer.json").read_bytes() == b"new"


def test_json_has_one_form_and_knows_no_nan() -> None:
    assert to_json({"b": 1, "a": [1.5, "é"]}) == to_json({"a": [1.5, "é"], "b": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"a": float("nan")})


def test_a_digest_sees_names_and_contents() -> None:
    assert digest({"a": b"1", "b": b"2"}) == digest({"b": b"2", "a": b"1"})
    assert len({digest(files) for files in ({"a": b"1"}, {"b": b"1"}, {"a": b"2"}, {"a": b"1", "b": b""})}) == 4
