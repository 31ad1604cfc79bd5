"""One row per invoice and as_of: its terms, its age, and how the customer paid before, as known then."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.cohorts import day_of
from funnelcast.errors import WrongColumns
from funnelcast.sources.as_of import cut, known_to
from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]

KEY = "invoice_id"
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "as_of_day": "number",
        "age_days": "number",
        "terms_days": "number",
        "amount": "number",
        "prior_count": "number",
        "prior_mean_delay": "number",
        "recent_count": "number",
        "recent_mean_delay": "number",
        "last_delay": "number",
        "share_late": "number",
        "overdue_count": "number",
    }
)
"""What the models read. Days are whole calendar days; ``as_of_day`` counts from 1970-01-01, a delay from the due date."""

RECENT_DAYS = 180


def unpaid(facts: Facts, cohort: ir.Table | None, as_of: AsOf) -> ir.Table:
    """Give the invoices that weren't known to be paid: key, as_of, whose they are, and the model's columns.

    ``cohort`` (invoice_id, as_of) names some; None takes all that were known at as_of.
    """
    if cohort is None:
        known = cut(facts, as_of).table("invoices", "The payment delay")
        cohort = known.select(KEY, as_of=ibis.literal(as_of.at, type="timestamp"))
    known = known_to(facts, "invoices", cohort, key=KEY)
    return _described(facts, known.filter(known.paid_at.isnull())).order_by(KEY, "as_of")


def as_if_new(facts: Facts, as_of: AsOf, days: int, limit: int) -> ir.Table:
    """Give invoices issued in the days before as_of as if they were issued at as_of: what the next ones will be like.

    The newest ``limit``, with or without a deal; each keeps its customer, deal, amount and terms, and has an age of 0.
    """
    invoices = cut(facts, as_of).table("invoices", "The payment delay")
    lately = invoices.filter(day_of(invoices.issued_at) >= as_of.day - days)
    newest = lately.order_by(lately.issued_at.desc(), lately.invoice_id).limit(limit)
    template = newest.mutate(as_of=ibis.literal(as_of.at, type="timestamp"))
    return _described(facts, template, age=ibis.literal(0, "int64")).order_by(KEY)


def at_issue(facts: Facts, until: AsOf, limit: int) -> ir.Table:
    """Give the newest invoices as of their day of issue, with what became of them before ``until``.

    Outcomes: ``paid_days`` after as_of (null while open) and ``observed_days``, after which an open one is censored.
    """
    known = cut(facts, until)
    invoices = known.table("invoices", "The payment delay")
    newest = invoices.order_by(invoices.issued_at.desc(), invoices.invoice_id).limit(limit)
    issued = newest.mutate(as_of=newest.issued_at.truncate("D"))
    paid = ibis.greatest(day_of(issued.paid_at) - day_of(issued.as_of), 0)
    outcomes = issued.mutate(
        paid_days=ibis.ifelse(issued.paid_at.isnull(), ibis.null("int64"), paid),
        observed_days=ibis.greatest(until.day - day_of(issued.as_of), 0),
    )
    return _described(known, outcomes, "paid_days", "observed_days").order_by(KEY)


def execute(table: ir.Table) -> pd.DataFrame:
    """Run the rows' expression: numbers as float64, ids as they are."""
    frame: pd.DataFrame = table.execute()
    numbers = [name for name in frame.columns if name in COLUMNS or name in {"paid_days", "observed_days"}]
    return frame.astype(dict.fromkeys(numbers, np.float64))


def definition() -> str:
    """Give the SQL that computes the model's columns, whatever engine holds the facts."""
    schema = TABLES["invoices"]
    invoices = ibis.table({name: schema.type_of(name) for name in schema.names}, name="invoices")
    cohort = ibis.table({KEY: "string", "as_of": "timestamp"}, name="cohort")
    unbound = Facts(Source("any"), None, {"invoices": invoices})
    return str(ibis.to_sql(_described(unbound, known_to(unbound, "invoices", cohort, key=KEY)), dialect="duckdb"))


def checked(rows: pd.DataFrame) -> pd.DataFrame:
    """Give exactly the model's columns as float64.

    Raises
    ------
    WrongColumns
        A column is missing, not known, or no number.
    """
    missing = sorted(set(COLUMNS) - set(rows.columns))
    extra = sorted(set(rows.columns) - set(COLUMNS))
    wrong = sorted(name for name in COLUMNS if name in rows.columns and not pd.api.types.is_numeric_dtype(rows[name]))
    if missing or extra or wrong:
        raise WrongColumns(family="payment_delay", missing=missing, extra=extra, wrong=wrong)
    return rows[list(COLUMNS)].astype(np.float64)


def _described(facts: Facts, invoices: ir.Table, *outcomes: str, age: Any = None) -> ir.Table:
    habits = _habits(facts, invoices)
    joined = invoices.left_join(habits, ["contact_id", "as_of"])
    own_overdue = (day_of(joined.due_at) < day_of(joined.as_of)).cast("int64") if age is None and not outcomes else ibis.literal(0, "int64")
    count, recent = ibis.coalesce(joined.prior_count, 0), ibis.coalesce(joined.recent_count, 0)
    columns = {
        "as_of_day": day_of(joined.as_of),
        "age_days": ibis.greatest(day_of(joined.as_of) - day_of(joined.issued_at), 0) if age is None else age,
        "terms_days": day_of(joined.due_at) - day_of(joined.issued_at),
        "amount": joined.amount,
        "prior_count": count,
        "prior_mean_delay": joined.delay_sum / joined.prior_count.nullif(0),
        "recent_count": recent,
        "recent_mean_delay": joined.recent_sum / joined.recent_count.nullif(0),
        "last_delay": joined.last_sum / joined.last_count.nullif(0),
        "share_late": joined.late_count / joined.prior_count.nullif(0),
        "overdue_count": ibis.greatest(ibis.coalesce(joined.overdue_count, 0) - own_overdue, 0),
    }
    numbers = {name: value.cast("float64") for name, value in columns.items()}
    kept = {name: joined[name] for name in (KEY, "as_of", "contact_id", "deal_id", *outcomes)}
    return joined.select(**kept, **numbers)


def _habits(facts: Facts, invoices: ir.Table) -> ir.Table:
    """Sum up how each contact paid, as known at each as_of. All sums are of whole numbers: the same in any order of rows."""
    prior = known_to(facts, "invoices", invoices.select("contact_id", "as_of"), key="contact_id")
    paid = prior.paid_at.notnull()
    paid_day = day_of(prior.paid_at)
    dated = prior.mutate(
        paid=paid,
        paid_day=paid_day,
        delay=paid_day - day_of(prior.due_at),
        recent=paid & (day_of(prior.as_of) - paid_day <= RECENT_DAYS),
        overdue=~paid & (day_of(prior.due_at) < day_of(prior.as_of)),
    )
    each = ibis.window(group_by=["contact_id", "as_of"])
    last = dated.mutate(last=dated.paid & (dated.paid_day == dated.paid_day.max().over(each)))
    return last.group_by("contact_id", "as_of").aggregate(
        prior_count=_total(last.paid),
        delay_sum=_total(last.paid, last.delay),
        late_count=_total(last.paid & (last.delay > 0)),
        recent_count=_total(last.recent),
        recent_sum=_total(last.recent, last.delay),
        last_count=_total(last.last),
        last_sum=_total(last.last, last.delay),
        overdue_count=_total(last.overdue),
    )


def _total(which: Any, of: Any = 1) -> Any:
    return ibis.ifelse(which, of, 0).sum()
