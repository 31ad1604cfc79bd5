"""What a run's card says beside its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def money(amounts: Mapping[str, Any], spend: Mapping[str, Any]) -> str:
    """Tell the rule on returns and zero amounts and what it met, and how the value of a purchase is expected."""
    first = spend["first_purchase"]
    lines = [
        "## Amounts",
        "",
        f"- Rule: {amounts['rule']}.",
        (
            f"- {amounts['transactions']:,} transactions: {amounts['zero_amounts']:,} of zero, {amounts['negative_amounts']:,} negative; "
            f"{amounts['returned_share']:.1%} of what was bought came back."
        ),
        (
            f"- Value of a purchase: {spend['member']}{' (' + spend['reason'] + ')' if spend['reason'] else ''}; Spearman's correlation of "
            f"frequency and value {spend['spearman']:.2f} ({spend['spearman_low']:.2f} to {spend['spearman_high']:.2f})."
        ),
    ]
    if first is not None and not spend["reason"]:
        lines.append(f"- First purchase: {'used' if first['used'] else 'not used'}; {first['rule']}.")
    return "\n".join(lines)


def segments(document: Mapping[str, Any]) -> str:
    """Tell what the segments are worth."""
    sampled = document["simulated"] < document["customers"]
    lines = [
        "## CLV by segment",
        "",
        f"Mean CLV over {document['horizon_days']:.0f} days and total, each with its 80 % interval from {document['draws']} shared futures"
        + (f" of a sample of {document['simulated']:,} customers, scaled up." if sampled else "."),
    ]
    for found in document["tables"].values():
        lines += ["", f"| {found['title']['en']} | customers | mean | total | hold-out bias |", "|---|---|---|---|---|"]
        lines += [_line(row) for row in found["segments"]]
    lines += ["", *(f"- {name} is left out: {reason['en']}." for name, reason in document["missing"].items())]
    return "\n".join(lines).rstrip()


def _line(row: Mapping[str, Any]) -> str:
    mean, total = (f"{row[f'{name}_clv']:,.0f} ({row[f'{name}_p10']:,.0f} to {row[f'{name}_p90']:,.0f})" for name in ("mean", "total"))
    judged = row["holdout"]
    bias = "" if judged is None or judged["bias_pct"] is None else f"{judged['bias_pct']:+.0f} %"
    return f"| {row['label']['en']} | {row['customers']:,} | {mean} | {total} | {bias} |"
