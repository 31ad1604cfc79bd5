"""The CLV model: parameters, and what is predicted from them; needs no fitting library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from funnelcast.artefacts import to_json
from funnelcast.families.clv.draws import Customers, Sums, Worlds, daily_purchases, grouped_purchases
from funnelcast.families.clv.first_values import FIRST_VALUE
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.holdout import crps_of_counts, pit_of_counts
from funnelcast.families.clv.kept import Kept
from funnelcast.families.clv.process.distinct import Places, distinct
from funnelcast.families.clv.process.parameters import BgNbd, Floats, MbgNbd, ParetoNbd, Process, TrendBgNbd, Whole
from funnelcast.families.clv.process.predictions import discounted_purchases, expected_purchases, p_alive, p_purchase
from funnelcast.families.clv.quantiles import Variates, quantiles
from funnelcast.families.clv.rows import INPUTS, OUTPUTS, Rows
from funnelcast.families.clv.terms import Terms
from funnelcast.families.table import Table
from funnelcast.terms import Json

_KEPT = 10_000
"""For how many pairs of x and T, at one horizon and discount, what a live customer is expected to buy is kept: up to 6 MB."""

MEMBERS: Mapping[str, type[Process]] = {
    "bg_nbd": BgNbd,
    "bg_nbd_dropout_prior": BgNbd,
    "bg_nbd_recent": BgNbd,
    "mbg_nbd": MbgNbd,
    "pareto_nbd": ParetoNbd,
    "bg_nbd_trend": TrendBgNbd,
}


@dataclass(frozen=True)
class ClvModel:
    """BG/NBD, or another member, for the purchases; Gamma-Gamma (or the mean) for their value.

    Parameters
    ----------
    covariance
        Of the logarithms of the process's parameters.
    member
        One of ``MEMBERS``: which process it is, and how it was fitted.
    """

    process: Process
    covariance: Floats
    spend: SpendModel
    terms: Terms
    member: str = "bg_nbd"

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that predict reads: days for recency and T, money for the values; the first purchase's may be left out."""
        return {**INPUTS, FIRST_VALUE: "number"} if self.spend.uses_first else INPUTS

    def predict(self, rows: pd.DataFrame, horizon_days: float | None = None, discount_rate: float | None = None) -> pd.DataFrame:
        """Predict each customer over the horizon.

        Parameters
        ----------
        rows
            frequency (repeat purchase days), recency and T (days), monetary_value (mean value of repeat purchases, 0 where unknown);
            first_value (of the first purchase, 0 where unknown) may be left out.
        horizon_days, discount_rate
            Days, and a yearly rate; default: the artefact's.

        Returns
        -------
        p_alive; p_purchase (at least one purchase within the horizon); expected_purchases; expected_spend (value of one purchase);
        clv (expected discounted earnings); clv_p10 and clv_p90 (of simulated futures: the mean may lie above the latter, because most
        customers buy nothing and a few buy a lot).

        Raises
        ------
        WrongColumns, BadValues
            The rows can't be read; nothing is predicted.
        """
        return pd.DataFrame(self.predictions(Table.of(rows), horizon_days, discount_rate), index=rows.index)

    def predictions(self, rows: Table, horizon_days: float | None = None, discount_rate: float | None = None) -> dict[str, Floats]:
        """Give the same by column, each of shape (n,)."""
        horizon, delta = self.terms.asked(horizon_days, discount_rate)
        once, place = Rows.of(rows).distinct()
        answers = self._predict_distinct(once, horizon, delta)
        return {name: answers[name][place] for name in OUTPUTS}

    def _predict_distinct(self, rows: Rows, horizon: float, delta: float) -> dict[str, Floats]:
        unit = self.terms.days_per_unit
        x, t_x, T = rows.x, rows.t_x / unit, rows.T / unit
        alive, (bought, discounted) = p_alive(self.process, x, t_x, T), self._while_alive(x, T, horizon, delta)
        spend = self.spend.expected(x, rows.m, rows.z)
        bands = self.terms.margin * quantiles(self.variates, Customers(x, t_x, T, rows.m, rows.z), horizon, delta, (0.1, 0.9))
        return {
            "p_alive": alive,
            "p_purchase": p_purchase(self.process, x, t_x, T, horizon, alive),
            "expected_purchases": alive * bought,
            "expected_spend": spend,
            "clv": self.terms.margin * (alive * discounted) * spend,
            "clv_p10": bands[:, 0],
            "clv_p90": bands[:, 1],
        }

    def _while_alive(self, x: Floats, T: Floats, horizon: float, delta: float) -> Floats:
        """Give what each customer is expected to buy within the horizon if alive, as it is and discounted: shape (2, n)."""
        first, place = distinct(x, T)
        once = x[first], T[first]
        pairs = list(zip(once[0].tolist(), once[1].tolist(), strict=True))

        def find(places: list[int]) -> list[tuple[float, float]]:
            asked = once[0][places], once[1][places], horizon
            bought, discounted = self.process.expected_while_alive(*asked), self.process.discounted_while_alive(*asked, delta=delta)
            return list(zip(bought.tolist(), discounted.tolist(), strict=True))

        found = self._kept.of([(*pair, horizon, delta) for pair in pairs], find)
        return np.array(found, dtype=np.float64).reshape(-1, 2).T[:, place]

    @cached_property
    def _kept(self) -> Kept[tuple[float, float]]:
        return Kept(_KEPT)

    @cached_property
    def variates(self) -> Variates:
        """The draws of the parameters behind every interval, and the random numbers of each."""
        return Variates(self.worlds_of(self.terms.draws, self.terms.seed))

    def expected_purchases(self, rows: pd.DataFrame | Table, horizon_days: float) -> Floats:
        """Give the expected purchases alone, without the simulation behind the intervals."""
        horizon, _ = self.terms.asked(horizon_days, None)
        read, unit = Rows.of(rows), self.terms.days_per_unit
        return expected_purchases(self.process, read.x, read.t_x / unit, read.T / unit, horizon)

    def parts(self, rows: pd.DataFrame) -> Iterator[tuple[ClvModel, pd.DataFrame]]:
        """Give the rows by the process that speaks for them: here one for all."""
        yield self, rows

    def expected(self, rows: pd.DataFrame | Table) -> tuple[Floats, Floats]:
        """Give each customer's expected purchases and CLV over the artefact's horizon, without intervals."""
        horizon, delta = self.terms.asked(None, None)
        customers = self.customers_of(rows)
        x, t_x, T = customers.x, customers.t_x, customers.T
        worth = self.terms.margin * self.spend.expected(x, customers.m, customers.z)
        discounted = discounted_purchases(self.process, x, t_x, T, horizon, delta=delta)
        return expected_purchases(self.process, x, t_x, T, horizon), worth * discounted

    def count_losses(self, rows: pd.DataFrame | Table, actual: Floats, horizon_days: float) -> Floats:
        """Give the CRPS of each customer's predictive count of purchases within the horizon."""
        read = Rows.of(rows)
        first, place = distinct(read.x, read.t_x, read.T, actual)
        return crps_of_counts(actual[first], *self._counts(read, first, horizon_days))[place]

    def count_pit(self, rows: pd.DataFrame | Table, actual: Floats, horizon_days: float, seed: int) -> Floats:
        """Give the randomised PIT of each customer's predictive count of purchases within the horizon."""
        read, everyone = Rows.of(rows), np.arange(len(actual))
        return pit_of_counts(actual, *self._counts(read, everyone, horizon_days), np.random.default_rng(seed).random(len(actual)))

    def _counts(self, read: Rows, chosen: Places, horizon_days: float) -> tuple[Floats, Iterator[Floats]]:
        """Give the chance of being alive, and that of more than 0, 1, 2 … purchases where they are."""
        horizon, _ = self.terms.asked(horizon_days, None)
        unit = self.terms.days_per_unit
        x, t_x, T = read.x[chosen], read.t_x[chosen] / unit, read.T[chosen] / unit
        return p_alive(self.process, x, t_x, T), self.process.survival_of_counts(x, T, horizon)

    def simulate(self, rows: pd.DataFrame, horizon_days: int, draws: int, seed: int) -> Sums:
        """Draw the customers' repeat purchases by day after as_of: worlds x days, counts and money before margin and discount.

        Parameters
        ----------
        rows
            As ``predict`` takes them; every row is one customer.
        draws, seed
            How many worlds (each with parameters of its own), and the seed of all.
        """
        return daily_purchases(self.worlds_of(draws, seed), self.customers_of(rows), horizon_days, self.terms.days_per_unit)

    def simulate_groups(
        self, rows: pd.DataFrame, group: Whole, horizon_days: float, draws: int, seed: int, discount_rate: float = 0.0
    ) -> Sums:
        """Draw the same by group instead of by day, over the whole horizon: worlds x groups, before margin.

        Parameters
        ----------
        group
            Of each row: 0, 1, 2 …
        discount_rate
            Yearly, by which money is discounted.
        """
        horizon, delta = self.terms.asked(horizon_days, discount_rate)
        return grouped_purchases(self.worlds_of(draws, seed), self.customers_of(rows), group, horizon, delta)

    def worlds_of(self, draws: int, seed: int) -> Worlds:
        """Draw the parameters of so many worlds."""
        return Worlds.draw(self.process, self.covariance, self.spend, draws, seed)

    def customers_of(self, rows: pd.DataFrame | Table) -> Customers:
        """Read rows as a simulation takes them."""
        read, unit = Rows.of(rows), self.terms.days_per_unit
        return Customers(read.x, read.t_x / unit, read.T / unit, read.m, read.z)

    def files(self) -> dict[str, bytes]:
        """Give the artefact: one JSON document of parameters."""
        return {"model.json": to_json(self.document())}

    def document(self) -> dict[str, Json]:
        """Give member, parameters, covariance and terms as JSON."""
        return {
            "kind": self.member,
            "process": dict(self.process.document()),
            "covariance": self.covariance.tolist(),
            "spend": self.spend.document(),
            "terms": self.terms.document(),
        }
