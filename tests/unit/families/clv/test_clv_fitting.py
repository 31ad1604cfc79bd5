from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy.special import gammaln

from funnelcast.errors import TooFewRows
from funnelcast.families.clv.gamma_gamma import fit_spend
from funnelcast.families.clv.process import fitting
from funnelcast.families.clv.process.fitting import fit_bg_nbd, fit_gamma_gamma
from funnelcast.families.clv.process.likelihood import Objective, Purchases, Spend, bg_nbd, gamma_gamma, hessian, mbg_nbd, pareto_nbd
from funnelcast.families.clv.process.parameters import Floats
from funnelcast.families.clv.summary import compress, purchases_of, spend_of
from tests.unit.families.clv.bg_nbd_company import ALPHA, A, B, P, Q, R, V, customers


def purchases(count: int = 3000) -> Purchases:
    return purchases_of(compress(customers(count, seed=1), "frequency", "recency", "T"), 1.0)


def spend(count: int = 3000) -> Spend:
    rows = customers(count, seed=1)
    return spend_of(compress(rows[rows["monetary_value"] > 0], "frequency", "monetary_value"))


def slope(objective: Objective, at: Floats) -> Floats:
    steps = np.eye(len(at)) * 1e-5
    return np.array([(objective(at + step)[0] - objective(at - step)[0]) / 2e-5 for step in steps])


@pytest.mark.parametrize("likelihood", [bg_nbd, mbg_nbd, pareto_nbd])
def test_gradients_are_those_of_the_likelihoods(likelihood: Callable[[Floats, Purchases], tuple[float, Floats]]) -> None:
    data = purchases(300)

    def objective(at: Floats) -> tuple[float, Floats]:
        return likelihood(at, data)

    for point in (np.log([0.5, 20.0, 0.7, 3.0]), np.log([2.0, 0.5, 3.0, 400.0])):
        np.testing.assert_allclose(objective(point)[1], slope(objective, point), rtol=1e-5)


def test_the_gradient_of_spend_is_that_of_its_likelihood() -> None:
    of_spend = partial(gamma_gamma, data=spend(300))
    point = np.log([4.0, 3.0, 15.0])
    np.testing.assert_allclose(of_spend(point)[1], slope(of_spend, point), rtol=1e-6)


def test_the_likelihood_is_the_papers_row_by_row() -> None:
    data, (r, alpha, a, b) = purchases(300), (0.5, 20.0, 0.7, 3.0)
    x, t_x, T = data.x, data.t_x, data.T
    ours = np.where(x > 0, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x), -np.inf)
    either = np.logaddexp(-(r + x) * np.log(alpha + T), ours)
    stays = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    rows = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + stays + either
    assert bg_nbd(np.log([r, alpha, a, b]), data)[0] == pytest.approx(data.weight @ rows, rel=1e-13)


def test_lifetimes_judges_the_fit_and_agrees() -> None:
    _, fitted = fit_bg_nbd(purchases(600))
    assert fitted.diagnostics["lifetimes_converged"] is True
    gap, height = fitted.diagnostics["lifetimes_log_likelihood_gap"], fitted.log_likelihood
    assert isinstance(gap, float)
    assert abs(gap) < 1e-9 * abs(height)


def test_a_thinned_start_changes_no_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = purchases()
    model, whole = fit_bg_nbd(data)
    monkeypatch.setattr(fitting, "_ROWS_OF_A_START", 300)
    again, few = fit_bg_nbd(data)
    assert int(few.diagnostics["rows_of_starts"]) <= 300 < len(data.x)  # type: ignore[arg-type]
    np.testing.assert_allclose(again.logarithms(), model.logarithms(), atol=1e-5)
    assert few.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)


