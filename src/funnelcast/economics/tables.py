"""The economics as tables for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

Row = Mapping[str, Any]
Write = Callable[[float], str]
NONE = "–"
_BEST = 8  # combinations shown
_NEWEST = {"month": 13, "quarter": 8}  # periods shown
_MONTHS = (1, 2, 3, 6, 9, 12)  # of a customer's life shown
_FEWEST = 10  # customers below whom a share is left out of the triangle
_SMALL = 100  # below which decimals are written


def tables(document: Row) -> Iterator[Table | str]:
    """Write the document as tables and sentences; what isn't known is left out, and said at the end."""
    yield _head(document)
    yield _total(document["total"])
    yield from _channels(document["channels"])
    if document["periods"]:
        yield from _periods(document["periods"])
    if document["combinations"] and document["combinations"]["sets"]:
        yield from _combinations(document["combinations"])
    if document["journey_types"]:
        yield _journey_types(document["journey_types"])
    if document["retention"]:
        yield from _retention(document["retention"])
    if document["reactivation"]:
        yield _reactivation(document["reactivation"])
    if document["interactions"]:
        yield _interactions(document["interactions"])
    if document["deal_stages"]:
        yield _deal_stages(document["deal_stages"])
    if document["velocity"]:
        yield _velocity(document["velocity"])
    yield from _gaps(document)


def money(value: float) -> str:
    """Write an amount, a ratio or a rate to about three digits: 1,234 or 12.3 or 1.23."""
    size = abs(value)
    if size >= _SMALL or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= _SMALL / 10 else f"{value:.2f}"


def percent(value: float) -> str:
    """Write a share: 12 %."""
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.1%}"


def number(value: float) -> str:
    """Write a count, or days."""
    return f"{value:,.0f}"


def told(figure: Row | None, write: Write) -> str:
    """Write a figure with its interval beside it."""
    if figure is None:
        return NONE
    value, low, high = (NONE if figure[bound] is None else write(figure[bound]) for bound in ("value", "low", "high"))
    between = " to " if "-" in low + high or NONE in (low, high) else NONE
    return value if low == value == high else f"{value} ({low}{between}{high})"


def plain(value: float | None, write: Write) -> str:
    """Write a figure without an interval."""
    return NONE if value is None else write(value)


def _head(document: Row) -> str:
    lag = document["spend_lag_days"]
    spend = f"what was won {lag} days later" if lag else "what was won in the same time (no lag)"
    later = (
        f"; {money(document['spend_not_yet_counted'])} is too young for that and isn't counted" if document["spend_not_yet_counted"] else ""
    )
    margin = document["margin"]
    basis = f" Margins: {margin['basis']}, {percent(margin['share'])} of sales." if margin else ""
    interval = f"{document['level']:.0%} intervals in brackets"
    return escape(f"As of {document['as_of'][:10]}, in {document['currency']}, {interval}. Spend is set against {spend}{later}.{basis}")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    return table


def _rows(title: str, columns: Sequence[str], rows: Iterator[Sequence[str]]) -> Table:
    table = _table(title, *columns)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _total(total: Row) -> Table:
    columns = ("spend", "leads", "customers", "cost per customer (CAC)", "sales per spent (ROAS)", "margin less spend")
    counts = [plain(total[name], number) for name in ("spend", "leads", "customers")]
    figures = [told(total["cac_blended"], money), told(total["roas_blended"], money), told(total["contribution_margin"], money)]
    return _rows("All channels", columns, iter([[*counts, *figures]]))


