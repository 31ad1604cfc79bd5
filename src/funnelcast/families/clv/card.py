"""What a run's card says beside its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SUMS = {"groups_of_200": "groups of 200 at random", "deciles": "tenths by prediction"}


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


def groups(document: Mapping[str, Any]) -> str:
    """Tell whether the purchase process differs by how customers were won, and how far the groups lie apart."""
    lines = ["## Groups", "", f"{document['said'][:1].upper()}{document['said'][1:]}."]
    for fit in [document["shipped"]] if "shipped" in document else document["tried"]:
        names = list(fit["spread_of_logarithms"])
        spread = ", ".join(f"{name} {value:.2f}" for name, value in fit["spread_of_logarithms"].items())
        lines += [
            "",
            f"By {fit['column']}, evidence {fit['evidence']:.1f}; standard deviations of the logarithms between groups: {spread}.",
        ]
        lines += ["", f"| group | customers | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
        for group in fit["groups"]:
            own = " | ".join(f"{group['parameters'][name]:.3g}" for name in names)
            lines.append(f"| {group['group']} | {group['customers']:,} | {own} |")
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
        lines += ["", found["note"]["en"]]
    lines += ["", *(f"- {name} is left out: {reason['en']}." for name, reason in document["missing"].items())]
    return "\n".join(lines).rstrip()


def intervals(coverage: Mapping[str, Any], pit: Mapping[str, Any]) -> str:
    """Tell how often sums of the hold-out lay within their intervals, and how evenly single customers within their predictions."""
    lines = ["## Intervals in the hold-out", "", f"Of {coverage['customers']:,} customers, in {coverage['draws']:,} simulated futures.", ""]
    lines += ["| sums of | sums | 50 % held | 80 % held | 90 % held |", "|---|---|---|---|---|"]
    for name in ("purchases", "spent"):
        lines += [f"| {name}, {words} | {_held(coverage[name][kind])} |" for kind, words in _SUMS.items()]
    totals = [
        f"{name} {total['actual']:,.0f}, in eight futures of ten {total['p10']:,.0f} to {total['p90']:,.0f}"
        for name, total in ((name, coverage[name]["total"]) for name in ("purchases", "spent"))
    ]
    shares = " ".join(f"{100 * share:.1f}" for share in pit["bins"])
    distance = f"Kolmogorov-Smirnov distance {pit['ks']:.4f}, by chance below {pit['ks_by_chance']:.4f} in 99 of 100"
    lines += ["", f"In total: {'; '.join(totals)}.", "", f"Randomised PIT of single customers, % by tenth: {shares}; {distance}."]
    return "\n".join(lines)


def _held(found: Mapping[str, Any]) -> str:
    return " | ".join([str(found["sums"]), *(f"{100 * found[f'coverage_{level}']:.0f} %" for level in (50, 80, 90))])


def _line(row: Mapping[str, Any]) -> str:
    mean, total = (f"{row[f'{name}_clv']:,.0f} ({row[f'{name}_p10']:,.0f} to {row[f'{name}_p90']:,.0f})" for name in ("mean", "total"))
    judged = row["holdout"]
    bias = "" if judged is None or judged["bias_pct"] is None else f"{judged['bias_pct']:+.0f} %"
    return f"| {row['label']['en']} | {row['customers']:,} | {mean} | {total} | {bias} |"
