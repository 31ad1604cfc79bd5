"""How far is each method's credit from what channels caused? `python -m benchmarks.attribution_truth [companies] [contacts] [--keep]`.

Simulated companies know it: `truth.json` says what each channel's absence would have cost. First purchases are judged by their expected
loss (over every lead's chance), each purchase by what falls away under common random numbers. The error is the total variation distance
between shares of credit and shares of the truth: half the sum of absolute differences, 0 where they agree, 1 where they have nothing in
common. `--keep` writes the table that the model's card and the README show.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from funnelcast.artefacts import to_json
from funnelcast.families.attribution.answer import METHODS, answer
from funnelcast.families.attribution.markov import choose_order
from funnelcast.families.attribution.setup import gather, setup_of
from funnelcast.families.attribution.truth import FILE, WORLDS, table_of
from funnelcast.settings import CHECKOUT
from funnelcast.simulate import Company, World, company
from funnelcast.spec import read

COMPANIES, CONTACTS = 20, 4_000
LAWS: Mapping[str, World] = {
    "none": World(chasing=0.0),
    "default": World(),
    "strong": World(chasing=1.5),
    "unseen": World(unmatched=0.5),
}
_TRUTHS = {
    "first": ("expected_incremental_conversions", "shapley_conversions"),
    "each": ("incremental_purchases",),
}


def judged(contacts: int, task: tuple[str, int]) -> list[dict[str, Any]]:
    """Score every method on one company of one world."""
    world, seed = task
    simulated = company(contacts, seed=seed, world=LAWS[world])
    return [
        {"world": world, "company": seed, **row}
        for conversions, truths in _TRUTHS.items()
        for row in _errors(simulated, conversions, {name: true_shares(simulated, name) for name in truths})
    ]


def true_shares(simulated: Company, name: str) -> pd.Series:
    """Give each channel's share of one of the truths, by channel."""
    channels: Any = simulated.truth["channels"]
    found = pd.Series({channel: float(said[name]) for channel, said in channels.items()})
    return found / found.sum()


def _errors(simulated: Company, conversions: str, truths: Mapping[str, pd.Series]) -> Iterator[dict[str, Any]]:
    spec = read(CHECKOUT / "models", "attribution")
    setup = setup_of(replace(spec, cohort={**spec.cohort, "conversions": conversions}, options={**spec.options, "replicates": 0}))
    facts = simulated.facts()
    assert facts.observed_until is not None  # noqa: S101 (a simulated company says so)
    gathered = gather(facts, setup, facts.observed_until)
    order = choose_order(gathered.paths, setup.orders, setup.minimum).order
    for method in METHODS:
        made = answer(gathered, setup, method, order)
        share = pd.Series(made.point.conversions / made.conversions, index=made.channels)
        for name, truth in truths.items():
            error = float(share.sub(truth, fill_value=0.0).abs().sum() / 2)
            yield {"conversions": conversions, "truth": name, "method": method, "error": error}


def main() -> None:
    """Print the mean error by method, kind of conversion, truth and world, each with its standard error over companies."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attribution_truth")
    parser.add_argument("companies", type=int, nargs="?", default=COMPANIES)
    parser.add_argument("contacts", type=int, nargs="?", default=CONTACTS)
    parser.add_argument("--keep", action="store_true", help="write the table that card and README show")
    options = parser.parse_args()
    console = Console(width=150)
    tasks = [(world, seed) for seed in range(options.companies) for world in LAWS]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = track(pool.map(partial(judged, options.contacts), tasks), "companies", len(tasks), console=console)
        rows = pd.DataFrame([row for one in found for row in one])
    table = table_of(rows, options.companies, options.contacts)
    shown = Table("conversions", "truth", "method", *WORLDS, title=f"{options.companies} companies of {options.contacts:,} contacts")
    for row in table["rows"]:
        shown.add_row(row["conversions"], row["truth"], row["method"], *(_cell(row["errors"][world]) for world in WORLDS))
    console.print(shown)
    _against_default(console, rows)
    if options.keep:
        FILE.write_bytes(to_json(table))


def _against_default(console: Console, rows: pd.DataFrame) -> None:
    """Print how much farther from the truth each method is than Markov, company by company."""
    for (conversions, world), own in rows[rows["truth"] != "shapley_conversions"].groupby(["conversions", "world"]):
        errors = own.pivot_table(index="company", columns="method", values="error")
        apart = errors.sub(errors["markov"], axis=0)[["shapley", "last", "first"]]
        said = ", ".join(f"{name} {apart[name].mean():+.3f} ± {apart[name].sem():.3f}" for name in apart)
        console.print(f"{conversions}, {world}: error beyond markov's: {said}", highlight=False)


def _cell(error: Mapping[str, float]) -> str:
    return f"{error['mean']:.3f} ± {error['standard_error']:.3f}"


if __name__ == "__main__":
    main()
