"""What the simulator says about buyers can be recovered from what they bought."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from funnelcast.simulate import Company, World
from funnelcast.simulate import company as simulated
from funnelcast.simulate.customers import HABIT_ONLINE, HABITS

Floats = npt.NDArray[np.float64]


def purchase_days(company: Company) -> pd.DataFrame:
    """Distinct purchase days by contact, in weeks of operational time."""
    seasons = company.market.seasons
    bought = company.tables["transactions"].to_pandas()
    day = (bought.occurred_at.dt.normalize() - pd.Timestamp(seasons.start)).dt.days
    days = pd.DataFrame({"contact_id": bought.contact_id, "day": day}).drop_duplicates()
    return days.assign(week=seasons.to_operational(days.day.to_numpy() + 0.5) / 7.0)


def estimate(loss: Callable[[Floats], float], start: Floats) -> tuple[Floats, Floats]:
    """Maximise a likelihood over log-parameters: estimates of the logs, and their standard errors from a numerical Hessian."""
    best = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-4, "maxiter": 4_000}).x
    step, size = 0.02, len(best)
    hessian = np.empty((size, size))
    unit = step * np.eye(size)
    for i in range(size):
        for j in range(size):
            corners = [loss(best + a * unit[i] + b * unit[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            hessian[i, j] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step**2)
    return best, np.sqrt(np.diag(np.linalg.inv(hessian)))


def bg_nbd_loss(log_parameters: Floats, x: Floats, recency: Floats, T: Floats) -> float:
    """Fader, Hardie and Lee (2005), equation 6, negative."""
    r, alpha, a, b = np.exp(log_parameters)
    a1 = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    a2 = betaln(a, b + x) - betaln(a, b)
    a3 = -(r + x) * np.log(alpha + T)
    a4 = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + recency)
    return -float(np.sum(a1 + a2 + np.where(x > 0, np.logaddexp(a3, a4), a3)))


def test_bg_nbd_is_recovered_on_the_buyers_clock(large_company: Company) -> None:
    days = purchase_days(large_company)
    summary = days.groupby("contact_id").week.agg(["size", "min", "max"])
    now = float(large_company.market.seasons.operational[-1]) / 7.0
    x, recency, T = (summary["size"] - 1).to_numpy(float), (summary["max"] - summary["min"]).to_numpy(), now - summary["min"].to_numpy()
    world = large_company.market.world
    truth = np.log([world.r, world.alpha, world.a, world.b])
    found, error = estimate(lambda values: bg_nbd_loss(values, x, recency, T), truth + 0.1)
    assert error.max() < 0.45
    assert np.abs((found - truth) / error).max() < 3.0


def test_gamma_gamma_is_recovered(large_company: Company) -> None:
    """Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value", equation 1."""
    amounts = large_company.tables["transactions"].to_pandas().groupby("contact_id").amount.agg(["size", "mean"])
    x, mean = amounts["size"].to_numpy(float), amounts["mean"].to_numpy()

    def loss(log_parameters: Floats) -> float:
        p, q, v = np.exp(log_parameters)
        value = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(mean) + p * x * np.log(x)
        return -float(np.sum(value - (p * x + q) * np.log(v + x * mean)))

    world = large_company.market.world
    truth = np.log([world.p, world.q, world.v])
    found, error = estimate(loss, truth + 0.1)
    assert error.max() < 0.2
    assert np.abs((found - truth) / error).max() < 3.0


def test_rates_of_single_customers_are_those_written_down(large_company: Company) -> None:
    """Gaps between purchases, each times its buyer's lambda, are unit exponential while the buyer is alive."""
    truth = large_company.true_tables["customers"].to_pandas().set_index("contact_id")
    days = purchase_days(large_company).sort_values(["contact_id", "week"])
    counts = days.groupby("contact_id").week.agg(["size", "min", "max"])
    alive = truth.alive.reindex(counts.index).to_numpy()
    now = float(large_company.market.seasons.operational[-1]) / 7.0
    exposed = np.where(alive, now, counts["max"]) - counts["min"]
    expected = (exposed * truth["lambda"].reindex(counts.index)).sum()
    actual = (counts["size"] - 1).sum()
    assert abs(actual - expected) < 4 * np.sqrt(expected) + 0.02 * expected


def test_dropout_follows_each_repeat_purchase_with_chance_p(large_company: Company) -> None:
    truth = large_company.true_tables["customers"].to_pandas().set_index("contact_id")
    repeats = large_company.tables["transactions"].to_pandas().groupby("contact_id").size() - 1
    p, x = truth.p, repeats.reindex(truth.index)
    expected, spread = (p * x).sum(), np.sqrt((p * (1 - p) * x).sum())
    assert abs((~truth.alive).sum() - expected) < 4 * spread


def test_the_first_purchase_shows_the_first_habit(large_company: Company) -> None:
    truth = large_company.true_tables["customers"].to_pandas().set_index("contact_id")
    first = (
        large_company.tables["transactions"].to_pandas().sort_values("occurred_at").drop_duplicates("contact_id").set_index("contact_id")
    )
    online = (first.channel == "web").groupby(truth.first_habit.reindex(first.index)).agg(["mean", "size"])
    for habit, share in zip(HABITS, HABIT_ONLINE, strict=True):
        assert abs(online.loc[habit, "mean"] - share) < 4 * np.sqrt(share * (1 - share) / online.loc[habit, "size"])


def test_buyers_migrate_and_more_of_them_to_online(large_company: Company) -> None:
    bought = large_company.tables["transactions"].to_pandas().sort_values(["contact_id", "occurred_at"])
    bought["number"] = bought.groupby("contact_id").cumcount()
    loyal = bought[bought.groupby("contact_id").amount.transform("size") >= 15]
    share = (loyal.channel == "web").groupby(loyal.number).mean()
    assert share.loc[12:14].mean() > share.loc[0:2].mean() + 0.04


def test_flat_seasons_are_flat() -> None:
    flat = simulated(contacts=300, seed=1, world=World(seasonality=0.0)).market.seasons
    assert np.ptp(flat.purchases) == 0.0
    assert flat.to_operational(np.array([100.5]))[0] == pytest.approx(100.5)


def test_satisfaction_speaks_of_dropout(large_company: Company) -> None:
    truth = large_company.true_tables["customers"].to_pandas().set_index("contact_id")
    answers = large_company.tables["touchpoints"].to_pandas().query("kind == 'nps'")
    p = truth.p.reindex(answers.contact_id).to_numpy()
    slope = np.polyfit(p, answers.score.to_numpy(), 1)[0]
    assert -15.0 < slope < -8.0
