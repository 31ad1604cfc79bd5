"""Read the items of a request quickly: most are right, and write their facts as everyone does."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice, repeat
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from funnelcast import deadline
from funnelcast.terms import AsOf
from serving.reading.compiled import compiled
from serving.reading.contracts import AGREEMENTS, CLOCKS, FACTS, INSTANTS, Shape
from serving.reading.instants import microseconds, wall_clock

_NOTHING: Any = None
_LISTS = {shape: [name for name in FACTS if name in shape.model_fields] for shape in AGREEMENTS}
"""Of each kind of item, its lists of facts."""
_BLOCK = 16
"""Where an instant of some item is unusual, so many items with it are judged one by one."""


def read_quickly(items: Mapping[int, Any], shape: type[Shape], as_of: AsOf) -> dict[int, Any]:
    """Give, by their places, items of a shape in which nothing is wrong or unusual; the others are to be judged.

    Their instants are microseconds of wall-clock time in the source's zone.
    """
    found: dict[int, Any] = {}
    agreed, kind = AGREEMENTS[shape], compiled(shape)
    for place, item in items.items():
        deadline.check()
        try:
            found[place] = agreed(msgspec.convert(item, kind))
        except ValueError:
            continue
    if not found or _set_instants(list(found.values()), shape, as_of):
        return found
    kept: dict[int, Any] = {}
    for first in range(0, len(found), _BLOCK):
        deadline.check()
        block = dict(islice(found.items(), first, first + _BLOCK))
        kept |= block if _set_instants(list(block.values()), shape, as_of) else {}
    return kept


def _set_instants(items: Sequence[Any], shape: type[Shape], as_of: AsOf) -> bool:
    """Turn all instants of items into wall-clock time, or none where one is unusual or a fact not before as_of; says whether it did."""
    lists = _LISTS[shape]
    facts = [[fact for item in items for fact in getattr(item, name)] for name in lists]
    holders = [(items, shape, "created_at"), *((held, FACTS[name], CLOCKS[name]) for name, held in zip(lists, facts, strict=True))]
    fields = [(held, name, name == clock) for held, kind, clock in holders if held for name in INSTANTS[kind]]
    if not fields:
        return True
    values = np.array([text for held, name, _ in fields for text in map(attrgetter(name), held)], object)
    is_clock = np.repeat([which for _, _, which in fields], [len(held) for held, _, _ in fields])
    known = np.not_equal(values, _NOTHING)
    read = wall_clock(values[known].tolist(), as_of.timezone)
    if read is None or (read[is_clock[known]] >= microseconds(as_of.at)).any():
        return False
    values[known] = read
    left = iter(values.tolist())
    for held, name, _ in fields:
        deque(map(setattr, held, repeat(name), left), maxlen=0)
    return True
