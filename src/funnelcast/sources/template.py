"""Templates of source.toml for the exports of other systems: package data, one folder each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from funnelcast.artefacts import write_file
from funnelcast.errors import NotFound, UsageError
from funnelcast.sources.source_file import NAME

FOLDER = Path(__file__).with_name("templates")

_SECTION = re.compile(r"\n\n(?=(?:#[^\n]*\n)*\[[a-z])")
_HEAD = re.compile(r"^\[([a-z_.]+)\]", re.MULTILINE)


def names() -> tuple[str, ...]:
    """Name every template."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/source.toml")))


def text(name: str) -> str:
    """Give one template.

    Raises
    ------
    NotFound
        There is none of this name.
    """
    if name not in names():
        raise NotFound(what="template", name=name, advice=f"There are {', '.join(names())}.")
    return (FOLDER / name / "source.toml").read_text(encoding="utf-8")


def guide(name: str) -> list[str]:
    """Say what to export for a template, and where to put it."""
    return [line.removeprefix("#").removeprefix(" ") for line in _parts(text(name))[0].splitlines()]


def brings(name: str) -> list[str]:
    """Name the tables that a template brings."""
    return list(tomllib.loads(text(name))["tables"])


def composed(chosen: Sequence[str]) -> str:
    """Give one source.toml for several systems: a table that two of them bring has the rows of both; of other sections the first counts.

    Raises
    ------
    NotFound
        There is no template of one of these names.
    UsageError
        Two of them bring a table that isn't given by a query.
    """
    first, *others = (text(name) for name in dict.fromkeys(chosen))
    guides, sections = _parts(first)
    for other in others:
        more, further = _parts(other)
        guides += f"\n\n{more}"
        for head, section in further.items():
            sections[head] = _joined(head, sections[head], section) if head in sections else section
    return "\n\n".join([guides, *sections.values()]) + "\n"


def write(chosen: Sequence[str], out: Path) -> Path:
    """Write a source.toml, named after its folder where that is a name.

    Raises
    ------
    UsageError
        There is one already.
    """
    path = out / "source.toml"
    toml = composed(chosen)
    if path.exists():
        raise UsageError(reason=f"{path} is there already; name another folder, or remove it first.")
    company = out.resolve().name
    out.mkdir(parents=True, exist_ok=True)
    named = toml.replace('name = "acme"', f'name = "{company}"', 1) if NAME.fullmatch(company) else toml
    write_file(path, named.encode())
    return path


def _parts(toml: str) -> tuple[str, dict[str, str]]:
    """Cut a template into what stands before its first section, and its sections by their heads, each with the comment before it."""
    head, *sections = _SECTION.split(toml.strip())
    return head, {_HEAD.findall(section)[0]: section for section in sections}


def _joined(head: str, one: str, other: str) -> str:
    if one == other or not head.startswith("tables."):
        return one
    mine, theirs = (_table(section) for section in (one, other))
    if set(mine) != {"sql"} or set(theirs) != {"sql"}:
        raise UsageError(
            reason=f"Two of these templates bring [{head}], and one of them doesn't by a query: write their source.toml by hand."
        )
    comments = "".join(f"{line}\n" for section in (one, other) for line in section.splitlines() if line.startswith("#"))
    both = "union all by name".join(f"\nfrom (\n{table['sql']})\n" for table in (mine, theirs)).lstrip("\n")
    return f"{comments}[{head}]\nsql = '''\n{both}'''"


def _table(section: str) -> Mapping[str, str]:
    document = tomllib.loads(section)
    table: Mapping[str, str] = next(iter(document["tables"].values()))
    return table
