"""Requests that are counted together leave the metrics as if each had been counted by itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from serving.metrics import Ended, Metrics, _Times

BOUNDS = (0.001, 0.25, 1.0)
TIMES = st.lists(st.sampled_from([*BOUNDS, 0.0, 30.0]) | st.floats(0, 60), min_size=1)


@given(turns=st.lists(TIMES, max_size=5))
def test_times_taken_at_once_are_those_taken_one_by_one(turns: Sequence[Sequence[float]]) -> None:
    together, alone = CollectorRegistry(), CollectorRegistry()
    times, judge = _Times("t", "t", buckets=BOUNDS, registry=together), Histogram("t", "t", buckets=BOUNDS, registry=alone)
    for turn in turns:
        times.observe_all(turn)
        for one in turn:
            judge.observe(one)
    found, expected = (
        {(sample.name, *sample.labels.values()): sample.value for metric in registry.collect() for sample in metric.samples}
        for registry in (together, alone)
    )
    assert found.pop(("t_sum",)) == pytest.approx(expected.pop(("t_sum",)), rel=1e-12)
    found.pop(("t_created",)), expected.pop(("t_created",))
    assert found == expected


def test_each_route_has_its_own_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    metrics = Metrics()
    metrics.count([Ended(route, "POST", 200, seconds, {"clv": 3}, 2, 1) for route, seconds in (("/a", 0.002), ("/b", 0.2), ("/a", 0.0005))])
    lines = metrics.page().decode().splitlines()
    assert {
        'funnelcast_request_seconds_bucket{le="0.001",route="/a"} 1.0',
        'funnelcast_request_seconds_bucket{le="0.0025",route="/a"} 2.0',
        'funnelcast_request_seconds_count{route="/a"} 2.0',
        'funnelcast_request_seconds_count{route="/b"} 1.0',
        'funnelcast_requests_total{method="POST",route="/a",status="200"} 2.0',
        'funnelcast_answers_total{model="clv",route="/b",version="3"} 1.0',
        'funnelcast_items_total{outcome="failed",route="/a"} 2.0',
    } <= set(lines)
