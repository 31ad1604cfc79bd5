"""What a data scientist looks at: each method's credit with its interval."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from funnelcast.families.attribution.credit import LEVEL, Attribution


def credit_bars(answers: Mapping[str, Attribution]) -> Figure:
    """Draw the conversions that each method credits to each channel, with intervals."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    first = next(iter(answers.values()))
    ranked = np.argsort(-first.point.conversions, kind="stable")
    width = 0.8 / len(answers)
    for place, (name, answer) in enumerate(answers.items()):
        credit, (low, high) = answer.point.conversions, answer.interval
        spread = np.stack([credit - low, high - credit])[:, ranked]
        axes.bar(np.arange(len(ranked)) + place * width, credit[ranked], width, yerr=spread, label=name, error_kw={"linewidth": 0.8})
    axes.set_xticks(np.arange(len(ranked)) + 0.4 - width / 2, [first.channels[index] for index in ranked], rotation=45, ha="right")
    axes.set_ylabel(f"conversions credited ({LEVEL:.0%} interval)")
    axes.legend(ncols=2)
    return figure
