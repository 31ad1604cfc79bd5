"""The card of a run: the intent by hand, the figures, then what the family adds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from funnelcast.terms import AsOf
from training.recording import card


def test_sections_of_the_family_follow_the_figures(tmp_path: Path) -> None:
    (tmp_path / "leads").mkdir()
    (tmp_path / "leads" / "card.md").write_text("# leads\n\nFor calling.\n")
    development = SimpleNamespace(rows=3, metrics={"roc_auc": 0.75}, baseline_metrics={}, sections=("## One\n\nfirst", "## Two"))
    fitted: Any = SimpleNamespace(
        development=development,
        as_of=AsOf.parse("2025-01-01", "UTC"),
        spec=SimpleNamespace(seed=4, name="leads", intent=""),
        settings=SimpleNamespace(models=tmp_path),
    )
    assert card(fitted).decode() == (
        "# leads\n\nFor calling.\n\n## Figures of this version (as of 2025-01-01T00:00:00+00:00, 3 rows, seed 4)\n\n"
        "| metric | challenger | baseline |\n|---|---|---|\n| roc_auc | 0.75 |  |\n\n## One\n\nfirst\n\n## Two\n"
    )
