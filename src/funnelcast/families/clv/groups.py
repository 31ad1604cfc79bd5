"""A CLV model whose purchase process differs by group: each group's customers are predicted by their own process.

Who belongs to no known group, or whose group isn't told, is predicted by the population's process: the fit to everyone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from funnelcast.artefacts import to_json
from funnelcast.errors import WrongColumns
from funnelcast.families.clv.draws import Customers, Sums, Worlds, daily_purchases, grouped_purchases
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.model import ClvModel
from funnelcast.families.clv.process.parameters import Floats, Process, Whole
from funnelcast.families.clv.rows import OUTPUTS
from funnelcast.families.clv.terms import Terms
from funnelcast.families.table import Table
from funnelcast.terms import Json

_SEEDS_APART = 1_000_003


@dataclass(frozen=True)
class GroupedModel:
    """A population's model, and those of the groups that a column names.

    Parameters
    ----------
    column
        The categorical column by which rows are told apart; it may be left out of them, and its values may be null.
    groups
        By value of the column; they differ from the population in process and covariance alone.
    """

    population: ClvModel
    column: str
    groups: Mapping[str, ClvModel]

    @property
    def process(self) -> Process:
        """The population's process."""
        return self.population.process

    @property
    def spend(self) -> SpendModel:
        """The value of a purchase, for all groups."""
        return self.population.spend

    @property
    def terms(self) -> Terms:
        """What a CLV is asked over."""
        return self.population.terms

    @property
    def member(self) -> str:
        """The member of the family, for all groups."""
        return self.population.member

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that predict reads: the population's, and the group."""
        return {**self.population.columns, self.column: "category"}

    def predict(self, rows: pd.DataFrame, horizon_days: float | None = None, discount_rate: float | None = None) -> pd.DataFrame:
        """Predict each customer over the horizon as ``ClvModel.predict`` does, by the process of their group."""
        return pd.DataFrame(self.predictions(Table.of(rows), horizon_days, discount_rate), index=rows.index)

    def predictions(self, rows: Table, horizon_days: float | None = None, discount_rate: float | None = None) -> dict[str, Floats]:
        """Give the same by column, each of shape (n,)."""
        found = {name: np.empty(len(rows)) for name in OUTPUTS}
        for model, place, part in self._split(rows):
            for name, values in model.predictions(part, horizon_days, discount_rate).items():
                found[name][place] = values
        return found

    def parts(self, rows: pd.DataFrame) -> Iterator[tuple[ClvModel, pd.DataFrame]]:
        """Give the rows by the process that speaks for them."""
        for model, place, _ in self._split(rows):
            yield model, rows.iloc[place].drop(columns=self.column, errors="ignore")

    def expected(self, rows: pd.DataFrame | Table) -> tuple[Floats, Floats]:
        """Give each customer's expected purchases and CLV over the artefact's horizon, without intervals."""
        purchases, worth = np.empty(len(rows)), np.empty(len(rows))
        for model, place, part in self._split(rows):
            purchases[place], worth[place] = model.expected(part)
        return purchases, worth

    def expected_purchases(self, rows: pd.DataFrame, horizon_days: float) -> Floats:
        """Give the expected purchases alone."""
        found = np.empty(len(rows))
        for model, place, part in self._split(rows):
            found[place] = model.expected_purchases(part, horizon_days)
        return found

    def count_losses(self, rows: pd.DataFrame, actual: Floats, horizon_days: float) -> Floats:
        """Give the CRPS of each customer's predictive count of purchases within the horizon."""
        found = np.empty(len(rows))
        for model, place, part in self._split(rows):
            found[place] = model.count_losses(part, actual[place], horizon_days)
        return found

    def count_pit(self, rows: pd.DataFrame, actual: Floats, horizon_days: float, seed: int) -> Floats:
        """Give the randomised PIT of each customer's predictive count of purchases within the horizon."""
        found = np.empty(len(rows))
        for number, (model, place, part) in enumerate(self._split(rows)):
            found[place] = model.count_pit(part, actual[place], horizon_days, seed + number)
        return found

    def simulate(self, rows: pd.DataFrame, horizon_days: int, draws: int, seed: int) -> Sums:
        """Draw the customers' repeat purchases by day after as_of, as ``ClvModel.simulate`` does."""
        total = Sums(np.zeros((draws, horizon_days)), np.zeros((draws, horizon_days)))
        for worlds, customers, _ in self._worlds(rows, draws, seed):
            total = _added(total, daily_purchases(worlds, customers, horizon_days, self.terms.days_per_unit))
        return total

    def simulate_groups(
        self, rows: pd.DataFrame, group: Whole, horizon_days: float, draws: int, seed: int, discount_rate: float = 0.0
    ) -> Sums:
        """Draw the same by any grouping of the rows, as ``ClvModel.simulate_groups`` does."""
        horizon, delta = self.terms.asked(horizon_days, discount_rate)
        shape = (draws, int(group.max(initial=0)) + 1)
        total = Sums(np.zeros(shape), np.zeros(shape))
        for worlds, customers, place in self._worlds(rows, draws, seed):
            total = _added(total, grouped_purchases(worlds, customers, group[place], horizon, delta))
        return total

    def _worlds(self, rows: pd.DataFrame, draws: int, seed: int) -> Iterator[tuple[Worlds, Customers, Whole]]:
        """Give each group's worlds: its own process and futures, and the value of purchases that all groups share in a world."""
        shared = self.population.worlds_of(draws, seed).spend
        for number, (model, place, part) in enumerate(self._split(rows)):
            worlds = model.worlds_of(draws, seed + _SEEDS_APART * number)
            yield replace(worlds, spend=shared), model.customers_of(part), place

    def _split(self, rows: pd.DataFrame | Table) -> Iterator[tuple[ClvModel, Whole, Table]]:
        """Give each model that is needed, the places of its rows, and these without their group; the population's comes first, if empty."""
        table = Table.of(rows)
        plain = table.only([name for name in table.columns if name != self.column])
        known = np.full(len(table), -1)
        if self.column in table:
            given = table[self.column]
            if given.dtype != object and not pd.isna(given).all():
                raise WrongColumns(family="clv", missing=[], extra=[], wrong=[self.column])
            numbers = {name: number for number, name in enumerate(self.groups)}
            known = np.fromiter((numbers.get(name, -1) for name in given.tolist()), np.int64, len(table))
        for number, model in enumerate((self.population, *self.groups.values()), start=-1):
            place = np.flatnonzero(known == number)
            if len(place) or number == -1:
                yield model, place, plain.at(place)

    def files(self) -> dict[str, bytes]:
        """Give the artefact: the population's document, and the processes of the groups."""
        processes: dict[str, Json] = {
            name: {"process": dict(model.process.document()), "covariance": model.covariance.tolist()}
            for name, model in self.groups.items()
        }
        groups: dict[str, Json] = {"column": self.column, "processes": processes}
        return {"model.json": to_json({**self.population.document(), "groups": groups})}

    @classmethod
    def of_document(cls, population: ClvModel, groups: Mapping[str, Any]) -> GroupedModel:
        """Make the model of the population's and of the document's ``groups``."""
        process = type(population.process)
        return cls(
            population,
            str(groups["column"]),
            {
                name: replace(
                    population,
                    process=process.of_document(own["process"]),
                    covariance=np.array(own["covariance"], dtype=np.float64),
                )
                for name, own in groups["processes"].items()
            },
        )


PurchaseModel = ClvModel | GroupedModel
"""Any model of the family: of one process, or of one by group."""


def _added(total: Sums, part: Sums) -> Sums:
    """Add sums of which the second may lack the last columns."""
    for whole, piece in ((total.counts, part.counts), (total.amounts, part.amounts)):
        whole[:, : piece.shape[1]] += piece
    return total
