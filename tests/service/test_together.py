from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any, cast

import pytest

from serving import scoring
from serving import together as together_module
from serving.items import Asked
from serving.problems import Refused
from serving.reading.contracts import ClvRequest, ScoreRequest, Shape
from serving.replies import Answered
from serving.scoring import Given, Scorer, Scoring
from serving.store import State, Store
from serving.together import Together
from tests.service.conftest import Client


def contact(name: str, **facts: Any) -> dict[str, Any]:
    touches = [{"occurred_at": "2025-02-01T10:00:00Z", "channel": "email", "kind": "email_open"}]
    return {"contact_id": name, "created_at": "2025-01-10T00:00:00Z", "touchpoints": touches, **facts}


def bought(day: int, **more: Any) -> dict[str, Any]:
    return {"occurred_at": f"2025-02-{day:02d}T10:00:00Z", "amount": 10.0 * day, **more}


DEAL = {"deal_id": "d1", "opened_at": "2025-01-12T00:00:00Z", "amount": 500.0}
SCORES: list[ScoreRequest] = [
    ScoreRequest(contacts=[contact("a", transactions=[bought(3, transaction_id="t"), bought(9)], deals=[DEAL])]),
    ScoreRequest(contacts=[contact("a", transactions=[bought(4, transaction_id="t")], deals=[DEAL]), contact("b")], explain=2, lang="fr"),
    ScoreRequest(contacts=[contact("b"), {"contact_id": "c", "transactions": [bought(3, amount=float("nan"))]}]),
    ScoreRequest(contacts=[contact("e", created_at="2025-03-10T00:00:00Z")], explain=1),
]
VALUES: list[ClvRequest] = [
    ClvRequest(contacts=[{"contact_id": "a", "frequency": 3, "recency": 40.0, "T": 90.0, "monetary_value": 30.0}], horizon_days=30.0),
    ClvRequest(
        contacts=[
            {"contact_id": "a", "transactions": [bought(3), bought(9)]},
            {"contact_id": "n", "transactions": [bought(3, amount=-5.0)]},
        ]
    ),
    ClvRequest(
        contacts=[
            {"contact_id": "b", "transactions": [bought(5)]},
            {"contact_id": "s", "frequency": 0, "recency": 0.0, "T": 9.0, "monetary_value": 0.0},
            {"contact_id": "w", "frequency": 9, "recency": 3.0, "T": 9.0, "monetary_value": 1.0},
        ]
    ),
    ClvRequest(contacts=[{"contact_id": "a", "frequency": 3, "recency": 40.0, "T": 90.0, "monetary_value": 30.0}], discount_rate=0.0),
]


