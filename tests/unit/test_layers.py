"""Imports run downward only, as the layout says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from funnelcast.settings import CHECKOUT

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"terms", "errors", "settings", "artefacts", "spec", "client", "deadline", "spreadsheet"}),
    frozenset({"simulate", "sources"}),
    frozenset({"cohorts", "labels", "splits", "stamps", "journeys", "features"}),
    frozenset({"forecast", "families", "evaluate"}),
    frozenset({"tracking", "monitor", "economics", "snapshots", "champions", "answers", "worklist", "conversion_value"}),
    frozenset({"training", "serving"}),
    frozenset({"cli", "grammar", "commands", "terminal"}),
)
ONLY_IN = {
    "mlflow": {"src/funnelcast/tracking.py"},
    "lifetimes": {"src/funnelcast/families/clv"},
    "optuna": {"src/funnelcast/families/tuning.py"},
    "bentoml": {"serving"},
    "lightgbm": {"src/funnelcast/families/boosting.py"},
    "pyspark": {"src/funnelcast/sources/spark.py", "src/funnelcast/sources/spark_sql.py"},
}


def level(part: str) -> int:
    return next((rank for rank, parts in enumerate(LAYERS) if part in parts), -1)


def part_of(path: Path) -> str:
    relative = path.relative_to(CHECKOUT)
    if relative.parts[0] != "src":
        return relative.parts[0]
    return path.stem if len(relative.parts) == 3 else relative.parts[2]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def target(module: str) -> str | None:
    names = module.split(".")
    if names[0] == "funnelcast":
        return names[1] if len(names) > 1 else None
    return names[0] if names[0] in {"training", "serving"} else None


FILES = sorted(path for folder in ("src/funnelcast", "training", "serving") for path in (CHECKOUT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_imports_run_downward(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        return
    assert level(part) >= 0, f"{part} has no layer: give it one in DESIGN order"
    for module in imported(path):
        reached = target(module)
        if reached is None or reached == part:
            continue
        assert reached != "cli", "nothing imports the front door"
        assert {part, reached} != {"training", "serving"}, "training and serving never import each other"
        assert level(reached) <= level(part), f"{part} imports {reached}, which lies above it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_each_library_has_its_one_place(path: Path) -> None:
    where = str(path.relative_to(CHECKOUT))
    for module in imported(path):
        allowed = ONLY_IN.get(module.split(".")[0])
        assert allowed is None or any(where.startswith(place) for place in allowed), f"{where} imports {module}"


def test_no_family_imports_another() -> None:
    shared = {"family", "registry", "boosting", "softmax", "latent_rate", "table", "tuning", "scoring", "one_thread"}
    folder = CHECKOUT / "src/funnelcast/families"
    kinds = {path.stem for path in folder.iterdir() if not path.name.startswith("_")} - shared
    for path in folder.rglob("*.py"):
        own = path.relative_to(folder).parts[0].removesuffix(".py")
        if own in kinds:
            others = {module.split(".")[2] for module in imported(path) if module.startswith("funnelcast.families.")} & (kinds - {own})
            assert not others, f"{own} imports {others}"
