"""What a model loses with its age: trained ever earlier and judged beside one trained freshly, on the same rows of simulated companies.

Run as ``python -m benchmarks.ageing [companies] [contacts]``. What is lost is a share of the simple rule's loss, as skill is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.families.family import Development, Options
from funnelcast.families.lead_scoring import FAMILY as LEADS
from funnelcast.families.scoring.family import ScoringFamily
from funnelcast.settings import CHECKOUT, Settings
from funnelcast.simulate import company
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf
from training.train import default_as_of

AGES = (28, 84, 168, 336)
_MONTHS = 48  # so that the oldest model too has as many dates to fit on as its spec allows


def aged(companies: int, contacts: int) -> Iterator[dict[str, object]]:
    """Give, by company, family and age, the share of the simple rule's loss that the old model loses more than the fresh one."""
    options = Options(trials=1, threads=Settings.read().threads)
    specs = {family.name: read(CHECKOUT / "models", family.name) for family in (CHURN, LEADS)}
    for seed in range(companies):
        facts = company(contacts, seed=seed, months=_MONTHS).facts()
        for family in (CHURN, LEADS):
            for row in _of_family(facts, family, specs[family.name], options, seed):
                print(row, file=sys.stderr, flush=True)
                yield row


def _of_family(facts: Facts, family: ScoringFamily, spec: Spec, options: Options, seed: int) -> Iterator[dict[str, object]]:
    now = default_as_of(facts).plus(-spec.horizon_days)
    rows = family.matured(facts, spec, now)
    if rows is None:
        return
    fresh = _trained(facts, family, spec, now, options)
    simple, own = (float(family.losses(model, rows).mean()) for model in (fresh.baseline, fresh.model))
    for age in AGES:
        old = _trained(facts, family, spec, now.plus(-age), options).model
        lost = (float(family.losses(old, rows).mean()) - own) / simple
        yield {"family": family.name, "company": seed, "age": age, "lost": lost, "skill": 1 - own / simple}


def _trained(facts: Facts, family: ScoringFamily, spec: Spec, as_of: AsOf, options: Options) -> Development:
    known = replace(cut(facts, as_of), observed_until=as_of)
    return family.develop(known, spec, as_of, options)


def _shown(table: pd.DataFrame) -> Table:
    shown = Table("model", "skill fresh", *(f"lost after {age} days" for age in AGES), "a day", "companies")
    for family, rows in table.groupby("family"):
        by_age = rows.pivot_table(index="company", columns="age", values="lost")
        cells = [f"{by_age[age].mean():+.4f} ± {by_age[age].std() / len(by_age) ** 0.5:.4f}" for age in AGES]
        ages = np.array(AGES, dtype=np.float64)
        rates = by_age.to_numpy() @ ages / (ages @ ages)  # least squares through nothing lost at age 0
        rate = f"{rates.mean():.2e} ± {rates.std(ddof=1) / len(rates) ** 0.5:.1e}"
        shown.add_row(str(family), f"{rows['skill'].mean():.3f}", *cells, rate, str(len(by_age)))
    return shown


def main() -> None:
    """Print the table."""
    companies, contacts = (int(given) for given in (*sys.argv[1:], *("10", "4000")[len(sys.argv) - 1 :]))
    Console(width=160).print(_shown(pd.DataFrame(aged(companies, contacts))))


if __name__ == "__main__":
    main()
