"""Items are read quickly or judged: both find the same items good, the same facts in them, and the same faults in the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from funnelcast.terms import AsOf
from serving.reading import request_facts
from serving.reading.contracts import FACTS, INSTANTS, LARGEST_NUMBER, Contact, Instant, Purchaser, Shape, Summary
from serving.reading.instants import microseconds, wall_clock
from serving.reading.quick_items import read_quickly
from serving.reading.request_facts import check, is_summary

ZONES = ("Europe/Paris", "UTC", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu")
PARIS = AsOf(datetime(2026, 3, 29, 3, 30), "Europe/Paris")  # noqa: DTZ001 (wall-clock)
KNOWN = {"region": "category", "distance_km": "number"}
CHANGES = [datetime(2025, 3, 30, 1, tzinfo=UTC), datetime(2025, 10, 26, 1, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)]
PARTS = (
    ("2025-02-01", "2024-02-29", "2025-02-29", "1900-01-01", "1899-12-31", "2199-12-31", "2025-2-01", "٢025-02-01"),
    ("T", " ", "t", "_", ""),
    ("10:00", "10:00:00", "23:59:60", "24:00:00", "10", "1000", ""),
    ("", ".5", ".123456", ".1234567", ",5", "."),
    ("Z", "z", "+02:00", "+0200", "+02", "-02", "-00:00", "+23:59", "+24:00", "+02:00:30", "", "\n", "Z "),
)
ODD_TEXTS = st.tuples(*map(st.sampled_from, PARTS)).map("".join)
MOMENTS = st.datetimes(datetime(1899, 12, 30), datetime(2050, 1, 3), timezones=st.just(UTC)) | st.builds(  # noqa: DTZ001 (UTC)
    lambda change, seconds: change + timedelta(seconds=seconds), st.sampled_from(CHANGES), st.integers(-90_000, 90_000)
)
OFFSETS = st.sampled_from([0, 60, 120, -210, 345, 630, -719])


def written(moment: datetime, offset: int, way: str) -> str:
    """Write an instant as one or the other system does."""
    text = moment.astimezone(
        ZoneInfo("UTC") if way == "Z" else datetime.fromisoformat(f"2025-01-01T00:00:00{signed(offset)}").tzinfo
    ).isoformat()
    return text.replace("+00:00", "Z") if way == "Z" else text.replace("T", " ") if way == "space" else text


def signed(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


USUAL_TEXTS = st.builds(written, MOMENTS, OFFSETS, st.sampled_from(["T", "space", "Z"]))
PAST_TEXTS = st.builds(written, st.datetimes(datetime(1971, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)), OFFSETS, st.just("T"))  # noqa: DTZ001
WRONG: list[Any] = [None, True, 0, -1, 3.0, 10**400, float("nan"), float("inf"), float("-inf"), "", "x", "x" * 501, [], {}, "1"]


NUMBERS = st.sampled_from(WRONG) | st.integers(-1, 4) | st.floats(0, 4) | st.sampled_from([36_525, 36_526, 1e12, 2e12, -0.0, 2.0])


def instant_of(text: str) -> datetime | None:
    try:
        return TypeAdapter(Instant).validate_python(text)
    except ValidationError:
        return None


@settings(max_examples=500)
@given(texts=st.lists(USUAL_TEXTS | ODD_TEXTS, max_size=4), zone=st.sampled_from(ZONES))
def test_instants_are_pydantic_s_and_zoneinfo_s(texts: list[str], zone: str) -> None:
    instants = [instant_of(text) for text in texts]
    expected = [microseconds(one.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for one in instants if one is not None]
    found = wall_clock(texts, zone)
    assert found is None or found.tolist() == expected
    assert found is not None or any(
        one is None or one.year not in range(1901, 2049) or odd(text) for one, text in zip(instants, texts, strict=True)
    )


def odd(text: str) -> bool:
    return text[10] == "t" or "z" in text or "," in text or ".1234567" in text


def test_every_way_to_write_an_instant_is_pydantic_s() -> None:
    texts = ["".join(parts) for parts in product(*PARTS)]
    found = [wall_clock([text], "UTC") for text in texts]
    instants = [instant_of(text) for text in texts]
    assert sum(one is not None for one in found) == 112
    for text, read, instant in zip(texts, found, instants, strict=True):
        assert read is None or (instant and read.tolist() == [microseconds(instant.astimezone(UTC).replace(tzinfo=None))]), text


@pytest.mark.parametrize("zone", ZONES)
def test_every_change_of_a_zone_is_found_to_the_second(zone: str) -> None:
    days = [datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(18_000)]
    offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() for day in days]
    changed = [day for day, before, after in zip(days, offsets, offsets[1:], strict=False) if before != after]
    moments = [day + timedelta(seconds=seconds) for day in changed[:40] for seconds in range(0, 86_400, 900)]
    around = [moment + timedelta(seconds=second) for moment in moments for second in (-1, 0)]
    found = wall_clock([moment.isoformat() for moment in around], zone)
    assert found is not None
    assert found.tolist() == [microseconds(moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for moment in around]


def facts_of(shape: type[Shape], chance: Any) -> Any:
    """Draw a document for a shape: right nearly everywhere."""
    values: dict[str, Any] = {}
    for name, field in shape.model_fields.items():
        if name in FACTS:
            values[name] = st.lists(facts_of(FACTS[name], chance), min_size=int(shape is Purchaser), max_size=2)
        elif name == "attributes":
            values[name] = st.dictionaries(
                st.sampled_from(["region", "distance_km"]), st.sampled_from([3, 2.5, True, None, 0, -0.0, 2**63])
            )
        elif name in INSTANTS[shape]:
            values[name] = PAST_TEXTS
        elif "amount" in name or name in {"margin", "score", "duration_minutes"}:
            values[name] = st.sampled_from([0, 1, 2.5, 1e6, -0.0])
        else:
            values[name] = st.sampled_from(["a", "é", "x" * 200])
        values[name] = values[name] if field.is_required() or name in FACTS else values[name] | st.none()
    needed = {name: value for name, value in values.items() if shape.model_fields[name].is_required()}
    return st.fixed_dictionaries(needed, optional={name: value for name, value in values.items() if name not in needed})


@st.composite
def spoilt(draw: st.DrawFn, shape: type[Shape]) -> Any:
    """Draw an item with something wrong or unusual somewhere."""
    item = draw(facts_of(shape, None))
    inside = [item, *(fact for name in FACTS for fact in item.get(name, []))]
    held = draw(st.sampled_from(inside))
    names = [*held, "surprise", "attributes", "transactions"]
    held[draw(st.sampled_from(names))] = draw(
        st.sampled_from(WRONG)
        | USUAL_TEXTS
        | ODD_TEXTS
        | st.dictionaries(st.sampled_from(["region", "shoe"]), st.sampled_from(WRONG), max_size=2)
    )
    return item


def items(shape: type[Shape]) -> Any:
    return st.lists(facts_of(shape, None) | spoilt(shape) | st.sampled_from([None, 3, "x", []]), max_size=5)


def plain(shaped: Any) -> Any:
    """Everything that is known of a good item."""
    if is_summary(shaped):
        return {name: repr(getattr(shaped, name)) for name in Summary.model_fields}
    names = next(
        shape.model_fields for shape in (Contact, Purchaser) if hasattr(shaped, "created_at") == ("created_at" in shape.model_fields)
    )
    return {
        name: [{field: getattr(fact, field) for field in FACTS[name].model_fields} for fact in getattr(shaped, name)]
        if name in FACTS
        else repr(getattr(shaped, name))
        for name in names
    }


@pytest.mark.parametrize("table", ["", *FACTS])
def test_whatever_stands_in_a_field_is_taken_or_refused_alike(table: str) -> None:
    shape = FACTS[table] if table else Contact
    right = {"contact_id": "a"} if not table else {name: RIGHT[name] for name, field in shape.model_fields.items() if field.is_required()}
    for name, value in product(
        [*shape.model_fields, "surprise"], [*WRONG, "a", 1, 5e5, "2025-01-01T00:00:00Z", [{}], [None], {"region": 1}, {"": 1}]
    ):
        held = {**right, name: value}
        require_same([{"contact_id": "a", table: [right, held]} if table else held, {"contact_id": "b"}], KNOWN)


@pytest.mark.parametrize("value", [*WRONG, 2**63, 2**63 - 1, -(2**63) - 1, LARGEST_NUMBER, "x" * 500], ids=lambda value: repr(value)[:20])
def test_attributes_are_taken_or_refused_alike(value: object) -> None:
    for name in ("region", "distance_km", "x" * 500, "x" * 501):
        require_same([{"contact_id": "a", "attributes": {name: value}}], {**KNOWN, "x" * 500: "category"})


@settings(max_examples=250)
@given(given_items=items(Contact))
def test_contacts_are_read_quickly_as_they_are_judged(given_items: list[Any]) -> None:
    require_same(given_items, KNOWN)


@settings(max_examples=200)
@given(given_items=items(Purchaser))
def test_purchasers_are_read_quickly_as_they_are_judged(given_items: list[Any]) -> None:
    require_same([item if isinstance(item, dict) and "transactions" in item else {**BUYER} for item in given_items], None)


@st.composite
def summaries(draw: st.DrawFn) -> Any:
    """Draw a summary, right as often as not."""
    names = st.sampled_from(["a", "é", "x" * 200, "x" * 201, ""])
    needed = {name: draw(NUMBERS) for name in ("frequency", "recency", "T", "monetary_value")}
    more = {"first_value": NUMBERS, **dict.fromkeys(("acquisition_channel", "journey_type", "surprise"), st.sampled_from(WRONG))}
    return {"contact_id": draw(names), **needed, **draw(st.fixed_dictionaries({}, optional=more))}


@settings(max_examples=500)
@given(given_items=st.lists(summaries(), max_size=5))
def test_summaries_are_read_quickly_as_they_are_judged(given_items: list[Any]) -> None:
    require_same([*given_items, BUYER], None)


@pytest.mark.parametrize(
    ("changed", "quick"),
    [({}, True), ({"frequency": 0, "recency": 0}, True), ({"frequency": 2.0}, False), ({"recency": 91}, False), ({"frequency": 0}, False)],
)
def test_a_summary_that_hangs_together_is_read_quickly(changed: dict[str, Any], quick: bool) -> None:
    summary = {"contact_id": "a", "frequency": 2, "recency": 60, "T": 90.5, "monetary_value": 31, **changed}
    assert bool(read_quickly({0: summary}, Summary, PARIS)) is quick
    require_same([summary], None)


CLOCKED = dict.fromkeys(("occurred_at", "started_at", "issued_at", "due_at", "opened_at"), "2025-02-01T10:00:00Z")
RIGHT: dict[str, Any] = {**CLOCKED, "amount": 1, "channel": "web"}
BUYER = {"contact_id": "b", "transactions": [{"occurred_at": "2025-01-01T00:00:00Z", "amount": 1}]}


def require_same(given_items: list[Any], attributes: dict[str, str] | None) -> None:
    found = check(given_items, [PARIS] * len(given_items), attributes)
    with patch.object(request_facts, "read_quickly", lambda *_: {}):
        judged = check(given_items, [PARIS] * len(given_items), attributes)
    assert found.faults == judged.faults
    assert {place: plain(item) for place, item in found.good.items()} == {place: plain(item) for place, item in judged.good.items()}


@settings(max_examples=50)
@given(good=facts_of(Contact, None), many=st.integers(1, 50), place=st.integers(0, 49))
def test_only_those_near_what_is_unusual_are_judged(good: Any, many: int, place: int) -> None:
    given_items = {number: {**good, "attributes": {}} for number in range(many)}
    assert read_quickly(given_items, Contact, PARIS).keys() == given_items.keys()
    place %= many
    given_items[place]["touchpoints"] = [{"occurred_at": "2025-02-01T10:00:00z", "channel": "email"}]
    assert read_quickly(given_items, Contact, PARIS).keys() == {number for number in given_items if number // 16 != place // 16}


def test_what_happens_at_as_of_is_not_before_it() -> None:
    contacts = [{"contact_id": text, "created_at": text} for text in ("2026-03-29T01:29:59.999999Z", "2026-03-29T03:30:00+02:00")]
    for given_items in (contacts, contacts[:1], contacts[1:]):
        checked = check(given_items, [PARIS] * len(given_items), {})
        assert [item.contact_id for item in checked.good.values()] == [item["contact_id"] for item in given_items if item is contacts[0]]
        assert ["not before as_of" in fault["error"] for fault in checked.faults.values()] == [True] * (contacts[1] in given_items)
