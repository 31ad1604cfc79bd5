"""How many trials a search needs that begins with the best of last month's, beside one that begins from nothing, on simulated companies.

Run as ``python -m benchmarks.warm_start [companies] [contacts]``: a search a month ago, then a warm and a cold one now, as long as each
other. Counted are the trials until the lowest loss that the cold one found, give or take a thousandth of it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.families.family import Options
from funnelcast.families.lead_scoring import FAMILY as LEADS
from funnelcast.families.scoring.family import ScoringFamily
from funnelcast.settings import CHECKOUT, Settings
from funnelcast.simulate import company
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf
from training.train import default_as_of

TRIALS = 24
NEAR = 0.001
"""A loss within a thousandth of the lowest counts as reached: settings so alike give the same answers."""
_MONTH, _FEW = 28, 5


def searched(companies: int, contacts: int) -> Iterator[dict[str, object]]:
    """Give, by company and family, after how many trials the cold and the warm search had what the cold one found at last."""
    specs = {family.name: read(CHECKOUT / "models", family.name) for family in (CHURN, LEADS)}
    for seed in range(companies):
        facts = company(contacts, seed=seed).facts()
        for family in (CHURN, LEADS):
            with tempfile.TemporaryDirectory() as cold_home, tempfile.TemporaryDirectory() as warm_home:
                cold, warm = Path(cold_home), Path(warm_home)
                now = default_as_of(facts)
                _search(facts, family, specs[family.name], now.plus(-_MONTH), warm)
                before = set(warm.iterdir())
                _search(facts, family, specs[family.name], now, warm)
                _search(facts, family, specs[family.name], now, cold)
                best = {"cold": _best_so_far(next(cold.iterdir())), "warm": _best_so_far(*(set(warm.iterdir()) - before))}
            lowest = float(best["cold"][-1])
            needed = {f"{how}_trials": _first_at(found, lowest * (1 + NEAR)) for how, found in best.items()}
            early = {f"{how}_behind": float(found[_FEW - 1]) / lowest - 1 for how, found in best.items()}
            row = {"family": family.name, "company": seed, **needed, **early, "gain": 1 - float(best["warm"][-1]) / lowest}
            print(row, file=sys.stderr, flush=True)
            yield row


def _search(facts: Facts, family: ScoringFamily, spec: Spec, as_of: AsOf, studies: Path) -> None:
    known = replace(cut(facts, as_of), observed_until=as_of)
    family.develop(known, spec, as_of, Options(trials=TRIALS, threads=Settings.read().threads, studies=studies))


def _best_so_far(study: Path) -> np.ndarray:
    trials = json.loads(study.read_bytes())["trials"]
    return np.minimum.accumulate([np.inf if trial["pruned"] else np.mean(trial["losses"]) for trial in trials])


def _first_at(best: np.ndarray, loss: float) -> int | None:
    reached = np.flatnonzero(best <= loss)
    return int(reached[0]) + 1 if reached.size else None


def main() -> None:
    """Print the table."""
    companies, contacts = (int(given) for given in (*sys.argv[1:], *("6", "3000")[len(sys.argv) - 1 :]))
    table = pd.DataFrame(searched(companies, contacts))
    heads = (
        "trials to the cold one's best: cold",
        "warm",
        "warm got there",
        f"behind it after {_FEW}: cold",
        "warm",
        "lower at the end by",
    )
    shown = Table("model", *heads, "companies")
    for family, rows in table.groupby("family"):
        reached = rows["warm_trials"].notna()
        warm = rows["warm_trials"].fillna(TRIALS + 1)
        behind = [f"{100 * rows[name].mean():.2f} %" for name in ("cold_behind", "warm_behind", "gain")]
        cells = [f"{rows['cold_trials'].mean():.1f}", f"{warm.mean():.1f}", f"{reached.sum()}", *behind]
        shown.add_row(str(family), *cells, str(len(rows)))
    Console(width=160).print(shown)


if __name__ == "__main__":
    main()
