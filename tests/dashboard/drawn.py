"""What stands in a chart: its labels and where they lie, its axes, and the data that it was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator


@dataclass(frozen=True)
class Chart:
    """One chart as it was drawn."""

    name: str
    said: str
    """What a screen reader says of it."""
    labels: list[dict[str, Any]]
    left: float
    right: float
    titled: list[tuple[str, str, str]]
    """Name, type and title of each axis."""
    traces: list[dict[str, Any]]
    marks: int
    """Lines, bars, points, nodes: what stands for data."""

    @classmethod
    def read(cls, plot: Locator) -> Chart:
        """Read a chart that was drawn."""
        return cls(
            plot.get_attribute("data-chart") or "", plot.get_attribute("aria-label") or "", **plot.evaluate("(plot) => looking.chart(plot)")
        )

    def overlapping(self) -> list[tuple[str, str]]:
        """Give pairs of labels that lie over each other by more than a pixel."""
        pairs = [(one, other) for place, one in enumerate(self.labels) for other in self.labels[:place]]
        return [
            (one["said"], other["said"])
            for one, other in pairs
            if _common(one, other, "left", "right") and _common(one, other, "top", "bottom")
        ]

    def cut_off(self) -> list[str]:
        """Give labels that leave the chart."""
        return [label["said"] for label in self.labels if label["left"] < self.left - 1 or label["right"] > self.right + 1]

    def untitled(self) -> list[str]:
        """Give axes that don't say what they measure; one whose marks are names needs no title."""
        return [name for name, kind, title in self.titled if kind not in {"category", "multicategory"} and not title.strip()]


def _common(one: dict[str, Any], other: dict[str, Any], low: str, high: str) -> bool:
    return bool(min(one[high], other[high]) - max(one[low], other[low]) > 1)
