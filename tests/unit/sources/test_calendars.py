"""Dates as people export them."""

from __future__ import annotations

from datetime import datetime

import ibis
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.sources.calendars import Calendar, Learnt

ENGINE = ibis.duckdb.connect(threads=1)
ENGINE.con.execute("set TimeZone = 'Europe/Paris'")


def parsed(values: list[str], calendar: Calendar) -> list[str | None]:
    given_values = ibis.memtable({"text": values}, schema={"text": "string"})
    stamps = ENGINE.to_pyarrow(given_values.select(value=calendar.parse(given_values.text)))["value"].to_pylist()
    return [stamp.isoformat(sep=" ") if stamp else None for stamp in stamps]


def learnt(texts: list[str], *known: str) -> dict[str, set[str]]:
    """Read each text by what it (and what is known) tells of its own format, with the day first and with the month first."""
    one = ibis.memtable(
        {str(number): [text] for number, text in enumerate(texts)}, schema=dict.fromkeys(map(str, range(len(texts))), "string")
    )
    calendars = [Learnt().with_values([text, *known]).calendars() for text in texts]
    columns = {
        f"{number} {way}": calendar.parse(one[str(number)]) for number, ways in enumerate(calendars) for way, calendar in enumerate(ways)
    }
    (row,) = ENGINE.to_pyarrow(one.select(**columns)).to_pylist()
    return {
        text: {row[f"{number} {way}"].isoformat(sep=" ") for way in range(len(calendars[number])) if row[f"{number} {way}"]}
        for number, text in enumerate(texts)
    }


ONE_WAY = {
    "2024-03-31": "2024-03-31 00:00:00",
    "2024-3-1": "2024-03-01 00:00:00",
    "2024/03/31": "2024-03-31 00:00:00",
    "2024.03.31": None,
    "2024-03-31 10:05": "2024-03-31 10:05:00",
    "2024-03-31T10:05:07.25": "2024-03-31 10:05:07.250000",
    "20240331": "2024-03-31 00:00:00",
    "20240331100507": "2024-03-31 10:05:07",
    "20240331T1005": "2024-03-31 10:05:00",
    "31/03/2024": "2024-03-31 00:00:00",
    "31-3-2024": "2024-03-31 00:00:00",
    "31.03.2024 08:00": "2024-03-31 08:00:00",
    "31/03/24": "2024-03-31 00:00:00",
    "31/03/2024 14h30": "2024-03-31 14:30:00",
    "31/03/2024 à 14:30": "2024-03-31 14:30:00",
    "31/03/2024, 14:30:15": "2024-03-31 14:30:15",
    "3/31/2024 2:30 PM": "2024-03-31 14:30:00",
    "31 Mar 2024": "2024-03-31 00:00:00",
    "31-Mar-24": "2024-03-31 00:00:00",
    "March 31, 2024": "2024-03-31 00:00:00",
    " 31/03/2024 ": "2024-03-31 00:00:00",
}


def test_a_format_is_learnt_from_the_value() -> None:
    assert learnt(list(ONE_WAY)) == {text: {stamp} if stamp else set() for text, stamp in ONE_WAY.items()}


def test_a_date_that_could_be_swapped_has_two_readings() -> None:
    assert learnt(["03/04/2024"]) == {"03/04/2024": {"2024-04-03 00:00:00", "2024-03-04 00:00:00"}}


WITH_OFFSET = {
    "2024-07-01T10:00:00Z": "2024-07-01 12:00:00",
    "2024-01-01T10:00:00Z": "2024-01-01 11:00:00",
    "2024-07-01 10:00:00+02:00": "2024-07-01 10:00:00",
    "2024-07-01T23:30:00-0500": "2024-07-02 06:30:00",
    "15/07/2024 10:00:00+00:00": "2024-07-15 12:00:00",
}


def test_a_time_with_an_offset_becomes_the_companys_wall_clock() -> None:
    assert learnt(list(WITH_OFFSET)) == {text: {clock} for text, clock in WITH_OFFSET.items()}


def test_what_is_no_date_is_not_guessed() -> None:
    rubbish = ["yesterday", "32/01/2024", "31/02/2024", "2024-13-01", "12", "1704067200", "01/01/0012", "01/01/2300", ""]
    assert learnt(rubbish, "2024-01-01", "31/12/2024") == {text: set() for text in rubbish}


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


@settings(max_examples=15)
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
