"""Any company's columns to numbers, and what is left out with a reason."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.errors import WrongColumns
from funnelcast.families.scoring.columns import Columns, learn
from funnelcast.families.scoring.design import learn_design
from funnelcast.families.table import Table, values_of

ROWS = pd.DataFrame(
    {
        "Âge  du client": [20.0, np.inf, None, 35.0] * 100,
        "newsletter": ["Oui", "non", " OUI ", None] * 100,
        "charges": ["12.5", " ", "7", "8.25"] * 100,
        "city": ["Paris", "Lyon", "paris ", "Nice"] * 99 + ["Sète", "Brest", "Dole", "Gap"],
        "row": np.arange(400),
        "key": [f"k{number}" for number in range(400)],
        "always": "x",
        "never": None,
        "twice": [20.0, np.nan, None, 35.0] * 100,
    }
)


def learned() -> Columns:
    return learn(ROWS, list(ROWS.columns))


def test_each_column_is_read_for_what_it_is() -> None:
    columns = learned()
    assert dict(columns.kinds) == {"Âge  du client": "number", "newsletter": "category", "charges": "category", "city": "category"}
    assert [column.reading for column in columns.encoded] == ["number", "flag", "text_number", "levels"]


def test_what_is_left_out_is_named_with_its_reason() -> None:
    assert dict(learned().left_out) == {
        "row": "identifier or free text: nearly every row has its own value",
        "key": "identifier or free text: nearly every row has its own value",
        "always": "constant",
        "never": "empty",
        "twice": "the same as Âge  du client",
    }


def test_values_worked_by_hand() -> None:
    matrix = learned().matrix(ROWS.iloc[:4])
    nan = np.nan
    expected = [[20.0, 1.0, 12.5, 0.0], [nan, 0.0, nan, 1.0], [nan, 1.0, 7.0, 0.0], [35.0, nan, 8.25, 2.0]]
    np.testing.assert_array_equal(matrix, expected)


def test_rare_and_unknown_levels_share_a_code_and_are_not_stored() -> None:
    columns = learned()
    city = columns.encoded[3]
    assert set(city.levels) == {"paris", "lyon", "nice"}
    other = ROWS.iloc[:3].assign(city=pd.Series(["Gap", "Atlantis", None], dtype=object))
    np.testing.assert_array_equal(columns.matrix(other)[:, 3], [3.0, 3.0, np.nan])
    assert "Brest" not in json.dumps(columns.document(), ensure_ascii=False)


def test_an_unknown_value_of_a_flag_is_missing() -> None:
    assert np.isnan(learned().matrix(ROWS.iloc[:1].assign(newsletter="peut-être"))[0, 1])


TRUTHS = ["Oui", "non", "Yes", "No", "TRUE", "faux", "1", "0", "y", "n", "N/A", None]
DATES = ["31/01/2025", "01/02/2025 12:00", "1/3/2025", "2024-12-31", "?", " ", None]
CODES = ["12.5", "7", "-", "N/A", "?", "unknown", None, "8"]


def test_words_for_yes_and_no_are_one_flag_however_they_are_mixed() -> None:
    (column,) = learn(pd.DataFrame({"vip": TRUTHS * 10}), ["vip"]).encoded
    assert column.reading == "flag"
    np.testing.assert_array_equal(column.values(values_of(pd.Series(TRUTHS))), [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(column.values(values_of(pd.Series([True, 0, "OUI", "perhaps"], dtype=object))), [1, 0, 1, np.nan])


def test_numbers_are_read_among_what_exports_write_for_a_missing_one() -> None:
    (column,) = learn(pd.DataFrame({"score": CODES * 10}), ["score"]).encoded
    assert column.reading == "text_number"
    np.testing.assert_array_equal(column.values(values_of(pd.Series(CODES))), [12.5, 7, np.nan, np.nan, np.nan, np.nan, np.nan, 8])


def test_dates_in_several_formats_become_days_since_1970() -> None:
    (column,) = learn(pd.DataFrame({"signed": DATES * 10}), ["signed"]).encoded
    assert (column.reading, column.formats) == ("date", ("ISO8601", "%d/%m/%Y %H:%M", "%d/%m/%Y"))
    np.testing.assert_array_equal(column.values(values_of(pd.Series(DATES))), [20119, 20120.5, 20148, 20088, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(column.values(values_of(pd.Series(["2025-01-31T06:00:00+00:00", "soon"]))), [20119.25, np.nan])


@pytest.mark.parametrize(("texts", "first"), [(["01/12/2025", "12/31/2024"], 20100), (["01/12/2025", "31/12/2024"], 20423)])
def test_day_and_month_are_told_apart_by_all_values(texts: list[str], first: float) -> None:
    (column,) = learn(pd.DataFrame({"signed": [*texts, "02/02/2025"] * 10}), ["signed"]).encoded
    assert column.values(values_of(pd.Series(texts)))[0] == first


@pytest.mark.parametrize("texts", [["12", "13a", "14b"], ["v1.2.3", "v1.2.4", "v2.0.0"], ["31/01", "01/02", "03/02"]])
def test_what_only_resembles_numbers_or_dates_stays_a_level(texts: list[str]) -> None:
    (column,) = learn(pd.DataFrame({"code": texts * 10}), ["code"]).encoded
    assert column.reading == "levels"


def test_levels_are_spelled_as_the_company_mostly_does() -> None:
    assert learned().encoded[3].spelling == {"paris": "Paris", "lyon": "Lyon", "nice": "Nice"}


def test_back_from_json_the_same_numbers_in_the_same_order() -> None:
    columns = learned()
    rebuilt = Columns.of(json.loads(json.dumps(columns.document(), sort_keys=True)))
    assert list(rebuilt.kinds) == list(columns.kinds)
    np.testing.assert_array_equal(rebuilt.matrix(ROWS), columns.matrix(ROWS))


def test_what_was_left_out_may_be_there_or_not() -> None:
    columns = learned()
    columns.check(Table.of(ROWS), "x", ())
    columns.check(Table.of(ROWS[list(columns.kinds)]), "x", ())
    with pytest.raises(WrongColumns, match="surprise"):
        columns.check(Table.of(ROWS.assign(surprise=1)), "x", ())


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=4)), min_size=1, max_size=60))
def test_mixed_types_are_read_without_being_asked(values: list[object]) -> None:
    rows = pd.DataFrame({"mixed": pd.Series(values, dtype=object), "other": range(len(values))})
    columns = learn(rows, ["mixed", "other"])
    matrix = columns.matrix(rows)
    assert matrix.shape == (len(values), len(columns.encoded))
    assert not np.isinf(matrix).any()
    shuffled = rows.iloc[::-1]
    np.testing.assert_array_equal(columns.matrix(shuffled), matrix[::-1])


def test_skewed_amounts_enter_by_their_logarithm_and_others_as_they_are() -> None:
    amounts = np.array([0.0, 1.0, 2.0, 4.0, 4.0, 4.0, 900.0, 4000.0, np.nan])
    skewed, even, signed = learn_design(np.column_stack([amounts, np.arange(9.0), amounts - 5]), ()).terms
    assert (skewed.unit, even.unit, signed.unit) == (4.0, 0.0, 0.0)  # the median of the positive ones
    doubled = skewed.raw(np.array([4.0, 4.0 * (2 * 2 - 1), 4.0 * (4 * 2 - 1)]))[:, 1]  # 1 + x / 4 is 2, 4, 8: steps of ln 2
    assert np.diff(doubled) == pytest.approx(np.log(2) / skewed.spread)
    assert skewed.raw(np.array([-3.0]))[0, 1] == skewed.raw(np.array([0.0]))[0, 1]
