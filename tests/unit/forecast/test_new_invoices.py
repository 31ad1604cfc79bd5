from __future__ import annotations

import numpy as np
import pytest

from funnelcast.forecast.new_invoices import issue
from funnelcast.forecast.payments import Pace, PayDistribution
from tests.unit.forecast.cash_case import flat_counts

MONDAY = 15_999  # 2013-10-21


def test_each_invoice_is_paid_after_its_template_s_days_and_nothing_gets_lost() -> None:
    process = flat_counts(10.0)
    daily = np.zeros((40, 364))
    daily[:, 10] = 0.8
    pays = PayDistribution(daily, np.full(40, 0.2))
    generator = np.random.default_rng(5)
    found = issue(
        process, np.full(40, 50.0), np.arange(40), pays, pace=Pace(np.ones((400, 30))), first_day=MONDAY, days=28, generator=generator
    )
    np.testing.assert_allclose(found.issued, found.daily.sum(axis=1) + found.open + found.lost, rtol=1e-12)
    assert not found.daily[:, :10].any()
    # ten a week at 50 for four weeks; of the first 18 days' invoices four in five are paid within 28
    np.testing.assert_allclose(found.issued.mean(), 2000.0, rtol=0.03)
    np.testing.assert_allclose(found.daily.sum(axis=1).mean(), 2000.0 * 18 / 28 * 0.8, rtol=0.03)
    np.testing.assert_allclose(found.lost.mean(), 2000.0 * 0.2, rtol=0.06)


@pytest.mark.parametrize(("customers", "least", "most"), [(1, 0.8, 2.0), (20, 0.15, 0.45), (400, 0.0, 0.15)])
def test_few_customers_widen_the_amount(customers: int, least: float, most: float) -> None:
    # 400 templates: each customer pays always the same, half of them three times what the others do
    customer = np.arange(400) % customers
    amount = np.where(customer < customers / 2, 300.0, 100.0)
    pays = PayDistribution(np.eye(1, 364).repeat(400, axis=0), np.zeros(400))
    pace, generator = Pace(np.ones((2000, 30))), np.random.default_rng(6)
    found = issue(flat_counts(100.0), amount, customer, pays, pace=pace, first_day=MONDAY, days=7, generator=generator)
    assert least < found.issued.std() / found.issued.mean() < most
