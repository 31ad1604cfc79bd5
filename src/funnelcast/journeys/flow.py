"""The flow of journeys: how many pass from one channel to the next, touch by touch, and how they end; summed in the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir

from funnelcast.journeys.counts import brought_paths
from funnelcast.journeys.settling import CONVERTED, NULL, Settled
from funnelcast.sources.facts import Facts
from funnelcast.terms import Json

STEPS = 4
"""Touches that are told apart; what comes after them is one node."""
LATER, OTHER = "later", "(other)"
ENDS = ("converted", "open", "not_converted")
MOST_CHANNELS = 8
"""Of one step; the rest is one node."""
_LEAST_SHARE = 0.01
_PARTS = 10_000  # sums of whole parts don't depend on the order in which the engine meets the rows

Node = tuple[int | None, str]
"""A step from 1 and a channel, or no step and an end."""


class _Link(NamedTuple):
    step: int
    origin: Node
    target: Node
    journeys: float
    value: float


def flow(settled: Settled) -> dict[str, Json]:
    """Give the flow of journeys from touchpoints, those still open among them.

    Returns
    -------
    What ``brought_flow`` gives.
    """
    table = settled.journeys
    end = ibis.cases((table.state == CONVERTED, "converted"), (table.state == NULL, "not_converted"), else_="open")
    return _document(list(_links(table.select(path=table.path, end=end, journeys=ibis.literal(1.0), value=table.value).cache())))


def brought_flow(facts: Facts) -> dict[str, Json]:
    """Give the flow of the company's own aggregated ``journeys``.

    Returns
    -------
    ``journeys`` and ``conversions``, how many there are and how many of them converted; ``nodes``: ``step`` and ``channel`` of the first
    four touches, step 5 ``later`` for all beyond, and the ends, with ``step`` null; ``links``: ``step``, ``from`` and ``to`` (places among
    the nodes), ``journeys`` and ``value``. What comes into a node goes out of it; channels under 1 % of all journeys are one, ``(other)``.
    """
    rows = brought_paths(facts)
    won = rows.select(path=rows.path, end=ibis.literal("converted"), journeys=rows.conversions, value=rows.value)
    lost = rows.select(path=rows.path, end=ibis.literal("not_converted"), journeys=rows.nulls, value=ibis.literal(0.0))
    return _document(list(_links(won.union(lost))))


def _links(table: ir.Table) -> Iterator[_Link]:
    length = table.path.length()
    for step in range(1, STEPS + 2):
        reached = table.filter(length >= step)
        origin = reached.path[step - 1] if step <= STEPS else ibis.literal(LATER)
        goes_on = (reached.path.length() > step) & ibis.literal(step <= STEPS)
        following = reached.path[step] if step < STEPS else ibis.literal(LATER)
        told = reached.mutate(origin=origin, following=ibis.ifelse(goes_on, following, ibis.null("string")), goes_on=goes_on)
        told = told.mutate(end=ibis.ifelse(told.goes_on, ibis.null("string"), told.end))
        summed = told.group_by(["origin", "following", "end"]).aggregate(
            journeys=(told.journeys * _PARTS).round().cast("int64").sum(), value=(told.value * _PARTS).round().cast("int64").sum()
        )
        rows: list[dict[str, Any]] = summed.order_by(["origin", "following", "end"]).to_pyarrow().to_pylist()
        for row in rows:
            target = (None, row["end"]) if row["following"] is None else (step + 1, row["following"])
            yield _Link(step, (step, row["origin"]), target, row["journeys"] / _PARTS, row["value"] / _PARTS)


def _document(links: Sequence[_Link]) -> dict[str, Json]:
    flowing = [link for link in links if link.journeys > 0]
    names = _named(flowing)
    summed: dict[tuple[int, Node, Node], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for link in flowing:
        found = summed[link.step, names.get(link.origin, link.origin), names.get(link.target, link.target)]
        found[0] += link.journeys
        found[1] += link.value
    nodes = sorted({node for _, *ends in summed for node in ends}, key=_order)
    places = {node: place for place, node in enumerate(nodes)}
    return {
        "journeys": sum(link.journeys for link in flowing if link.step == 1),
        "conversions": sum(link.journeys for link in flowing if link.target == (None, ENDS[0])),
        "nodes": [{"step": step, "end": name} if step is None else {"step": step, "channel": name} for step, name in nodes],
        "links": [
            {"step": step, "from": places[origin], "to": places[target], "journeys": count, "value": value}
            for (step, origin, target), (count, value) in sorted(
                summed.items(), key=lambda one: (one[0][0], places[one[0][1]], places[one[0][2]])
            )
        ],
    }


def _named(links: Sequence[_Link]) -> Mapping[Node, Node]:
    """Give the common node of channels that are too small to be told apart at their step, where there are several."""
    total = sum(link.journeys for link in links if link.step == 1)
    sizes: dict[Node, float] = defaultdict(float)
    for link in links:
        sizes[link.origin] += link.journeys
    found: dict[Node, Node] = {}
    for step in range(1, STEPS + 1):
        ranked = sorted((node for node in sizes if node[0] == step), key=lambda node: (-sizes[node], node[1]))
        small = [node for place, node in enumerate(ranked) if place >= MOST_CHANNELS or sizes[node] < _LEAST_SHARE * total]
        if len(small) > 1:
            found |= dict.fromkeys(small, (step, OTHER))
    return found


def _order(node: Node) -> tuple[int, bool, str]:
    step, name = node
    if step is None:
        return STEPS + 2, False, str(ENDS.index(name))
    return step, name == OTHER, name
