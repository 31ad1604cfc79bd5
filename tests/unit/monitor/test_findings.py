from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from funnelcast.monitor.findings import french
from funnelcast.settings import CHECKOUT

SAYS = {"warn": 2, "_warn": 1, "Rule": 2}
"""Which argument of a call is what a finding says."""


def warned() -> Iterator[str]:
    """Every sentence in the code of the sources that a warning may be made of, 17 in place of its variables."""
    for path in sorted((CHECKOUT / "src/funnelcast/sources").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                level = ast.unparse(node.args[0]) if node.args else ""
                if name in SAYS and not (name == "Rule" and level in {"'error'", "'note'"}):
                    yield from sentence(node.args[SAYS[name]])
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "says":
                choices = [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]
                yield from (one for choice in choices for one in sentence(choice))


def sentence(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "17" for part in node.values)
    elif isinstance(node, ast.Constant) and len(str(node.value).split()) > 2:
        yield str(node.value)


def test_every_warning_has_its_french() -> None:
    found = list(warned())
    assert len(found) >= 12
    assert [rule for rule in found if french(rule).startswith("«")] == []


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("lie before issued_at", "des dates précèdent issued_at"),
        ("lie after observed_until, 2025-12-31", "des dates dépassent observed_until, 2025-12-31"),
        (
            "rows belong to no contact (184 ids); they stay unmatched",
            "des lignes ne se rattachent à aucun contact (identifiants : 184) ; elles restent à part",
        ),
        ("x.csv has two columns 'a'; the second is called 'a_2'", "x.csv a deux colonnes 'a' ; la seconde est appelée 'a_2'"),
        ("something new", "« something new »"),
    ],
)
def test_what_a_finding_names_stays_in_its_french(rule: str, said: str) -> None:
    assert french(rule) == said
