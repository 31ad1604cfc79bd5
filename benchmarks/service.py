"""The service under load, beside what one would otherwise serve the same champions with: `python -m benchmarks.service`.

One worker each, eight clients on connections that stay open, each with one request at a time; the clients are this process. The servers
take turns, so that a drifting machine is fair to all.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import load
from benchmarks.measure import Row, show
from benchmarks.served_company import MANY, Company, frame_split
from benchmarks.servers import Asked, Server
from training.train import default_as_of

LIBRARIES = ("bentoml", "mlflow", "uvicorn", "starlette", "lightgbm", "numpy")
_CONTACTS, _ROUNDS, _SECONDS = 2_000, 5, 3.0
_WARM_UP, _REQUESTS = 2_000, 25_000
_STARTS = 3


@dataclass(frozen=True)
class _Case:
    """One of the requests that are compared, and the fields in which both answers must be the same."""

    name: str
    model: str
    asked: str
    same: Sequence[str]


_CASES = (
    _Case("CLV of a customer", "clv", "one summary", ("p_alive", "expected_purchases", "clv", "clv_p10", "clv_p90")),
    _Case("a lead with its history", "lead_scoring", "one lead", ("probability", "low", "high")),
)


@dataclass(frozen=True)
class Spell:
    """What one server did in one turn: requests per second, seconds at two quantiles, and of processor time per request."""

    per_second: float
    p50: float
    p99: float
    cpu: float
    client: float

    @classmethod
    def of(cls, server: Server, asked: Asked, seconds: float) -> Spell:
        """Ask one server for a while."""
        before = server.cpu_seconds()
        found = load.ask(server.port, server.requests(asked), seconds=seconds)
        cpu = (server.cpu_seconds() - before) / len(found.latencies)
        return cls(found.per_second, found.quantile(0.5), found.quantile(0.99), cpu, found.own_seconds / found.seconds)


def main() -> None:
    """Print the table of the service alone."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description="The service beside others, under load.")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="of each server in each round")
    given = parser.parse_args()
    show(rows(given.rounds, given.seconds), LIBRARIES)


def rows(rounds: int = _ROUNDS, seconds: float = _SECONDS) -> Iterator[Row]:
    """Train, start every server, and let them take turns."""
    with tempfile.TemporaryDirectory() as made:
        company = Company.made(Path(made), _CONTACTS)
        sent = _sent(company)
        yield from _cold_starts(company, sent)
        with ExitStack() as running:
            ours = running.enter_context(company.ours(sent["one summary"]))
            echo = running.enter_context(company.echo())
            plain = running.enter_context(company.bentoml(sent["plain"]))
            lifetimes = running.enter_context(company.lifetimes(sent["clv vector"]))
            by_mlflow = {
                (model, signature): running.enter_context(company.mlflow(model, sent[f"{model} vector"], signature=signature))
                for model in company.rows
                for signature in (True, False)
            }
            for case in _CASES:
                rivals = [by_mlflow[case.model, True], by_mlflow[case.model, False]]
                vector = sent[f"{case.model} vector"]
                _require_same(ours, sent[case.asked], rivals[0], vector, case.same)
                contenders = [(ours, sent[case.asked]), *((rival, vector) for rival in rivals), (echo, sent[case.asked])]
                contenders += [(lifetimes, vector), (plain, sent["plain"])] if case.model == "clv" else []
                turns = _take_turns(contenders, rounds, seconds)
                yield from _beside(case.name, [server.name for server, _ in contenders[1:]], turns)
            rival, alone = by_mlflow["lead_scoring", True], sent["lead_scoring vector"]
            turns = _take_turns([(ours, sent["many leads"]), (rival, alone), (rival, sent["many vectors"])], rounds, seconds)
            yield from _by_lead(turns, [(f"{rival.name}, vector by vector", 1), (f"{rival.name}, {MANY} vectors at once", MANY)])
            yield _memory(ours, [sent["one summary"], sent["one lead"]])


def _sent(company: Company) -> dict[str, Asked]:
    """Write what is asked, by name."""
    as_of = default_as_of(company.facts).isoformat()
    summaries, leads = company.summaries(), company.leads()
    vectors = {model: company.vectors(model) for model in company.rows}
    singles = {
        f"{model} vector": Asked("/invocations", [frame_split(frame.iloc[place : place + 1]) for place in range(len(frame))])
        for model, frame in vectors.items()
    }
    return singles | {
        "one summary": Asked("/v1/clv/predict", [_body(contacts=[one]) for one in summaries]),
        "plain": Asked("/predict", [_body(contacts=[one]) for one in summaries]),
        "one lead": Asked("/v1/leads/score", [_body(contacts=[one], as_of=as_of) for one in leads]),
        "many leads": Asked("/v1/leads/score", [_body(contacts=leads, as_of=as_of)]),
        "many vectors": Asked("/invocations", [frame_split(vectors["lead_scoring"])]),
    }