def test_the_truth_lies_within_three_deviations() -> None:
    data = purchases()
    model, fitted = fit_bg_nbd(data)
    deviations = np.sqrt(np.diag(fitted.covariance))
    # Days merge some purchases of the continuous process, hence three and not two.
    assert (np.abs(fitted.logarithms - np.log([R, ALPHA, A, B])) < 3 * deviations + 0.05).all()
    assert fitted.diagnostics["warnings"] == []
    assert float(fitted.diagnostics["spread_of_log_likelihood"]) < 1e-6  # type: ignore[arg-type]
    assert abs(bg_nbd(model.logarithms(), data)[1]).max() < 1e-4
    _, values = fit_gamma_gamma(spend())
    assert (np.abs(values.logarithms - np.log([P, Q, V])) < 3 * np.sqrt(np.diag(values.covariance))).all()


def test_the_covariance_is_the_inverse_of_the_curvature() -> None:
    data = purchases()
    _, fitted = fit_bg_nbd(data)
    information = -hessian(lambda at: bg_nbd(at, data), fitted.logarithms)
    np.testing.assert_allclose(fitted.covariance @ information, np.eye(4), atol=1e-6)


def test_customers_who_never_leave_are_said_to_be_so() -> None:
    random = np.random.default_rng(2)
    T = random.uniform(100, 400, 2000)
    x = random.poisson(random.gamma(2.0, size=2000) / 50 * T).astype(float)
    # A live customer's last purchase among x uniform ones.
    t_x = np.where(x > 0, T * random.beta(np.maximum(x, 1), 1), 0.0)
    _, fitted = fit_bg_nbd(Purchases(x, t_x, T, np.ones(2000)))
    said = fitted.diagnostics["warnings"]
    assert isinstance(said, list)
    assert any(isinstance(line, str) and line.startswith("dropout is") for line in said)
    assert np.isfinite(fitted.covariance).all()
    assert np.sqrt(np.diag(fitted.covariance)).max() <= 2.0 + 1e-9


def test_too_few_returning_customers_are_counted() -> None:
    with pytest.raises(TooFewRows, match=r"5 customers with a repeat purchase, at least 10 are needed"):
        fit_bg_nbd(Purchases(np.ones(5), np.ones(5), np.full(5, 9.0), np.ones(5)))


def test_spend_that_depends_on_frequency_falls_back_to_the_means() -> None:
    random = np.random.default_rng(3)
    x = random.integers(1, 20, 500).astype(float)
    dependent = Spend(x, 10 * x * random.gamma(20, 1 / 20, 500), np.ones(500))
    model, tested = fit_spend(dependent, otherwise=1.0, correlation_limit=0.3, seed=1)
    assert model.member == tested["member"] == "mean"
    assert str(tested["reason"]).startswith("spend depends on frequency: Spearman 0.9")
    assert model.expected(np.array([0.0, 2.0]), np.array([0.0, 7.0])).tolist() == pytest.approx([dependent.m.mean(), 7.0])
    independent, tested = fit_spend(
        Spend(x, 10 * random.gamma(20, 1 / 20, 500), np.ones(500)), otherwise=1.0, correlation_limit=0.3, seed=1
    )
    assert independent.member == "gamma_gamma"
    assert float(tested["spearman_low"]) < 0 < float(tested["spearman_high"])  # type: ignore[arg-type]


def test_without_repeat_spend_the_first_purchases_mean_is_expected() -> None:
    model, tested = fit_spend(Spend(np.zeros(0), np.zeros(0), np.zeros(0)), otherwise=12.5, correlation_limit=0.3, seed=1)
    assert model.expected(np.zeros(1), np.zeros(1)).tolist() == [12.5]
    assert "0 customers with a repeat purchase of positive value" in str(tested["reason"])


def test_fitting_leaves_no_trace_in_the_process() -> None:
    program = """
import warnings
import numpy as np, pandas as pd
from funnelcast.families.clv.process.fitting import fit_bg_nbd
from funnelcast.families.clv.process.likelihood import Purchases
import scipy.special, scipy.sparse
before, option = list(warnings.filters), pd.get_option("mode.chained_assignment")
rng = np.random.default_rng(1)
x = rng.integers(0, 6, 200).astype(float)
fit_bg_nbd(Purchases(x, np.where(x > 0, 20.0, 0.0), np.full(200, 30.0), np.ones(200)))
assert warnings.filters == before, set(map(str, warnings.filters)) ^ set(map(str, before))
assert pd.get_option("mode.chained_assignment") == option
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
