from __future__ import annotations

import json
import subprocess
import sys

import pytest

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
