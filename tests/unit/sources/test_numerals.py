"""Numbers as people export them."""

from __future__ import annotations

import ibis
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.sources.numerals import Numerals

ENGINE = ibis.duckdb.connect(threads=1)
FRENCH = Numerals(",", None, "EUR")
ENGLISH = Numerals(".", None, "USD")


def parsed(values: list[str], numerals: Numerals) -> list[float | None]:
    """What the engine reads; Python's own test of each value must agree."""
    given_values = ibis.memtable({"text": values}, schema={"text": "string"})
    numbers: list[float | None] = ENGINE.to_pyarrow(given_values.select(value=numerals.parse(given_values.text)))["value"].to_pylist()
    assert [number is not None for number in numbers] == [numerals.reads(value) for value in values]
    return numbers


IN_FRENCH = {
    "1 234,56 €": 1234.56,
    "1\u00a0234,56\u00a0€": 1234.56,
    "1\u202f234\u202f567,8": 1234567.8,
    "1.234,56": 1234.56,
    "1'234,5": 1234.5,
    "12,5": 12.5,
    ",5": 0.5,
    "12,": 12.0,
    "1200": 1200.0,
    "-12,50": -12.5,
    "12,50-": -12.5,
    "−3": -3.0,
    "+3": 3.0,
    "(12,50)": -12.5,
    "(1 012,50 €)": -1012.5,
    "12 %": 0.12,
    "12,5%": 0.125,
    "EUR 7": 7.0,
    "7 eur": 7.0,
    "€-7": -7.0,
    "  7  ": 7.0,
    "1,5E3": 1500.0,
}
IN_ENGLISH = {"1,234.56": 1234.56, "(12.50)": -12.5, "$1,000": 1000.0, "USD 12.5": 12.5, "1.5e-3": 0.0015, "0.500": 0.5, ".5": 0.5}
NOT_FRENCH = [
    "",
    "abc",
    "12a",
    "1,2,3",
    "12.5",
    "1.23,5",
    "12 34",
    "12 $",
    "06 12 34 56 78",
    "1_000",
    "inf",
    "nan",
    "0x10",
    "--",
    "-",
    "€",
    "(12",
    "0.500",
]


def test_a_decimal_comma() -> None:
    assert dict(zip(IN_FRENCH, parsed(list(IN_FRENCH), FRENCH), strict=True)) == IN_FRENCH


def test_a_decimal_point() -> None:
    assert dict(zip(IN_ENGLISH, parsed(list(IN_ENGLISH), ENGLISH), strict=True)) == IN_ENGLISH


def test_what_is_no_french_amount_in_euros_is_not_guessed() -> None:
    assert dict(zip(NOT_FRENCH, parsed(NOT_FRENCH, FRENCH), strict=True)) == dict.fromkeys(NOT_FRENCH)


def test_a_declared_grouping_sign_is_the_only_one() -> None:
    assert parsed(["1 234,5", "1.234,5"], Numerals(",", " ", "EUR")) == [1234.5, None]
    assert parsed(["1 234,5", "1.234,5"], Numerals(",", ".", "EUR")) == [None, 1234.5]
    assert parsed(["1234,5", "1.234,5"], Numerals(",", "", "EUR")) == [1234.5, None]


def test_codes_are_numbers_only_where_a_number_is_asked_for() -> None:
    codes = ["01000", "0", "0,5", "1234567890123456", "-07"]
    assert parsed(codes, FRENCH) == [1000.0, 0.0, 0.5, 1234567890123456.0, -7.0]
    assert parsed(codes, Numerals(",", None, "EUR", codes=False)) == [None, 0.0, 0.5, None, None]


@settings(max_examples=20)
@given(
    st.lists(st.integers(-(10**11), 10**11).map(lambda cents: cents / 100), min_size=20, max_size=60), st.sampled_from(" \u00a0\u202f.'")
)
def test_every_amount_survives_being_written_the_french_way(amounts: list[float], grouping: str) -> None:
    written = [f"{amount:,.2f}".replace(",", grouping).replace(".", ",") if grouping != "." else german(amount) for amount in amounts]
    assert parsed(written, FRENCH) == amounts


def german(amount: float) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