def _cold_starts(company: Company, sent: Mapping[str, Asked]) -> Iterator[Row]:
    """Start ours and an empty BentoML service in turn, with nothing else running: the time to the first answer."""
    contenders, took = (company.ours(sent["one summary"]), company.bare_bentoml()), list[tuple[float, float]]()
    for _ in range(_STARTS):
        starts = []
        for server in contenders:
            with server:
                starts.append(server.cold_start)
        took.append((starts[0], starts[1]))
    own, theirs = (median(side) for side in zip(*took, strict=True))
    yield Row("from the start to the first answer", contenders[1].name, own, theirs, theirs / own, f"median of {_STARTS} starts in turn")


def _take_turns(contenders: Sequence[tuple[Server, Asked]], rounds: int, seconds: float) -> list[list[Spell]]:
    for server, asked in contenders:
        Spell.of(server, asked, seconds / 3)
    turns = [[Spell.of(server, asked, seconds) for server, asked in contenders] for _ in range(rounds)]
    return [list(spells) for spells in zip(*turns, strict=True)]


def _beside(name: str, others: Sequence[str], turns: list[list[Spell]]) -> Iterator[Row]:
    own, *theirs = turns
    mine = f"p50 {1e3 * _middle(own, 'p50'):.1f}, p99 {1e3 * _middle(own, 'p99'):.1f} ms"
    for other, spells in zip(others, theirs, strict=True):
        ratio = median(one.per_second / beside.per_second for one, beside in zip(own, spells, strict=True))
        rates = f"{_middle(own, 'per_second'):,.0f} and {_middle(spells, 'per_second'):,.0f} a second"
        cpu = f"processor {1e3 * _middle(own, 'cpu'):.2f} and {1e3 * _middle(spells, 'cpu'):.2f} ms"
        yield Row(
            name, other, 1e3 / _middle(own, "per_second"), 1e3 / _middle(spells, "per_second"), ratio, f"{rates}; {mine}; {cpu}", "ms"
        )


def _by_lead(turns: list[list[Spell]], others: Sequence[tuple[str, int]]) -> Iterator[Row]:
    """Compare large requests by what is scored in a second."""
    own, *theirs = turns
    for (other, size), spells in zip(others, theirs, strict=True):
        pairs = [(one.per_second * MANY, beside.per_second * size) for one, beside in zip(own, spells, strict=True)]
        mine, beside = (median(side) for side in zip(*pairs, strict=True))
        said = f"{mine:,.0f} and {beside:,.0f} leads a second; p50 {1e3 * _middle(own, 'p50'):.0f}, p99 {1e3 * _middle(own, 'p99'):.0f} ms"
        yield Row(f"{MANY} leads with their history", other, 1e3 / mine, 1e3 / beside, median(a / b for a, b in pairs), said, "ms a lead")


def _memory(server: Server, asked: Sequence[Asked]) -> Row:
    requests = [one for both in zip(*(server.requests(of) for of in asked), strict=True) for one in both]
    load.ask(server.port, requests, count=_WARM_UP)
    before = server.megabytes()
    load.ask(server.port, requests, count=_REQUESTS)
    after = server.megabytes()
    said = f"{100 * (after / before - 1):+.1f} % after {_WARM_UP:,} to warm up"
    return Row(f"resident memory after {_REQUESTS:,} requests", "before them", after, before, before / after, said, "MB")


def _require_same(own: Server, asked: Asked, other: Server, vectors: Asked, names: Sequence[str]) -> None:
    """Hold the answers to the first requests against each other: both serve the same champion."""
    for mine, theirs in zip(own.requests(asked)[:5], other.requests(vectors), strict=False):
        document: Any = json.loads(load.once(own.port, mine))
        (answer,) = document.get("scores") or document["predictions"]
        (row,) = json.loads(load.once(other.port, theirs))["predictions"]
        np.testing.assert_allclose([answer[name] for name in names], [row[name] for name in names], rtol=1e-9)


def _middle(spells: Sequence[Spell], name: str) -> float:
    return float(median(getattr(spell, name) for spell in spells))


def _body(**document: Any) -> bytes:
    return json.dumps(document).encode()


if __name__ == "__main__":
    main()