def _channels(channels: Sequence[Row]) -> Iterator[Table]:
    columns = ("channel", "spend", "leads", "customers", "cost per lead", "became customers", "cost per customer of its leads")
    yield _rows(
        "Channels: the leads that they brought",
        columns,
        (
            [row["channel"], *(plain(row[name], number) for name in ("spend", "leads", "customers")), told(row["cpl"], money),
             told(row["conversion_rate"], percent), told(row["cpl_weighted"], money)]
            for row in channels
        ),
    )  # fmt: skip
    yield _rows(
        "Channels: cost per customer (CAC) and sales per spent (ROAS)",
        ("channel", "CAC, last touch", "CAC, met", "CAC, credited", "ROAS, last touch", "ROAS, credited"),
        (
            [row["channel"], *(told(row["cac"][view], money) for view in ("direct", "assisted", "attributed")),
             *(told(row["roas"][view], money) for view in ("direct", "attributed"))]
            for row in channels
        ),
    )  # fmt: skip
    yield _rows(
        "Channels: margin less spend, customer value (CLV) over their cost, and when they have paid for themselves",
        ("channel", "margin, last touch", "margin, credited", "CLV / CAC", "P(below 3)", "months to pay back", "P(paid back)"),
        ([row["channel"], *_worth(row)] for row in channels),
    )


def _worth(row: Row) -> Iterator[str]:
    yield from (told(row["contribution_margin"][view], money) for view in ("direct", "attributed"))
    yield told(row["clv_cac"], money)
    yield plain((row["clv_cac"] or {}).get("p_below_3"), percent)
    payback = row["payback"]
    yield NONE if payback is None else plain(payback["months"], number) if payback["paid_back"] else "not yet"
    yield NONE if payback is None else plain(payback["p_paid_back"], percent)


def _periods(periods: Row) -> Iterator[Table]:
    listed = periods["list"]
    yield _rows(
        f"By {periods['every']} (* not over yet)",
        (periods["every"], "spend", "leads", "customers", "sales", "CAC", "ROAS", "margin less spend"),
        ([_name(row), *_period(row["total"])] for row in listed[-_NEWEST[periods["every"]] :]),
    )
    newest = [row for row in listed if _quarter(row) == _quarter(listed[-1])]
    yield _rows(
        "By channel in the newest quarter, sales, costs and margins as credited (* not over yet)",
        (periods["every"], "channel", "spend", "leads", "customers", "sales", "CAC", "ROAS", "margin less spend"),
        ([_name(period), row["channel"], *_channel_period(row)] for period in newest for row in period["channels"]),
    )


def _name(period: Row) -> str:
    return f"{period['period']}*" if period["partial"] else str(period["period"])


def _quarter(period: Row) -> tuple[str, int]:
    year, month = period["start"][:7].split("-")
    return year, (int(month) - 1) // 3


def _period(total: Row) -> Iterator[str]:
    yield from (plain(total[name], number) for name in ("spend", "leads", "customers"))
    yield told(total["revenue"], number)
    yield from (told(total[name], money) for name in ("cac_blended", "roas_blended"))
    yield told(total["contribution_margin"], number)


def _channel_period(row: Row) -> Iterator[str]:
    view = "attributed" if row["revenue"]["attributed"] else "direct"
    yield from (plain(row[name], number) for name in ("spend", "leads", "customers"))
    yield told(row["revenue"][view], number)
    yield told(row["cac"][view], money)
    yield told(row["roas"][view], money)
    yield told(row["contribution_margin"][view], number)


def _combinations(found: Row) -> Iterator[Table | str]:
    columns = ("channels met", "journeys", "converted", "rate", "if each alone", "lift", "P(beats best alone)", "P(best)")
    for title, name in (("Combinations: journeys that met these channels and no other", "sets"), ("Pairs, whatever else was met", "pairs")):
        if found[name]:
            yield _rows(f"{title}, best first", columns, ([*_combination(row)] for row in found[name][:_BEST]))
    left = found["not_listed"]
    yield escape(
        f"Not listed: {left['sets']} combinations of under {found['minimum']} journeys, {number(left['journeys'])} journeys together. "
        "What was met isn't what caused: longer journeys meet more."
    )


def _combination(row: Row) -> Iterator[str]:
    yield " + ".join(row["channels"])
    yield number(row["journeys"])
    yield number(row["conversions"])
    yield told(row["rate"], percent)
    yield plain(row["expected"], percent)
    yield told(row["lift"], money)
    yield plain(row["p_better_than_best_single"], percent)
    yield percent(row["p_best"])


