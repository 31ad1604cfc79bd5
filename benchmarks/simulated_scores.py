"""Churn and lead scores beside the best that the observable history allows, on simulated companies.

Run as ``python -m benchmarks.simulated_scores [companies] [contacts]``. The best is the simulator's posterior given that history (Bayes
under the very laws that drew it), not the latent rates that nobody can see.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from funnelcast.evaluate.calibration import intercept_of, slope_of
from funnelcast.evaluate.metrics import log_losses, roc_auc
from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.families.family import Options
from funnelcast.families.lead_scoring import FAMILY as LEADS
from funnelcast.settings import CHECKOUT, Settings
from funnelcast.simulate import company
from funnelcast.simulate.churn_posterior import silence
from funnelcast.simulate.lead_posterior import conversion
from funnelcast.spec import read
from funnelcast.terms import AsOf

DATES = ("2025-03-01", "2025-07-01", "2025-10-03")
_CASES = (("churn", CHURN, silence), ("lead_scoring", LEADS, conversion))
_FEWEST_EVENTS = 200


def judged(companies: int, contacts: int) -> Iterator[pd.DataFrame]:
    """Give each fold's rows: outcome, model, baseline and best probability, and the channel that brought the contact."""
    threads = Settings.read().threads
    for seed in range(companies):
        simulated = company(contacts, seed=seed)
        facts = simulated.facts()
        for name, family, best in _CASES:
            spec = read(CHECKOUT / "models", name)
            for date in DATES:
                as_of = AsOf.parse(date, facts.source.timezone)
                found = family.develop(facts, spec, as_of, Options(threads=threads))
                rows = found.newest
                posterior = best(simulated, datetime.fromisoformat(date), spec.horizon_days).to_pandas().set_index("contact_id")
                told = {
                    side: model.predict(rows[list(model.columns)])["probability"].to_numpy()
                    for side, model in (("model", found.judged), ("baseline", found.judged_baseline))
                }
                yield pd.DataFrame(
                    {
                        "family": name,
                        "fold": f"{seed} {date}",
                        "channel": rows["source_channel"].to_numpy(),
                        "outcome": rows["label"].to_numpy(float),
                        "best": posterior["probability"].reindex(rows["contact_id"]).to_numpy(),
                        **told,
                    }
                ).dropna(subset=["best"])  # the posterior knows those alone whom the company's own table knows


def by_fold(rows: pd.DataFrame) -> pd.DataFrame:
    """Give the figures of each fold."""
    found = []
    for (family, fold), own in rows.groupby(["family", "fold"], sort=False):
        outcome = own["outcome"].to_numpy()
        figures = {f"auc_{side}": roc_auc(outcome, own[side].to_numpy()) for side in ("best", "model", "baseline")}
        figures |= {f"loss_{side}": float(log_losses(outcome, own[side].to_numpy()).mean()) for side in ("best", "model", "baseline")}
        slope, shift = slope_of(outcome, own["model"].to_numpy()), intercept_of(outcome, own["model"].to_numpy())
        found.append({"family": family, "fold": fold, "events": int(outcome.sum()), **figures, "slope": slope, "intercept": shift})
    return pd.DataFrame(found)


def by_channel(rows: pd.DataFrame) -> pd.DataFrame:
    """Give the calibration of each channel over all folds, where it has events enough."""
    found = []
    for (family, channel), own in rows.groupby(["family", "channel"]):
        outcome = own["outcome"].to_numpy()
        if min(outcome.sum(), outcome.size - outcome.sum()) >= _FEWEST_EVENTS:
            slopes = {side: slope_of(outcome, own[side].to_numpy()) for side in ("model", "best")}
            found.append({"family": family, "channel": channel, "events": int(outcome.sum()), **slopes})
    return pd.DataFrame(found)


def main() -> None:
    """Print the gaps to the best by fold and on average, and the calibration by channel."""
    companies, contacts = (int(value) for value in [*sys.argv[1:], "3", "10000"][:2])
    console = Console(width=160)
    rows = pd.concat(judged(companies, contacts), ignore_index=True)
    folds = by_fold(rows)
    _show(console, f"{companies} companies of {contacts:,} contacts", folds)
    for family, own in folds.groupby("family", sort=False):
        gap, margin = own["auc_best"] - own["auc_model"], own["auc_model"] - own["auc_baseline"]
        error = gap.std(ddof=1) / np.sqrt(len(gap))
        console.print(
            f"{family}: AUC {gap.mean():.4f} below the best (standard error {error:.4f}), {margin.mean():.3f} above the baseline; "
            f"log-loss {(own['loss_model'] - own['loss_best']).mean():.4f} above the best, slope {own['slope'].mean():.3f}",
            highlight=False,
        )
    _show(console, f"calibration slope by channel, {_FEWEST_EVENTS} events or more", by_channel(rows))


def _show(console: Console, title: str, frame: pd.DataFrame) -> None:
    table = Table(*frame.columns, title=title)
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{value:.4f}" if isinstance(value, float) else str(value) for value in row))
    console.print(table)


if __name__ == "__main__":
    main()
