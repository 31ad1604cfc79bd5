"""The battery: what every family must do. A new family enters its cases in CASES, from a module case_<family>.py beside this one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest

from funnelcast.errors import FunnelcastError, WrongColumns
from funnelcast.families.family import Family, Model
from tests.unit.families import case_attribution, case_churn, case_clv, case_deal_outcome, case_lead_scoring, case_payment_delay
from tests.unit.families.battery import Case

CASES: tuple[Case, ...] = (
    case_attribution.case(),
    case_churn.case(),
    case_clv.case(),
    case_deal_outcome.case(),
    case_lead_scoring.case(),
    case_payment_delay.case(),
)

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@cache
def fitted(name: str) -> Model:
    case = next(case for case in CASES if case.name == name)
    return case.family.fit(case.rows(), case.spec)


@cache
def fitted_baseline(name: str) -> Model:
    case = next(case for case in CASES if case.name == name)
    return case.family.fit_baseline(case.rows(), case.spec)


def inputs(case: Case, model: Model) -> pd.DataFrame:
    return case.held_out()[list(model.columns)]


@each_case
def test_the_family_offers_the_whole_protocol(case: Case) -> None:
    assert isinstance(case.family, Family)
    assert isinstance(fitted(case.name), Model)
    assert isinstance(fitted_baseline(case.name), Model)


@each_case
@pytest.mark.parametrize("make", [fitted, fitted_baseline], ids=["model", "baseline"])
def test_rebuilt_from_its_files_it_predicts_the_very_same(case: Case, make: Callable[[str], Model]) -> None:
    model = make(case.name)
    rebuilt = case.family.rebuild(model.files())
    rows = inputs(case, model)
    pd.testing.assert_frame_equal(rebuilt.predict(rows), model.predict(rows), check_exact=True)
    assert dict(rebuilt.columns) == dict(model.columns)
    assert rebuilt.files() == model.files()


@each_case
def test_the_same_seed_gives_the_same_bytes(case: Case) -> None:
    assert case.family.fit(case.rows(), case.spec).files() == fitted(case.name).files()
    assert case.family.fit_baseline(case.rows(), case.spec).files() == fitted_baseline(case.name).files()


@each_case
def test_no_customer_is_inside_the_artefact(case: Case) -> None:
    rows = case.rows()
    for model in (fitted(case.name), fitted_baseline(case.name)):
        content = b"\n".join(model.files().values())
        for column in case.ids:
            found = [value for value in rows[column].astype(str) if value.encode() in content]
            assert not found, f"{column} {found[:3]} stands in the artefact"


@each_case
def test_the_index_is_kept(case: Case) -> None:
    model = fitted(case.name)
    rows = inputs(case, model)
    pd.testing.assert_index_equal(model.predict(rows).index, rows.index)


@each_case
def test_a_row_is_predicted_alike_alone_and_in_company(case: Case) -> None:
    model = fitted(case.name)
    rows = inputs(case, model)
    together = model.predict(rows)
    alone = model.predict(rows.iloc[[3]])
    for column in case.ranges:
        np.testing.assert_allclose(alone[column].to_numpy(), together[column].to_numpy()[[3]], rtol=1e-9, atol=1e-12)


@each_case
def test_no_row_gives_no_prediction_with_the_same_columns(case: Case) -> None:
    model = fitted(case.name)
    rows = inputs(case, model)
    empty = model.predict(rows.iloc[:0])
    assert len(empty) == 0
    assert list(empty.columns) == list(model.predict(rows).columns)


@each_case
def test_predictions_are_numbers_in_their_range_and_order(case: Case) -> None:
    model = fitted(case.name)
    predicted = model.predict(inputs(case, model))
    for column, (low, high) in case.ranges.items():
        values = predicted[column].to_numpy()
        assert values.dtype == np.float64, column
        assert np.isfinite(values).all(), column
        assert ((values >= low) & (values <= high)).all(), column
    for left, right in zip(case.ordered, case.ordered[1:], strict=False):
        assert (predicted[left] <= predicted[right]).all(), f"{left} above {right}"


@each_case
def test_a_missing_column_is_named(case: Case) -> None:
    model = fitted(case.name)
    column = next(iter(model.columns))
    with pytest.raises(WrongColumns, match=column):
        model.predict(inputs(case, model).drop(columns=column))


@each_case
def test_an_unknown_column_is_named(case: Case) -> None:
    model = fitted(case.name)
    with pytest.raises(WrongColumns, match="surprise"):
        model.predict(inputs(case, model).assign(surprise=1.0))


@each_case
def test_a_wrongly_typed_column_is_named(case: Case) -> None:
    model = fitted(case.name)
    column = next((name for name, kind in model.columns.items() if kind == "number"), None)
    if column is None:
        pytest.skip("this model reads no number")
    with pytest.raises(WrongColumns, match=column):
        model.predict(inputs(case, model).assign(**{column: "not a number"}))


@each_case
@pytest.mark.parametrize("count", [0, 1])
def test_next_to_no_facts_are_refused_or_give_finite_answers(case: Case, count: int) -> None:
    try:
        model = case.family.fit(case.rows().iloc[:count], case.spec)
    except FunnelcastError:
        return
    predicted = model.predict(case.held_out()[list(model.columns)])
    assert np.isfinite(predicted[list(case.ranges)].to_numpy()).all()


@each_case
def test_one_finite_loss_per_row_and_better_than_the_baseline(case: Case) -> None:
    held_out = case.held_out()
    own = case.family.losses(fitted(case.name), held_out)
    simple = case.family.losses(fitted_baseline(case.name), held_out)
    assert own.shape == simple.shape == (len(held_out),)
    assert np.isfinite(own).all()
    assert np.isfinite(simple).all()
    assert simple.mean() - own.mean() >= case.margin
