"""How many trials a search needs that begins with the best of last month's, beside one that begins from nothing, on simulated companies.

Run as ``python -m benchmarks.warm_start [companies] [contacts]``: a search a month ago, then a warm and a cold one now, as long as each
other. Counted are the trials until the lowest loss that the cold one found.
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
_MONTH = 28


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
            needed = {f"{how}_trials": _first_at(found, lowest) for how, found in best.items()}
            row = {"family": family.name, "company": seed, **needed, "gain": 1 - float(best["warm"][-1]) / lowest}
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
    shown = Table("model", "cold: trials to its best", "warm: trials to that", "warm reached it", "its loss lies below by", "companies")
    for family, rows in table.groupby("family"):
        reached = rows["warm_trials"].notna()
        warm = rows["warm_trials"].fillna(TRIALS + 1)
        cells = [f"{rows['cold_trials'].median():.0f}", f"{warm.median():.0f}", f"{reached.sum()}", f"{100 * rows['gain'].mean():.2f} %"]
        shown.add_row(str(family), *cells, str(len(rows)))
    Console(width=160).print(shown)


if __name__ == "__main__":
    main()
