"""Whether the purchase process differs by how customers were won: fitted with partial pooling, chosen on an earlier hold-out.

One column at a time: the acquisition channel and the type of journey tell much of the same (a journey begins in the channel that it came
by), so that crossing them would give many small groups and little more. The likelier of the two is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from funnelcast.errors import SpecError, TooFewRows
from funnelcast.families.clv.acquisition import CHANNEL, TOUCHED, untold, with_acquisition
from funnelcast.families.clv.choice.pooling import Pooled, pool
from funnelcast.families.clv.choice.windows import Window
from funnelcast.families.clv.groups import GroupedModel, PurchaseModel
from funnelcast.families.clv.model import ClvModel
from funnelcast.families.clv.process.likelihood import bg_nbd
from funnelcast.families.clv.process.parameters import BgNbd, Floats
from funnelcast.families.clv.summary import purchases_of, summarise
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf, Json

COLUMNS = (CHANNEL, TOUCHED)
_FEWEST_CUSTOMERS, _MOST_GROUPS = 10, 50
_STRONG_EVIDENCE = 3.0  # a Bayes factor of 20: Kass and Raftery (1995), JASA 90


@dataclass(frozen=True)
class GroupFit:
    """A model with its groups, and how much likelier it makes the customers than one process for all (in ln L)."""

    model: GroupedModel
    pooled: Pooled
    gain: float
    customers: Mapping[str, int]

    def document(self) -> dict[str, Json]:
        """Give the groups with their parameters, and how far they differ."""
        names = list(self.model.process.document())
        return {
            "column": self.model.column,
            "evidence": self.gain,
            "spread_of_logarithms": dict(zip(names, self.pooled.spread.tolist(), strict=True)),
            "groups": [
                {"group": name, "customers": self.customers[name], "parameters": dict(model.process.document())}
                for name, model in self.model.groups.items()
            ],
        }


@dataclass(frozen=True)
class Choice:
    """Which column ships, if any, and what was measured on the hold-out that chose."""

    said: str
    column: str | None = None
    window: Window | None = None
    tried: tuple[GroupFit, ...] = ()
    measured: Mapping[str, Json] = field(default_factory=dict)

    def document(self) -> dict[str, Json]:
        """Give the choice as JSON."""
        found: dict[str, Json] = {"ships": self.column, "said": self.said, **self.measured}
        if self.window is not None:
            found |= {"chosen_from": self.window.start.isoformat(), "chosen_until": self.window.end.isoformat()}
        return {**found, "tried": [fit.document() for fit in self.tried]}


def columns_of(facts: Facts, spec: Spec) -> tuple[str, ...]:
    """Give the columns that [options] of spec.toml names under ``groups`` and that the company's facts tell.

    Raises
    ------
    SpecError
        One that isn't settled when a customer is won: what is known only later would foretell itself.
    """
    asked = [str(name) for name in spec.options.get("groups", ())]
    unknown = [name for name in asked if name not in COLUMNS]
    if unknown:
        reason = f"options.groups names {', '.join(unknown)}; it takes {' and '.join(COLUMNS)}"
        raise SpecError(path=f"models/{spec.name}/spec.toml", reason=reason)
    lacking = untold(facts)
    return tuple(name for name in asked if name not in lacking)


def counted(facts: Facts, as_of: AsOf, columns: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Aggregate the customers known before as_of in the engine to their distinct (group, frequency, recency, T), by column."""
    customers = with_acquisition(facts, as_of, summarise(facts, as_of)).cache()
    found = {}
    for column in columns:
        keys = [column, "frequency", "recency", "T"]
        told = customers.filter(customers[column].notnull())
        found[column] = told.group_by(*keys).aggregate(weight=told.count()).order_by(*keys).execute()
    return found


