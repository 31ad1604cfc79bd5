"""Asks a running service from Python: ``Service("http://127.0.0.1:3000", key="…").score_churn([...])``.

Needs httpx and nothing else of funnelcast, so a CRM's own code can take this one file along.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Any, Literal, NotRequired, Self, TypedDict, cast
from urllib.parse import quote

import httpx

_COME_BACK = ("urn:funnelcast:problem:too-many-requests", "urn:funnelcast:problem:too-busy")
"""What was refused before any work was done, so that the same request may be sent again. What took too long would take as long again."""

Item = Mapping[str, Any]
"""A contact or a touch as the service's OpenAPI document describes it; dates and time stamps (with their offset) may be Python's own."""


class Served(TypedDict):
    """The model that answered."""

    name: str
    version: int
    trained_as_of: str


class Reason(TypedDict):
    """What moved a score, as a sentence and as numbers."""

    feature: str
    value: Any
    effect: float
    text: str


class TrackRecord(TypedDict):
    """How right earlier answers were, in words (``en`` and ``fr``) and, where ``judged`` is above 0, as mean prediction and outcome."""

    judged: int
    text: dict[str, str]
    predicted: NotRequired[float]
    observed: NotRequired[float]
    low: NotRequired[float]
    high: NotRequired[float]


class Score(TypedDict):
    """One contact's score, or ``error`` alone where its facts can't be used (and no id where it had none)."""

    contact_id: str | None
    error: NotRequired[str]
    probability: NotRequired[float]
    low: NotRequired[float]
    high: NotRequired[float]
    grade: NotRequired[str | None]
    percentile: NotRequired[float | None]
    reasons: NotRequired[list[Reason]]
    expected_loss: NotRequired[float | None]
    channel_state: NotRequired[str]
    channel_next: NotRequired[dict[str, float] | None]
    expected_value: NotRequired[float | None]
    engagement_points: NotRequired[float | None]


class Scores(TypedDict):
    """The answer for churn or leads, one score per contact in the order asked."""

    scores: list[Score]
    as_of: str
    request_id: str
    models: list[Served]
    track_record: TrackRecord


class Value(TypedDict):
    """What one customer will be worth, or ``error`` alone (and no id where it had none)."""

    contact_id: str | None
    error: NotRequired[str]
    p_alive: NotRequired[float]
    p_purchase: NotRequired[float]
    expected_purchases: NotRequired[float]
    expected_spend: NotRequired[float]
    clv: NotRequired[float]
    clv_p10: NotRequired[float]
    clv_p90: NotRequired[float]


class Values(TypedDict):
    """The answer for CLV, one value per contact in the order asked."""

    predictions: list[Value]
    as_of: str
    request_id: str
    models: list[Served]
    track_record: TrackRecord


class Refused(Exception):
    """The service refused the request as a whole (RFC 9457).

    Parameters
    ----------
    status
        Of HTTP.
    kind
        The problem's stable type.
    detail
        What was wrong, a sentence.
    field
        The path of the field, where one is to blame.
    request_id
        By which the service's log knows the request.
    retry_after
        Seconds after which the service asks to come back; None where it doesn't.
    """

    def __init__(
        self, status: int, kind: str, detail: str, field: str | None, request_id: str | None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{status}: {detail}")
        self.status, self.kind, self.detail, self.field, self.request_id = status, kind, detail, field, request_id
        self.retry_after = retry_after


class Service:
    """A running service.

    Parameters
    ----------
    address
        Where it listens.
    key
        An API key, where the service has any.
    timeout
        Seconds until a request is given up.
    patience
        Seconds that a call may wait in all where the service asks to come back later, for a rate or because it has too much to do.
    transport
        Another way to the service than the network: for tests.
    """

    def __init__(
        self,
        address: str = "http://127.0.0.1:3000",
        key: str | None = None,
        *,
        timeout: float = 30.0,
        patience: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._patience = patience
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=address, headers=headers, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        """Keep connections until the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connections."""
        self._client.close()

    def score_churn(
        self, contacts: Sequence[Item], *, as_of: date | None = None, explain: int = 0, lang: Literal["en", "fr"] = "en"
    ) -> Scores:
        """Ask how likely each customer leaves.

        Parameters
        ----------
        contacts
            With contact_id and every fact that you have; at most 10,000.
        as_of
            Up to when facts count; None: now.
        explain
            How many reasons, 0 to 10, and in which language.

        Raises
        ------
        Refused
            The request as a whole is wrong; what is wrong with one contact is in its own score.
        """
        return cast("Scores", self._post("/v1/churn/score", contacts=contacts, as_of=as_of, explain=explain, lang=lang))

    def score_leads(
        self, contacts: Sequence[Item], *, as_of: date | None = None, explain: int = 0, lang: Literal["en", "fr"] = "en"
    ) -> Scores:
        """Ask how likely each lead buys; parameters and errors as of ``score_churn``."""
        return cast("Scores", self._post("/v1/leads/score", contacts=contacts, as_of=as_of, explain=explain, lang=lang))

    def predict_clv(
        self, contacts: Sequence[Item], *, as_of: date | None = None, horizon_days: float | None = None, discount_rate: float | None = None
    ) -> Values:
        """Ask what each customer will be worth, from transactions or from frequency, recency, T (days) and monetary_value."""
        asked = {"contacts": contacts, "as_of": as_of, "horizon_days": horizon_days, "discount_rate": discount_rate}
        return cast("Values", self._post("/v1/clv/predict", **asked))

    def credit_journey(self, touchpoints: Sequence[Item], *, value: float | None = None, method: str | None = None) -> dict[str, Any]:
        """Ask for the credit of each touch of one journey that ended in a conversion."""
        return self._post("/v1/attribution/journey", touchpoints=touchpoints, value=value, method=method)

    def contact(self, contact_id: str) -> dict[str, Any]:
        """Ask for every score of one contact from the last refresh."""
        return self._ask("GET", f"/v1/contacts/{quote(contact_id, safe='')}")

    def attribution(self, method: str | None = None) -> dict[str, Any]:
        """Ask for the credit of every channel, by the default method or another; ``all`` gives every one."""
        return self._ask("GET", "/v1/attribution", params={"method": method} if method else {})

    def economics(self) -> dict[str, Any]:
        """Ask for CAC, ROAS, CLV/CAC, payback and their like, by channel and period."""
        return self._ask("GET", "/v1/economics")

    def forecast(
        self,
        quantity: Literal["sales", "pipeline", "cash"],
        *,
        weeks: int | None = None,
        every: Literal["week", "month"] | None = None,
        periods: int | None = None,
        by: Literal["series", "channel", "owner"] | None = None,
        past: int | None = None,
        scenario: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask what will come in, by week or by ``periods`` months, and what a scenario would change; ``past`` periods come along."""
        asked = {"weeks": weeks, "every": every, "periods": periods, "by": by, "past": past, "scenario": scenario}
        return self._post(f"/v1/forecast/{quantity}", **asked)

    def alerts(self) -> dict[str, Any]:
        """Ask what deviates."""
        return self._ask("GET", "/v1/alerts")

    def track_record(self) -> dict[str, Any]:
        """Ask how often the answers were right."""
        return self._ask("GET", "/v1/track-record")

    def models(self) -> dict[str, Any]:
        """Ask what is served and since when."""
        return self._ask("GET", "/v1/models")

    def card(self, model: str) -> dict[str, Any]:
        """Ask what a served model is for, and how it did when it was judged."""
        return self._ask("GET", f"/v1/models/{quote(model, safe='')}/card")

    def access(self) -> dict[str, Any]:
        """Ask what this key may, and of which company."""
        return self._ask("GET", "/v1/access")

    def worklist(
        self,
        name: Literal["churn", "leads", "invoices", "deals"],
        *,
        channel: str | None = None,
        owner: str | None = None,
        segment: str | None = None,
    ) -> dict[str, Any]:
        """Ask whom to contact first, or which invoices and deals help the account most; of one channel, owner or segment."""
        asked = {"channel": channel, "owner": owner, "segment": segment}
        return self._ask("GET", f"/v1/lists/{name}", params={key: value for key, value in asked.items() if value is not None})

    def worklist_csv(self, name: Literal["churn", "leads", "invoices", "deals"], *, lang: Literal["en", "fr"] = "en") -> str:
        """Ask for a list as a table, as spreadsheets of this language read it."""
        return self._answered("GET", f"/v1/lists/{name}", params={"format": "csv", "lang": lang}).text

    def overview(self) -> dict[str, Any]:
        """Ask for the figures to look at first, each with interval, trend and target."""
        return self._ask("GET", "/v1/overview")

    def journeys(self) -> dict[str, Any]:
        """Ask how journeys go from channel to channel, touch by touch, and how they end."""
        return self._ask("GET", "/v1/journeys")

    def drift(self) -> dict[str, Any]:
        """Ask which facts that models read changed against a quarter ago."""
        return self._ask("GET", "/v1/drift")

    def segments(self) -> dict[str, Any]:
        """Ask what customers are worth by how they were won and how many channels they use."""
        return self._ask("GET", "/v1/segments")

    def channel_moves(self) -> dict[str, Any]:
        """Ask where customers are expected to buy: online, offline, both or nowhere."""
        return self._ask("GET", "/v1/channel-moves")

    def _post(self, path: str, **fields: Any) -> dict[str, Any]:
        """Send what is given; what is None is left to the service's default."""
        document = {name: value for name, value in fields.items() if value is not None}
        body = json.dumps(document, default=_plain, allow_nan=False)
        return self._ask("POST", path, content=body, headers={"content-type": "application/json"})

    def _ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._answered(method, path, **given).json()
        return found

    def _answered(self, method: str, path: str, **given: Any) -> httpx.Response:
        patience = self._patience
        while True:
            response = self._client.request(method, path, **given)
            if response.is_success:
                return response
            refused = _refused(response)
            if refused.kind not in _COME_BACK or refused.retry_after is None or refused.retry_after > patience:
                raise refused
            patience -= refused.retry_after
            time.sleep(refused.retry_after)


def _plain(value: object) -> str:
    """Write dates and time stamps as the service reads them."""
    if isinstance(value, datetime) and value.tzinfo is None:
        message = f"{value!r} says no time zone: give it one, since the service takes no time stamp without its offset"
        raise ValueError(message)
    if isinstance(value, date):
        return value.isoformat()
    message = f"{value!r} can't be sent: give text, numbers, dates, lists and mappings"
    raise TypeError(message)


def _refused(response: httpx.Response) -> Refused:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    detail = str(problem.get("detail") or response.reason_phrase)
    kind, after = str(problem.get("type", "about:blank")), response.headers.get("retry-after", "")
    return Refused(
        response.status_code,
        kind,
        detail,
        problem.get("field"),
        problem.get("request_id"),
        float(after) if after.isdecimal() and int(after) > 0 else None,
    )
