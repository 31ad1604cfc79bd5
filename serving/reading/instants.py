"""Instants as requests write them, turned into wall-clock time of the source's zone, many at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Microseconds = npt.NDArray[np.int64]
"""From 1970-01-01 00:00 on."""

_UTC = pa.timestamp("us", "UTC")
_EPOCH, _MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)  # noqa: DTZ001 (wall-clock)
_PER_SECOND = 1_000_000
_FIRST, _END = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1900, 2050))
_STEP = 3 * 86_400
"""Seconds from one look at a zone's offset to the next: since 1900 none has changed it twice so soon."""
_CENTURY, _HOUR = len("2"), len("2025-02-01T10")


def microseconds(at: datetime) -> int:
    """Give wall-clock time, which has no offset, as microseconds."""
    return (at - _EPOCH) // _MICROSECOND


def wall_clock(texts: Sequence[str], timezone: str) -> Microseconds | None:
    """Give the wall-clock time of instants in a zone.

    Parameters
    ----------
    texts
        Time stamps of ISO 8601 with their offset.

    Returns
    -------
    Shape (texts,). None where any of them is no instant or an unusual one, before 1900, after 2049 or written as few do: each must then be
    looked at by itself.
    """
    written = pa.array(texts, pa.string())
    try:
        read = written.cast(_UTC)
    except pa.ArrowInvalid:
        return None
    utc = np.frombuffer(read.buffers()[1], np.int64, len(texts))
    if len(texts) and not (utc.min() >= _FIRST * _PER_SECOND and utc.max() < _END * _PER_SECOND and _written_in_full(written)):
        return None
    changes, offsets = _offsets(timezone)
    return utc + offsets[np.searchsorted(changes, utc, "right")]


def _written_in_full(written: pa.StringArray) -> bool:
    """Say whether time stamps that Arrow could read lie after 1899 by their own offset, and give its minutes and those of the hour."""
    _, places, letters = written.buffers()
    places, letters = np.frombuffer(places, np.int32, len(written) + 1), np.frombuffer(letters, np.uint8)
    century, after_hour, before_two = letters[places[:-1] + _CENTURY], letters[places[:-1] + _HOUR], letters[places[1:] - 3]
    in_full = (century != ord("8")) & (after_hour == ord(":")) & (before_two != ord("+")) & (before_two != ord("-"))
    return bool(in_full.all())


@cache
def _offsets(timezone: str) -> tuple[Microseconds, Microseconds]:
    """Give the instants of UTC at which a zone changes its offset, and the offsets before the first, between them and after the last."""
    zone = ZoneInfo(timezone)

    def offset(second: int) -> timedelta:
        return datetime.fromtimestamp(second, zone).utcoffset() or timedelta()

    looks = range(_FIRST, _END + _STEP, _STEP)
    changes = [
        _change(offset, start) for start, (before, after) in zip(looks, pairwise(map(offset, looks)), strict=False) if before != after
    ]
    offsets = [offset(_FIRST), *(offset(second) for second in changes)]
    return np.array(changes, np.int64) * _PER_SECOND, np.array([one // _MICROSECOND for one in offsets], np.int64)


def _change(offset: Callable[[int], timedelta], start: int) -> int:
    """Give the second of the step from ``start`` on at which the offset changes."""
    before = offset(start)
    return start + bisect_left(range(_STEP), 1, key=lambda seconds: int(offset(start + seconds) != before))
