"""The newest rows whose outcome is known: the very fold that a development judges on, found without fitting anything."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.family import Development, Options
from funnelcast.families.registry import family_of
from funnelcast.settings import CHECKOUT
from funnelcast.simulate import company
from funnelcast.sources.facts import Facts, Label
from funnelcast.spec import Spec, names, read
from funnelcast.terms import AsOf

MODELS = CHECKOUT / "models"
CHEAPER: dict[str, dict[str, Any]] = {"attribution": {"replicates": 20}, "clv": {"groups": []}}


@cache
def facts() -> Facts:
    return company(2000, seed=11).facts()


@cache
def now() -> AsOf:
    until = facts().observed_until
    assert until is not None
    return until


@cache
def spec_of(model: str) -> Spec:
    spec = read(MODELS, model)
    return replace(spec, options={**spec.options, **CHEAPER.get(model, {})})


@cache
def developed(model: str) -> Development:
    spec = spec_of(model)
    return family_of(spec.family).develop(facts(), spec, now(), Options(trials=1))


def matured(model: str, as_of: AsOf) -> pd.DataFrame:
    spec = spec_of(model)
    rows = family_of(spec.family).matured(facts(), spec, as_of)
    assert rows is not None
    return rows


each_model = pytest.mark.parametrize("model", names(MODELS))


@each_model
def test_they_are_the_fold_that_the_development_judges_on(model: str) -> None:
    pd.testing.assert_frame_equal(matured(model, now()), developed(model).newest, check_dtype=False)


@each_model
def test_each_has_a_finite_loss_and_says_since_when_it_counts(model: str) -> None:
    rows = matured(model, now())
    losses = family_of(spec_of(model).family).losses(developed(model).model, rows)
    assert len(rows) > 0
    assert losses.shape == (len(rows),)
    assert np.isfinite(losses).all()
    since = rows["start" if model == "deal_outcome" else "as_of"]
    assert (since < pd.Timestamp(now().at)).all()


@pytest.mark.parametrize("model", ["churn", "lead_scoring", "clv"])
def test_where_the_facts_go_on_they_begin_at_as_of(model: str) -> None:
    before = now().plus(-120)
    assert (matured(model, before)["as_of"] == pd.Timestamp(before.at)).all()


def test_what_a_column_states_is_dated_by_nothing() -> None:
    known = facts()
    stated = replace(known, source=replace(known.source, labels={"churn": Label("source_channel", "web")}))
    assert family_of("churn").matured(stated, spec_of("churn"), now()) is None


def test_journeys_without_dates_have_no_newest() -> None:
    known = facts()
    tables = {name: table for name, table in known.tables.items() if name != "touchpoints"}
    assert family_of("attribution").matured(replace(known, tables=tables), spec_of("attribution"), now()) is None
