"""The quick reader of JSON against the standard library's, which is the judge of what is right and says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.problems import Refused
from serving.reading.strict_json import read, read_slowly

WORDS = st.text(max_size=4) | st.sampled_from(["a", "b", ":", '"', "\\", "é", "😀", '":', "\x7f", "\u2028"])
NUMBERS = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**400, -0.0, 5e-324])
)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)
PIECES = [
    b'{"a":1', b'"a":', b'"b" :', b'"\\u0061":', b"{", b"}", b"[", b"]", b",", b":", b" ", b"\n", b"\t", b"1", b"-0", b"-", b"01", b"1.",
    b"1e5", b"1E+400", b"-1e999", b"NaN", b"Infinity", b"true", b"nul", b'"', b'":"', b'"\\u003a"', b'"\\u003A:"', b'"\\\\u003a"', b"\x00",
    b'"\\ud83d\\ude00"', b'"\\ud83d"', b'"\\ude00\\ud83d"', b'"\xff"', b'"\xed\xa0\x80"', b'"\x01"', b"\xef\xbb\xbf", b'"\\x"', b'"\\/"',
    b"'", b"9" * 30, b"9" * 5_000, b"[" * 5_000,
]  # fmt: skip


def told(reader: Any, body: bytes) -> Any:
    """What a reader makes of a body, types and order of keys included."""
    try:
        return repr(reader(body))
    except Refused as refused:
        return refused.status, refused.kind, refused.detail


@settings(max_examples=300)
@given(document=DOCUMENTS, spaces=st.booleans(), escaped=st.booleans())
def test_what_is_written_is_read_as_it_was(document: Any, *, spaces: bool, escaped: bool) -> None:
    body = json.dumps(document, separators=None if spaces else (",", ":"), ensure_ascii=escaped).encode()
    assert told(read, body) == repr(document)


@settings(max_examples=1_000)
@given(pieces=st.lists(st.sampled_from(PIECES) | st.binary(max_size=2), max_size=9))
def test_whatever_comes_is_read_or_refused_as_the_standard_library_does(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    assert told(read, body) == told(read_slowly, body)


@settings(max_examples=300)
@given(
    document=DOCUMENTS,
    others=st.lists(st.tuples(st.sampled_from(["a", "b", "\\u0061", "a:"]), DOCUMENTS), max_size=4),
    escaped=st.booleans(),
)
def test_a_key_that_stands_twice_is_refused_wherever_it_is(document: Any, others: list[tuple[str, Any]], *, escaped: bool) -> None:
    members = ",".join(f'"{name}": {json.dumps(value, ensure_ascii=escaped)}' for name, value in others)
    body = f'[{json.dumps(document)}, {{"in": {{{members}}}}}]'.encode()
    names = [json.loads(f'"{name}"') for name, _ in others]
    found = told(read, body)
    assert found == told(read_slowly, body)
    assert isinstance(found, tuple) == (len(set(names)) < len(names))


@pytest.mark.parametrize("body", [
    b'{"a":"x","a":"\\u003a"}', b'{"a":"x","a":"\\u003A"}', b'{"a":1,"\\u0061":2}', b'{"a" : 1, "a"\n:2}', b'{"a:":1,"a:":"::"}',
    b'[{"a":{"b":1,"b":1}}]',
])  # fmt: skip
@pytest.mark.parametrize("space", [0, 10_000])
def test_no_disguise_hides_a_second_key(body: bytes, space: int) -> None:
    with pytest.raises(Refused, match="stands twice in one object"):
        read(body + b" " * space)


@given(document=DOCUMENTS)
def test_long_documents_are_read_as_short_ones(document: Any) -> None:
    many = [document] * 3_000
    assert read(json.dumps(many).encode()) == many