@pytest.mark.parametrize(
    ("scorer", "requests"),
    [(partial(scoring.score, "churn"), SCORES), (partial(scoring.score, "lead_scoring"), SCORES), (scoring.value, VALUES)],
    ids=["churn", "leads", "clv"],
)
def test_requests_get_together_what_they_would_get_alone(client: Client, scorer: Scorer, requests: Sequence[Any]) -> None:
    state: State = cast("Any", client.app).state.store.state()
    asked = [
        Asked(request.model_copy(update={"as_of": date(2025, 3 + place // 2, 1)}), f"r{place}") for place, request in enumerate(requests)
    ]
    together = scorer(state, asked)
    alone = [scorer(state, [one]) for one in asked]
    assert list(together.replies) == [given.replies[0] for given in alone]
    assert list(together.kept) == [kept for given in alone for kept in given.kept]
    assert len({reply["as_of"] for reply in together.replies}) == len(asked) / 2
    items = [item for reply in together.replies for item in reply.get("scores") or reply["predictions"]]
    assert [sum("error" in item for item in items) > 0, len(together.kept) > 3] == [True, True]


class Kept:
    """Stands for the store: holds answers back until they may be kept."""

    def __init__(self) -> None:
        self.may, self.kept = threading.Event(), list[Any]()
        self.failure: Exception | None = None
        self.broken: Exception | None = None

    def state(self) -> Any:
        return None

    def remember_at_once(self, _: Sequence[Any]) -> bool:
        if self.broken:
            raise self.broken
        return False

    def remember(self, kept: Sequence[Any]) -> None:
        assert self.may.wait(10)
        if self.failure:
            raise self.failure
        self.kept += kept


class Word(Shape):
    """What the scorer of these tests takes."""

    said: str
    padding: str = ""


def body(said: str, size: int = 0) -> bytes:
    return json.dumps({"said": said, "padding": "x" * size}).encode()


def echo(batches: list[int], _: State, asked: Sequence[Asked]) -> Given:
    batches.append(len(asked))
    for one in asked:
        if one.request.said == "fault":
            raise ZeroDivisionError
    return Given([{"said": one.request.said} for one in asked], [cast("Any", one.request_id) for one in asked])


def said(found: Sequence[Any]) -> list[Any]:
    """Give what was answered, or what went wrong."""
    return [json.loads(one.document)["said"] if isinstance(one, Answered) else one for one in found]


async def answers(store: Kept, batches: list[int], bodies: Sequence[bytes]) -> list[Any]:
    together, echoes = Together(cast("Store", store)), Scoring(Word, partial(echo, batches))

    async def ask(number: int, sent: bytes) -> Any:
        together.require_room()
        return await together.ask(echoes, sent, str(number))

    gathered = asyncio.gather(*(ask(number, sent) for number, sent in enumerate(bodies)), return_exceptions=True)
    await asyncio.sleep(0.05)
    assert not gathered.done()
    store.may.set()
    return list(await gathered)


def test_nobody_is_answered_before_the_answers_are_kept() -> None:
    store, batches = Kept(), list[int]()
    found = asyncio.run(answers(store, batches, [body("a"), body("b"), body("c")]))
    assert [json.loads(one.document) for one in found] == [{"said": name, "request_id": str(n)} for n, name in enumerate("abc")]
    assert store.kept == ["0", "1", "2"]
    assert batches == [3]


def test_a_fault_is_that_of_its_own_request() -> None:
    store, batches = Kept(), list[int]()
    found = said(asyncio.run(answers(store, batches, [body("a"), body("fault"), b"{", body("c"), b'{"said": 3}'])))
    assert [found[0], found[3]] == ["a", "c"]
    assert isinstance(found[1], ZeroDivisionError)
    assert [(found[place].status, found[place].kind) for place in (2, 4)] == [(400, "not-json"), (422, "invalid")]
    assert store.kept == ["0", "3"]
    assert batches == [3, 1, 1, 1]


def test_what_cannot_be_kept_is_told_to_everyone() -> None:
    store = Kept()
    store.failure = sqlite3.OperationalError("full")
    assert asyncio.run(answers(store, [], [body("a"), body("b")])) == [store.failure, store.failure]


def test_what_breaks_is_told_to_everyone() -> None:
    async def ask() -> list[Any]:
        store = Kept()
        together, echoes = Together(cast("Store", store)), Scoring(Word, partial(echo, []))
        together._turns, store.broken = 2, OSError("no disk")
        return await asyncio.gather(*(together.ask(echoes, body(name), name) for name in "ab"), return_exceptions=True)

    assert [str(error) for error in asyncio.run(ask())] == ["no disk", "no disk"]


def test_much_is_answered_in_several_turns() -> None:
    batches: list[int] = []
    assert said(asyncio.run(answers(Kept(), batches, [body(name, 16 * 2**10) for name in "abcdefgh"]))) == list("abcdefgh")
    assert batches == [2, 2, 2, 2]


def test_a_caller_who_has_gone_holds_nobody_up() -> None:
    async def leave() -> list[Any]:
        store, batches = Kept(), list[int]()
        store.may.set()
        together, echoes = Together(cast("Store", store)), Scoring(Word, partial(echo, batches))
        gone, stays = (asyncio.ensure_future(together.ask(echoes, body(name), name)) for name in "ab")
        await asyncio.sleep(0)
        gone.cancel()
        return said([await stays, await together.ask(echoes, body("c"), "c")])

    assert asyncio.run(leave()) == ["b", "c"]


def test_whoever_comes_when_too_many_wait_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together_module, "_MOST_WAITING", 2)
    found = said(asyncio.run(answers(Kept(), [], [body("a"), body("b"), body("c")])))
    assert found[:2] == ["a", "b"]
    assert isinstance(found[2], Refused)
    assert found[2].status == 503
    assert found[2].headers in [{"retry-after": str(seconds)} for seconds in (1, 2, 3)]
