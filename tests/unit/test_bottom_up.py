"""The view of sales from below, from facts to the answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from funnelcast.families.clv import FAMILY as CLV
from funnelcast.families.clv.groups import PurchaseModel
from funnelcast.forecast.projection import Ask, rebuild
from funnelcast.forecast.sales.bottom_up import EXISTING, TO_COME
from funnelcast.settings import Settings
from funnelcast.simulate import company
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf
from tests.unit.forecast.sales.series import shop
from training.bottom_up import bottom_up
from training.forecast import Gatherer

SETTINGS = Settings.read({"FUNNELCAST_HOME": "unused"})
SPEC = read(SETTINGS.models, "clv")
AS_OF = AsOf.parse("2025-04-07", "Europe/Paris")


@pytest.fixture(scope="module")
def facts() -> Facts:
    return company(2000, seed=4).facts()


@pytest.fixture(scope="module")
def model(facts: Facts) -> PurchaseModel:
    return CLV.fit(CLV.candidates(cut(facts, AS_OF), SPEC, None, AS_OF).execute(), SPEC)


def test_both_kinds_of_customers_buy_about_what_came(facts: Facts, model: PurchaseModel) -> None:
    gatherer = Gatherer(SETTINGS, facts, AS_OF, {"clv": model}, lambda _: None)
    projection = gatherer.project(frozenset({"sales"}), Ask("sales", count=26))
    answer: Any = projection.document(Ask("sales", count=26))
    later = facts.tables["transactions"].to_pandas()
    ahead = later[(later.occurred_at >= AS_OF.at) & (later.occurred_at < "2025-10-06")]
    firsts = later.groupby("contact_id").occurred_at.min()
    new = ahead.contact_id.isin(firsts[firsts >= AS_OF.at].index)
    view = answer["bottom_up"]
    came = {EXISTING: ahead.amount[~new].sum(), TO_COME: ahead.amount[new].sum()}
    assert {name: view[name]["total"]["mean"] for name in came} == {name: pytest.approx(amount, rel=0.35) for name, amount in came.items()}
    assert abs(view["gap_pct"]) < 25
    assert rebuild(projection.files()).document(Ask("sales", count=26)) == answer
    assert b"contact" not in projection.files()["sales/sales.json"]


def test_months_are_seen_from_below_too(facts: Facts, model: PurchaseModel) -> None:
    gatherer = Gatherer(SETTINGS, facts, AS_OF, {"clv": model}, lambda _: None)
    ask = Ask("sales", every="month", count=3)
    answer: Any = gatherer.project(frozenset({"sales"}), ask).document(ask)
    assert len(answer["bottom_up"]["total"]["periods"]) == len(answer["periods"]) == 4


def test_without_a_model_of_customers_there_is_one_view(facts: Facts) -> None:
    ask = Ask("sales", count=4)
    answer = Gatherer(SETTINGS, facts, AS_OF, {}, lambda _: None).project(frozenset({"sales"}), ask).document(ask)
    assert "bottom_up" not in answer


def test_a_handful_of_customers_is_too_few(model: PurchaseModel) -> None:
    few = shop([("2025-03-03T12:00", 50.0, "web"), ("2025-03-20T12:00", 20.0, "web")])
    assert bottom_up(few, AS_OF, model, SPEC, 91, 0) is None


def test_the_same_seed_gives_the_same_numbers_and_no_customer(facts: Facts, model: PurchaseModel) -> None:
    one, other = (bottom_up(facts, AS_OF, model, SPEC, 28, 1) for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.document() == other.document()
    assert one.existing.shape == (200, 4)
    assert np.isfinite(one.existing).all()
