"""What customers cost of late, and how fast money moved a quarter ago: what the figures of today are compared with."""

from __future__ import annotations

from funnelcast.economics.books import Books
from funnelcast.economics.calendar import MONTH, Span, last_month
from funnelcast.economics.channels import worth_per_cost
from funnelcast.economics.estimates import Bootstrap, by_cluster
from funnelcast.economics.sales_process import velocity
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json

MONTHS = 3
"""Full months are compared with as many before them."""
_DAYS = 91


def recent(known: Facts, books: Books, as_of: AsOf, draws: Bootstrap) -> dict[str, Json]:
    """Give the cost of a customer over the last three full months and the three before, and the pipeline's velocity 91 days ago.

    Returns
    -------
    ``now`` and ``before``: ``start, end, spend, customers, cac_blended`` E and ``clv_cac`` E, the mean CLV of all customers as it stands
    today per cost of a customer won in those months; null where spend doesn't reach over all of them. ``velocity``: ``as_of`` and
    ``per_day`` E, null where no deal was known.
    """
    newest = last_month(as_of)
    whole = Span(MONTH, newest, 1, as_of).document(0)["partial"] is False
    end = newest + 1 if whole else newest
    spans = {"now": end - MONTHS, "before": end - 2 * MONTHS}
    told: dict[str, Json] = {name: _won(books, Span(MONTH, first, MONTHS, as_of), draws) for name, first in spans.items()}
    return {**told, "velocity": _velocity(known, as_of.plus(-_DAYS), draws)}


def _won(books: Books, span: Span, draws: Bootstrap) -> dict[str, Json] | None:
    spend, acquired = books.spend, books.acquired
    if spend is None or acquired is None or spend.empty:
        return None
    first, end = span.first, span.first + span.count
    if int(spend["month"].min()) > first or int(spend["month"].max()) < end - 1:
        return None
    spent = round(float(spend.loc[spend["month"].between(first, end - 1), "amount"].sum()), 6)
    customers = by_cluster(acquired[acquired["month"].between(first, end - 1)], "customers")
    if spent <= 0:
        return None
    return {
        "start": span.document(0)["start"],
        "end": span.document(span.count - 1)["end"],
        "spend": spent,
        "customers": float(customers.sum()),
        "cac_blended": draws.cost_per(spent, customers),
        "clv_cac": None if books.worth is None else worth_per_cost(books.worth, spent, customers, draws),
    }


def _velocity(known: Facts, then: AsOf, draws: Bootstrap) -> dict[str, Json] | None:
    if not known.has("deals"):
        return None
    earlier = cut(known, then)
    if not int(earlier.table("deals").count().execute()):
        return None
    return {"as_of": then.isoformat(), "per_day": velocity(earlier, then, draws)["per_day"]}
