"""How near the learned points of touches come to the truth of simulated companies: `python -m benchmarks.lead_points`.

The truth is what a touch of each kind adds to a lead's hazard, as a rule would have to say it that counts an hour as two touches. It is put
on the learned points' scale: the same total over the same leads.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from funnelcast.cohorts import open_leads
from funnelcast.families.lead_scoring.bridge import scaled
from funnelcast.families.lead_scoring.exposure import by_kind
from funnelcast.families.lead_scoring.learning import learn
from funnelcast.families.lead_scoring.risk import weekly_rows
from funnelcast.features.touches import points
from funnelcast.labels import LABEL
from funnelcast.simulate import Company, company
from funnelcast.simulate.world import KINDS, World

WORLDS: Mapping[str, World] = {
    "channels follow intent": World(),
    "channels are blind": World(chasing=0.0),
}
_COMPANIES, _CONTACTS, _SEED = 24, 10_000, 3_000
_HISTORY_DAYS, _ACTIVE_DAYS = 120, 365


def true_points(simulated: Company) -> dict[str, float]:
    """Give what a touch of each kind adds to the hazard, per unit of (1 + hours): the mean pull over the mean of that."""
    touches = simulated.tables["touchpoints"].to_pandas()
    minutes = touches["duration_minutes"].fillna(0.0).groupby(touches["kind"])
    typical = {kind.name: kind for kind in KINDS}
    return {
        str(name): typical[str(name)].worth * _pull(found, typical[str(name)].minutes) / float((1 + found / 60).mean())
        for name, found in minutes
        if typical[str(name)].worth
    }


def study(simulated: Company, seed: int = 1, *, shuffle: bool = False) -> pd.DataFrame:
    """Learn the points of a company's touches from all of its weeks; one row per kind: rule, true, learned, low, high, half_life.

    ``shuffle`` deals the outcomes anew among the rows, so that nothing can be learned.
    """
    facts, rule = simulated.facts(), points(simulated.facts())
    until = facts.observed_until
    assert until is not None  # noqa: S101 (a simulated company has an end)
    first = until.plus(-simulated.market.seasons.days + _HISTORY_DAYS)
    weeks = weekly_rows(facts, lambda known, dates: open_leads(known, dates, _ACTIVE_DAYS), first, until, seed)
    if shuffle:
        weeks[LABEL] = np.random.default_rng(seed).permutation(weeks[LABEL])
    found = learn(facts, weeks, rule, seed)
    assert found is not None  # noqa: S101 (its leads are touched)
    judged = by_kind(facts, weeks.drop_duplicates("contact_id", keep="last"), [found.half_life])
    totals = dict(zip(judged.kinds, judged.faded[0].sum(axis=0), strict=True))
    earned = np.array([totals[kind] for kind in found.kinds])
    by_rule, truth = (np.array([known[kind] for kind in found.kinds]) for known in (rule, true_points(simulated)))
    middle, low, high = scaled(found, earned, float(by_rule @ earned))
    true = truth * (by_rule @ earned) / (truth @ earned)
    columns = {"kind": found.kinds, "rule": by_rule, "true": true, "learned": middle, "low": low, "high": high}
    return pd.DataFrame(columns).assign(half_life=found.half_life)


def _pull(minutes: pd.Series, typical: float) -> float:
    return float(np.sqrt(minutes / typical).mean()) if typical else 1.0


def main() -> None:
    """Print the study of many companies: `python -m benchmarks.lead_points [companies contacts]`."""
    companies, contacts = (int(given) for given in sys.argv[1:]) if sys.argv[1:] else (_COMPANIES, _CONTACTS)
    console = Console(width=140)
    for name, world in WORLDS.items():
        simulated = [company(contacts, seed=_SEED + number, world=world) for number in range(companies)]
        rows = pd.concat([study(one).assign(company=number) for number, one in enumerate(simulated)])
        dealt = pd.concat([study(one, shuffle=True, seed=number) for number, one in enumerate(simulated)])
        console.print(_table(f"{companies} companies of {contacts:,} contacts, {name}", rows))
        console.print(_summary(rows, dealt), highlight=False)


def _table(title: str, rows: pd.DataFrame) -> Table:
    table = Table("kind", "rule", "true", "learned, mean", "deviation", "low, mean", "high, mean", "covered", title=title)
    for kind, found in rows.groupby("kind"):
        means = [f"{found[column].mean():.1f}" for column in ("rule", "true", "learned")]
        ends = [f"{found[column].mean():.1f}" for column in ("low", "high")]
        table.add_row(str(kind), *means, f"{found['learned'].std():.1f}", *ends, f"{_inside(found, 'true').mean():.0%}")
    return table


def _summary(rows: pd.DataFrame, dealt: pd.DataFrame) -> str:
    ranks = [float(spearmanr(found["true"], found["learned"]).statistic) for _, found in rows.groupby("company")]
    half_lives = rows.groupby("company")["half_life"].first()
    corrected = rows[~_inside(rows, "rule")]
    right = (corrected["true"] > corrected["rule"]) == (corrected["learned"] > corrected["rule"])
    return (
        f"true points inside {_inside(rows, 'true').mean():.0%} of the 90 % intervals; "
        f"rank correlation with the truth {np.mean(ranks):.2f} ({min(ranks):.2f} to {max(ranks):.2f}); "
        f"half-life {half_lives.median():.0f} days ({half_lives.min():.0f} to {half_lives.max():.0f}; true: {World().half_life:.0f}); "
        f"corrected: {len(corrected) / len(rows):.1%} of the rule's points ({right.mean():.0%} of them in the right direction), "
        f"{(~_inside(dealt, 'rule')).mean():.1%} where outcomes are shuffled"
    )


def _inside(rows: pd.DataFrame, column: str) -> pd.Series:
    return (rows["low"] <= rows[column]) & (rows[column] <= rows["high"])


if __name__ == "__main__":
    main()
