"""Dates as people export them."""

from __future__ import annotations

from datetime import datetime

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.sources.calendars import Calendar, Learnt

ENGINE = ibis.duckdb.connect(threads=1)
ENGINE.con.execute("set TimeZone = 'Europe/Paris'")


def parsed(values: list[str], calendar: Calendar) -> list[str | None]:
    given_values = ibis.memtable({"text": values}, schema={"text": "string"})
    stamps = ENGINE.to_pyarrow(given_values.select(value=calendar.parse(given_values.text)))["value"].to_pylist()
    return [stamp.isoformat(sep=" ") if stamp else None for stamp in stamps]


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2024-03-31", "2024-03-31 00:00:00"),
        ("2024-3-1", "2024-03-01 00:00:00"),
        ("2024/03/31", "2024-03-31 00:00:00"),
        ("2024-03-31 10:05", "2024-03-31 10:05:00"),
        ("2024-03-31T10:05:07.25", "2024-03-31 10:05:07.250000"),
        ("20240331", "2024-03-31 00:00:00"),
        ("20240331100507", "2024-03-31 10:05:07"),
        ("20240331T1005", "2024-03-31 10:05:00"),
        ("31/03/2024", "2024-03-31 00:00:00"),
        ("31-3-2024", "2024-03-31 00:00:00"),
        ("31.03.2024 08:00", "2024-03-31 08:00:00"),
        ("31/03/24", "2024-03-31 00:00:00"),
        ("31/03/2024 14h30", "2024-03-31 14:30:00"),
        ("31/03/2024 à 14:30", "2024-03-31 14:30:00"),
        ("31/03/2024, 14:30:15", "2024-03-31 14:30:15"),
        ("3/31/2024 2:30 PM", "2024-03-31 14:30:00"),
        ("31 Mar 2024", "2024-03-31 00:00:00"),
        ("31-Mar-24", "2024-03-31 00:00:00"),
        ("March 31, 2024", "2024-03-31 00:00:00"),
        (" 31/03/2024 ", "2024-03-31 00:00:00"),
    ],
)
def test_a_format_is_learnt_from_the_value(text: str, stamp: str) -> None:
    assert stamp in [parsed([text], calendar)[0] for calendar in Learnt().with_values([text]).calendars()]


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("2024-07-01T10:00:00Z", "2024-07-01 12:00:00"),
        ("2024-01-01T10:00:00Z", "2024-01-01 11:00:00"),
        ("2024-07-01 10:00:00+02:00", "2024-07-01 10:00:00"),
        ("2024-07-01T23:30:00-0500", "2024-07-02 06:30:00"),
        ("01/07/2024 10:00:00+00:00", "2024-07-01 12:00:00"),
    ],
)
def test_a_time_with_an_offset_becomes_the_companys_wall_clock(text: str, clock: str) -> None:
    assert parsed([text], Learnt().with_values([text]).calendars()[0]) == [clock]


@pytest.mark.parametrize(
    "text", ["yesterday", "32/01/2024", "31/02/2024", "2024-13-01", "12", "1704067200", "01/01/0012", "01/01/2300", ""]
)
def test_what_is_no_date_is_not_guessed(text: str) -> None:
    assert {parsed([text], calendar)[0] for calendar in Learnt().with_values([text, "2024-01-01", "31/12/2024"]).calendars()} == {None}


def test_two_figures_of_a_year_are_not_the_first_century() -> None:
    assert parsed(["01/03/12"], Calendar(("%d/%m/%Y",))) == [None]


def test_a_number_above_12_tells_the_order() -> None:
    families = [
        [calendar.family for calendar in Learnt().with_values(values).calendars()]
        for values in (
            ["01/02/2024", "03/04/2024"],
            ["01/02/2024", "13/04/2024"],
            ["01/02/2024", "04/13/2024"],
            ["13/01/2024", "01/13/2024"],
            ["2024-01-02"],
        )
    ]
    assert families == [["day first", "month first"], ["day first"], ["month first"], ["day first", "month first"], [""]]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.datetimes(datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2100-01-01")).map(
            lambda stamp: stamp.replace(microsecond=0)
        ),
        min_size=5,
        max_size=30,
    ),
    st.sampled_from(["%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S"]),
)
def test_every_stamp_survives_being_written(stamps: list[datetime], written: str) -> None:
    values = [stamp.strftime(written) for stamp in stamps]
    first = Learnt().with_values(values).calendars()[0]
    assert parsed(values, first) == [stamp.isoformat(sep=" ") for stamp in stamps]
