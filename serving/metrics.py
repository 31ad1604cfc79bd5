"""The Prometheus metrics: requests by route and status, their time, and what was answered by which version of which model.

A path is never a label: it may hold the id of a contact, and each would be a series of its own. Workers count in files below
PROMETHEUS_MULTIPROC_DIR, which BentoML sets, so that any of them can tell the sums of all.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SERIES = 1_000
"""So many of a metric's series are remembered by their labels."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Ended(NamedTuple):
    """A request that was answered or refused.

    Parameters
    ----------
    seconds
        From the request to its answer.
    models
        By name, the versions that answered it.
    items, failed
        How many it had, and how many of them failed.
    """

    route: str
    method: str
    status: int
    seconds: float
    models: Mapping[str, int]
    items: int
    failed: int


class _Times(Histogram):
    """A histogram that takes the times of some requests at once: each by itself would be locked and written twice."""

    def observe_all(self, seconds: Sequence[float]) -> None:
        """Count each in its bucket, which reaches up to its bound."""
        self._sum.inc(sum(seconds))
        for bucket, count in Counted(bisect_left(self._upper_bounds, one) for one in seconds).items():
            self._buckets[bucket].inc(count)


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests", "route", "method", "status")
        self._answers = self._counter("answers", "Requests that a model answered", "route", "model", "version")
        self._forecasts = self._counter("forecasts", "Forecasts drawn, or answered from what was drawn", "quantity", "outcome")
        self._items = self._counter("items", "Items answered or refused", "route", "outcome")
        name, said = "funnelcast_request_seconds", "From the request to its answer"
        self._seconds = lru_cache(_SERIES)(_Times(name, said, ("route",), buckets=_BUCKETS, registry=self._registry).labels)

    def _counter(self, name: str, said: str, *labels: str) -> Callable[..., Counter]:
        """Give what finds the counter of some labels."""
        return lru_cache(_SERIES)(Counter(f"funnelcast_{name}", said, labels, registry=self._registry).labels)

    def count(self, ended: Sequence[Ended]) -> None:
        """Count some requests, what was answered, by whom, and how many items."""
        for route in {one.route for one in ended}:
            self._seconds(route).observe_all([one.seconds for one in ended if one.route == route])
        for labels, count in Counted((one.route, one.method, one.status) for one in ended).items():
            self._requests(*labels).inc(count)
        for labels, count in Counted((one.route, *model) for one in ended for model in one.models.items()).items():
            self._answers(*labels).inc(count)
        for route in {one.route for one in ended if one.items}:
            failed = sum([one.failed for one in ended if one.route == route])
            answered = sum([one.items for one in ended if one.route == route]) - failed
            for outcome, count in (("answered", answered), ("failed", failed)):
                if count:
                    self._items(route, outcome).inc(count)

    def count_forecast(self, quantity: str, *, known: bool) -> None:
        """Count a forecast: ``hit`` where it had been drawn before, else ``miss``."""
        self._forecasts(quantity, "hit" if known else "miss").inc()

    def page(self) -> bytes:
        """Give the page that Prometheus reads."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)
