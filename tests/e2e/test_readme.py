"""The README is true: it names every command, endpoint and table, its TOML is read, and what it shows of a run was printed by one."""

from __future__ import annotations

import argparse
import re
import tomllib

import pytest
from starlette.routing import Route

from funnelcast.grammar import build_parser
from funnelcast.settings import CHECKOUT
from funnelcast.sources.schema import TABLES
from serving.app import _routes
from serving.openapi import openapi

README = (CHECKOUT / "README.md").read_text()


def section(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert found, f"README has no section between <!-- {name} --> and <!-- /{name} -->"
    return found.group(1).strip()


def commands() -> dict[str, str]:
    parser = build_parser()
    action = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {choice.dest: choice.help or "" for choice in action._choices_actions}


def test_every_command_is_listed_as_its_help_says() -> None:
    rows = [f"| `funnelcast {name}` | {what} |" for name, what in commands().items()]
    assert section("commands") == "\n".join(["| command | what it does |", "|---|---|", *rows])


def test_every_table_is_listed_with_its_columns() -> None:
    rows = [
        f"| {table.name} | {', '.join(f'**{column.name}**' if column.required else column.name for column in table.columns)} |"
        for table in TABLES.values()
    ]
    assert section("tables") == "\n".join(["| table | columns (**needed**) |", "|---|---|", *rows])


@pytest.mark.parametrize("path", sorted(openapi()["paths"]))
def test_every_endpoint_is_listed(path: str) -> None:
    method = next(iter(openapi()["paths"][path])).upper()
    assert re.search(rf"{method} {re.escape(path)}(?=[ ,|])", README), f"{method} {path} is not in the README"


def test_every_route_is_documented() -> None:
    routed = {route.path.replace(":path", "") for route in _routes() if isinstance(route, Route)}
    assert routed == set(openapi()["paths"])


def test_the_worked_source_file_is_toml() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    documents = [tomllib.loads(block) for block in blocks]
    assert [document["source"]["name"] for document in documents] == ["acme"]


def test_the_commands_shown_are_understood() -> None:
    shown = [line.split("#")[0].split()[1:] for line in README.splitlines() if line.startswith("funnelcast ")]
    assert shown
    for arguments in shown:
        build_parser().parse_args(arguments)
