from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

Rows = Callable[..., list[dict[str, object]]]
Said = Callable[..., list[str]]
Files = Mapping[str, str | bytes]


class Company:
    """A throw-away folder with a company's files and its source.toml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def source(self, toml: str, files: Files | None = None, **settings: str) -> Path:
        for name, content in (files or {}).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        given = {"name": "acme", "timezone": "Europe/Paris", **settings}
        head = "[source]\n" + "".join(f'{key} = "{value}"\n' for key, value in given.items())
        path = self.folder / "source.toml"
        path.write_text(head + toml, encoding="utf-8")
        return path