def _journey_types(types: Sequence[Row]) -> Table:
    columns = ("type of journey", "journeys", "converted", "rate", "days to convert", "sales per journey")
    rows = (
        [str(row["type"]).replace("_", " "), number(row["journeys"]), number(row["conversions"]), told(row["conversion_rate"], percent),
         told(row["days_to_convert"], money), told(row["value_per_journey"], money)]
        for row in types
    )  # fmt: skip
    return _rows("Types of journey", columns, rows)


def _retention(found: Row) -> Iterator[Table]:
    gone = f"gone: nothing for {found['churn_days']} days"
    months = [f"month {month}" for month in _MONTHS]
    for title, key in (("by quarter of the first purchase", "cohort"), ("by the channel that brought them", "channel")):
        rows = ([row[key], number(row["customers"]), *_bought(row), _gone(row)] for row in [*found[f"{key}s"]])
        yield _rows(f"Customers who buy again in a month of their lives, {title}", (key, "customers", *months, gone), rows)


def _bought(row: Row) -> Iterator[str]:
    seen = {month["month"]: month for month in row["months"] if month["customers"] >= _FEWEST}
    yield from (percent(seen[month]["bought"]["value"]) if month in seen else NONE for month in _MONTHS)


def _gone(row: Row) -> str:
    return told(row["churned"], percent) if row["churned_of"] >= _FEWEST else NONE


def _reactivation(found: Row) -> Table:
    days = found["churn_days"]
    parts = [("all", [{"channel": "", **found["total"]}]), ("brought by", found["channels"]), ("last touch", found["touches"])]
    return _rows(
        f"Nothing bought for {days} days: who bought again in the next {days}",
        ("", "channel", "went quiet", "came back", "rate"),
        (
            [name, row["channel"], number(row["dormant"]), number(row["reactivated"]), told(row["rate"], percent)]
            for name, rows in parts
            for row in rows
        ),
    )


def _interactions(found: Row) -> Table:
    listed = {(row["channel"], row["state"]): row for row in found["list"]}
    channels = dict.fromkeys(row["channel"] for row in found["list"])
    cells = {channel: [listed[channel, state] for state in ("lead", "customer")] for channel in channels}
    return _rows(
        f"Touches per person and month, of the last {found['window_days']} days",
        ("channel", "leads touched", "per lead and month", "customers touched", "per customer and month"),
        (
            [channel, *(cell for row in rows for cell in (number(row["contacts"]), told(row["per_contact_month"], _rate)))]
            for channel, rows in cells.items()
        ),
    )


def _rate(value: float) -> str:
    return f"{value:.3f}"


def _deal_stages(found: Row) -> Table:
    columns = ("stage of deals", "entered", "went on", "lost", "still there", "ever goes on", "ever lost", "half have left after days")
    rows = (
        [row["stage"], *(number(row[name]) for name in ("entered", "forward", "lost", "still")), told(row["ever_forward"], percent),
         told(row["ever_lost"], percent), told(row["median_days"], number)]
        for row in found["stages"]
    )  # fmt: skip
    return _rows("Deals by stage; those still there are on their way, not lost", columns, rows)


def _velocity(found: Row) -> Table:
    columns = ("open deals", "win rate", "amount won", "days of a cycle", "earned per day")
    cells = [
        number(found["open_deals"]),
        told(found["win_rate"], percent),
        told(found["won_amount"], money),
        told(found["cycle_days"], number),
        told(found["per_day"], money),
    ]
    return _rows("How fast the pipeline earns", columns, iter([cells]))


def _gaps(document: Row) -> Iterator[str]:
    for row in document["missing"]:
        yield escape(f"Not told: {row['figure']}. It needs {row['needs']}.")
    for row in document["findings"]:
        yield escape(f"{row['level']}: {row['table']}: {row['rule']} ({number(row['count'])}{': ' + row['first'] if row['first'] else ''})")
