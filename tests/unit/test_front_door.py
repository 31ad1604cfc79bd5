from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from funnelcast.grammar import build_parser

SCRIPT = """
import contextlib, io, json, sys
before = set(sys.modules)
from funnelcast import cli
sys.argv = ["funnelcast", *json.loads(sys.argv[1])]
with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
    cli.main()
print(json.dumps({"said": said.getvalue(), "modules": sorted(set(sys.modules) - before)}))
"""


@pytest.mark.parametrize("asked", [["--help"], ["train", "--help"], ["serve", "--help"]])
def test_help_imports_the_standard_library_alone(asked: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, json.dumps(asked)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["said"].startswith("usage: funnelcast")
    packages = {
        name.partition(".")[0] for name in found["modules"] if not name.startswith("_sysconfigdata")
    }  # it bears the platform's name
    assert packages - sys.stdlib_module_names == {"funnelcast"}
    assert len([name for name in found["modules"] if name.startswith("funnelcast")]) < 12


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for further in action.choices.values():
                yield from parsers(further)


def test_every_argument_says_what_it_is() -> None:
    unsaid = [
        f"{parser.prog} {action.option_strings or action.dest}"
        for parser in parsers(build_parser())
        for action in parser._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]
    assert unsaid == []
