"""The flow of journeys, judged by counting them one by one in Python."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.journeys import JourneyRules, brought_flow, flow, settle
from funnelcast.journeys.flow import LATER, MOST_CHANNELS, OTHER, STEPS
from funnelcast.simulate import company
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf

AS_OF = AsOf.parse("2026-01-01", "Europe/Paris")
Step = tuple[int | None, str]


def counted(journeys: list[tuple[list[str], str, float]]) -> Counter[tuple[Step, Step]]:
    """Count the links of journeys: a touch to the next, the fourth to all later ones, the last to the end."""
    found: Counter[tuple[Step, Step]] = Counter()
    for path, end, count in journeys:
        nodes: list[Step] = [(place, channel) for place, channel in enumerate(path[:STEPS], start=1)]
        nodes += [(STEPS + 1, LATER)] if len(path) > STEPS else []
        nodes.append((None, end))
        for pair in itertools.pairwise(nodes):
            found[pair] += count  # type: ignore[assignment]
    return found


def links(document: dict[str, Any]) -> dict[tuple[Step, Step], float]:
    nodes: list[Step] = [(node["step"], node["channel"] if node["step"] else node["end"]) for node in document["nodes"]]
    assert len(set(nodes)) == len(nodes)
    for link in document["links"]:
        assert nodes[link["from"]][0] == link["step"]
        assert nodes[link["to"]][0] in {link["step"] + 1, None}
    return {(nodes[link["from"]], nodes[link["to"]]): link["journeys"] for link in document["links"]}


def test_the_flow_counts_every_journey_of_a_company() -> None:
    settled = settle(company(contacts=400, seed=3).facts(), AS_OF, JourneyRules())
    rows = settled.journeys.select("path", "state", "value").execute()
    ends = {"converted": "converted", "null": "not_converted", "open": "open"}
    told = [(list(path), ends[state], 1.0) for path, state in zip(rows["path"], rows["state"], strict=True)]
    document: Any = flow(settled)
    expected = counted(told)
    found = links(document)
    assert sum(found.values()) == sum(expected.values())
    for pair, count in expected.items():
        if OTHER not in {name for step, name in found_nodes(found) if step in {pair[0][0], pair[1][0]}}:
            assert found[pair] == count
    assert document["journeys"] == len(rows) > 500
    assert document["conversions"] == (rows["state"] == "converted").sum() > 50
    ending = [link for link in document["links"] if document["nodes"][link["to"]].get("end") == "converted"]
    assert sum(link["value"] for link in ending) == pytest.approx(rows["value"].sum())


def found_nodes(found: dict[tuple[Step, Step], float]) -> set[Step]:
    return {node for pair in found for node in pair}


def brought(paths: dict[str, tuple[float, float]]) -> Facts:
    rows = [{"path": path, "conversions": won, "value": 10.0 * won, "nulls": lost} for path, (won, lost) in paths.items()]
    return from_frames(Source("acme"), {"journeys": pd.DataFrame(rows)})


CHANNELS = st.sampled_from(["web", "store", "later", "converted"])
PATHS = st.lists(CHANNELS, min_size=1, max_size=7).map(" > ".join)


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(PATHS, st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=6).filter(
        lambda paths: any(map(any, paths.values()))
    )
)
def test_counts_that_the_company_brings_flow_alike(paths: dict[str, tuple[float, float]]) -> None:
    told = [
        (path.split(" > "), end, float(count))
        for path, both in paths.items()
        for end, count in zip(("converted", "not_converted"), both, strict=True)
        if count
    ]
    document: Any = brought_flow(brought(paths))
    found, expected = links(document), counted(told)
    assert sum(found.values()) == pytest.approx(sum(expected.values()))
    if not any(name == OTHER for _, name in found_nodes(found)):
        assert found == pytest.approx(dict(expected))
    into, out = Counter[Step](), Counter[Step]()
    for (origin, target), count in found.items():
        out[origin] += count  # type: ignore[assignment]
        into[target] += count  # type: ignore[assignment]
    for node in found_nodes(found):
        if node[0] not in {None, 1}:
            assert into[node] == pytest.approx(out[node])
    assert document["conversions"] == pytest.approx(sum(won for won, _ in paths.values()))
    assert document["journeys"] == pytest.approx(sum(won + lost for won, lost in paths.values()))


def test_channels_beyond_the_largest_are_one_and_one_alone_keeps_its_name() -> None:
    many = {f"c{number:02d}": (100.0 - number, 0.0) for number in range(MOST_CHANNELS + 3)}
    document: Any = brought_flow(brought(many))
    found = links(document)
    assert found[(1, OTHER), (None, "converted")] == sum(100.0 - number for number in range(MOST_CHANNELS, MOST_CHANNELS + 3))
    assert len(found) == MOST_CHANNELS + 1
    few: Any = brought_flow(brought({"web": (1_000.0, 0.0), "tiny": (1.0, 0.0)}))
    assert links(few)[(1, "tiny"), (None, "converted")] == 1.0
    two: Any = brought_flow(brought({"web": (1_000.0, 0.0), "tiny": (1.0, 0.0), "small": (2.0, 1.0)}))
    assert links(two)[(1, OTHER), (None, "converted")] == 3.0


def test_the_same_journeys_give_the_same_document() -> None:
    facts = company(contacts=300, seed=5).facts()
    assert flow(settle(facts, AS_OF, JourneyRules())) == flow(settle(facts, AS_OF, JourneyRules()))