def fit_groups(model: ClvModel, rows: pd.DataFrame, column: str) -> GroupFit | None:
    """Fit BG/NBD by group, where there are two groups or more of ten customers or more; the fifty largest have their own.

    Parameters
    ----------
    model
        Fitted to everyone: the population.
    rows
        What ``counted`` gives for the column.
    """
    sizes = rows.groupby(column)["weight"].sum().sort_values(ascending=False, kind="stable")
    names = sorted(str(name) for name in sizes[sizes >= _FEWEST_CUSTOMERS].index[:_MOST_GROUPS])
    if len(names) < 2:
        return None
    unit = model.terms.days_per_unit
    objectives = {name: partial(bg_nbd, data=purchases_of(rows[rows[column] == name], unit)) for name in names}
    together = model.process.logarithms()
    pooled = pool(objectives, together)
    gain = pooled.log_marginal - sum(objective(together)[0] for objective in objectives.values())
    groups = {
        name: replace(model, process=BgNbd.of_logarithms(pooled.logarithms[name]), covariance=pooled.covariances[name]) for name in names
    }
    return GroupFit(GroupedModel(model, column, groups), pooled, gain, {name: int(sizes[name]) for name in names})


@dataclass(frozen=True)
class Grouper:
    """What the search for groups needs of the development: how a model is fitted at an instant, and rows with their outcome."""

    facts: Facts
    columns: tuple[str, ...]
    model_at: Callable[[AsOf], ClvModel]
    rows_of: Callable[[Window], pd.DataFrame]
    losses: Callable[[PurchaseModel, pd.DataFrame], Floats]

    def choose(self, window: Window | None) -> Choice:
        """Fit by each column before a hold-out earlier than the one that judges; take the likelier where it predicts better there.

        It ships where its evidence is strong and its CRPS lower than the pooled model's by more than the paired standard error.
        """
        if not self.columns:
            return Choice("no column that tells customers apart when they are won is asked for and brought")
        if window is None:
            return Choice("the history is too short for an earlier hold-out to choose on")
        try:
            pooled = self.model_at(window.start)
        except TooFewRows as error:
            return Choice(f"nothing can be chosen on an earlier hold-out: {error}", window=window)
        rows = counted(self.facts, window.start, self.columns)
        tried = tuple(fit for column in self.columns if (fit := fit_groups(pooled, rows[column], column)) is not None)
        if not tried:
            return Choice("there are no two groups of ten customers or more", window=window)
        return self._judged(max(tried, key=lambda fit: fit.gain), pooled, window, tried)

    def _judged(self, best: GroupFit, pooled: ClvModel, window: Window, tried: tuple[GroupFit, ...]) -> Choice:
        held_out = self.rows_of(window)
        before, after = (self.losses(model, held_out) for model in (pooled, best.model))
        better = before - after
        error = float(better.std(ddof=1) / np.sqrt(len(better))) if len(better) > 1 else np.inf
        column, gained = best.model.column, float(better.mean())
        measured: dict[str, Json] = {
            "crps_pooled": float(before.mean()),
            "crps_grouped": float(after.mean()),
            "crps_gained": gained,
            "standard_error": error,
        }
        ships = best.gain >= _STRONG_EVIDENCE and gained > error
        verdict = "ships" if ships else "doesn't ship"
        moved = f"{'lower' if gained > 0 else 'higher'} by {abs(gained):.5f} (standard error {error:.5f})"
        said = (
            f"the process by {column} {verdict}: evidence {best.gain:.1f} (strong from {_STRONG_EVIDENCE:g}), and CRPS {moved} "
            "on the hold-out before the one that judges"
        )
        return Choice(said, column if ships else None, window, tried, measured)

    def grouped(self, choice: Choice, as_of: AsOf, model: ClvModel) -> GroupFit | None:
        """Give a model fitted at an instant its groups; None where none ship."""
        if choice.column is None:
            return None
        return fit_groups(model, counted(self.facts, as_of, (choice.column,))[choice.column], choice.column)
