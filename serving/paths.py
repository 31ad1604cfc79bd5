"""What a path stands for: the template of its route, and the scope that it needs."""

from __future__ import annotations

from serving.auth import ANY

UNMATCHED = "unmatched"
"""The route of whatever path leads nowhere."""

_PLAIN = frozenset({
    "/v1/churn/score", "/v1/leads/score", "/v1/clv/predict", "/v1/attribution/journey", "/v1/models",
    "/v1/forecast/sales", "/v1/forecast/pipeline", "/v1/forecast/cash",
    "/v1/attribution", "/v1/economics", "/v1/alerts", "/v1/track-record",
    "/v1/access", "/v1/overview", "/v1/segments", "/v1/channel-moves", "/v1/drift", "/v1/journeys",
    "/v1/lists/churn", "/v1/lists/leads", "/v1/lists/invoices", "/v1/lists/deals",
    "/openapi.json", "/metrics", "/livez", "/readyz", "/",
})  # fmt: skip
_HOLDING = {"/v1/contacts/": "/v1/contacts/{contact_id}", "/v1/models/": "/v1/models/{name}/card", "/assets/": "/assets/{file}"}
_OPEN = frozenset({"/", "/livez", "/readyz", "/assets/{file}", UNMATCHED})
_SCORING = (
    "/v1/churn",
    "/v1/leads",
    "/v1/clv",
    "/v1/attribution/journey",
    "/v1/contacts",
    "/v1/lists/churn",
    "/v1/lists/leads",
)
_OF_ALL = ("/v1/access", "/v1/alerts", "/v1/track-record", "/v1/models")


def template_of(path: str) -> str:
    """Give the route of a path, without the id or name that the path may hold."""
    if path in _PLAIN:
        return path
    return next((template for start, template in _HOLDING.items() if path.startswith(start)), UNMATCHED)


def needs_key(route: str) -> bool:
    """Say whether a route is for known callers."""
    return route not in _OPEN


def scope_of(path: str) -> str:
    """Give the scope that a path needs."""
    if path.startswith(_OF_ALL):
        return ANY
    if path.startswith(_SCORING):
        return "score"
    return "forecast" if path.startswith("/v1/") else "admin"
