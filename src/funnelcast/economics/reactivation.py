"""Which customers who had gone quiet come back, by the channel that brought them and by the touch that came before."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast.economics.estimates import Bootstrap, by_cluster
from funnelcast.economics.followed import instant
from funnelcast.economics.people import frame_of
from funnelcast.economics.retention import purchases
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json, Question

UNTOUCHED = "(no touch)"


def silences(known: Facts, everyone: ir.Table, as_of: AsOf, churn_days: int) -> pd.DataFrame:
    """Count the times when customers had bought nothing for ``churn_days``, and whether they bought within as many days from then on.

    Only silences whose second stretch ended by as_of are counted: later ones are censored.

    Returns
    -------
    Columns ``cluster, source, channel`` (of the last touch between the beginning of the silence and the purchase, or the end of the
    stretch), ``dormant`` and ``back``.
    """
    bought = purchases(known, as_of).distinct()
    following = bought.at.lead().over(ibis.window(group_by="contact_id", order_by="at"))
    stretch = ibis.interval(days=churn_days)
    quiet = bought.mutate(next_at=following, quiet_at=bought.at + stretch).mutate(over_at=bought.at + stretch + stretch)
    seen = quiet.filter((quiet.over_at <= instant(as_of)) & (quiet.next_at.isnull() | (quiet.next_at >= quiet.quiet_at)))
    back = (seen.next_at < seen.over_at).fill_null(False)  # noqa: FBT003 (the value that fills)
    told = seen.select("contact_id", "quiet_at", until=ibis.ifelse(back, seen.next_at, seen.over_at), back=back.cast("int64"))
    rows = _with_touch(known, told).join(everyone.select("contact_id", "cluster", "source"), "contact_id")
    keys = ["cluster", "source", "channel"]
    return frame_of(rows.group_by(keys).aggregate(dormant=rows.count(), back=rows.back.sum()).order_by(keys))


def _with_touch(known: Facts, told: ir.Table) -> ir.Table:
    if not known.has("touchpoints"):
        return told.mutate(channel=ibis.null("string"))
    touches = known.table("touchpoints").select("contact_id", "channel", at="occurred_at")
    joined = told.join(touches, "contact_id")
    within = joined.filter((joined["at"] >= joined.quiet_at) & (joined["at"] <= joined.until))
    newest = ibis.window(group_by=["contact_id", "quiet_at"], order_by=[ibis.desc(within["at"]), within.channel])
    last = within.mutate(turn=ibis.row_number().over(newest)).filter(lambda row: row.turn == 0)
    found = told.left_join(last.select("contact_id", "quiet_at", "channel"), ["contact_id", "quiet_at"])
    return found.select("contact_id", "quiet_at", "until", "back", channel=found.channel.fill_null(UNTOUCHED))


def reactivation(found: pd.DataFrame, churn_days: int, draws: Bootstrap) -> dict[str, Json]:
    """Tell how many who had bought nothing for ``churn_days`` bought within as many days from then on.

    Returns
    -------
    ``question`` (descriptive: a visit to the shop often is the purchase itself), ``churn_days``; ``total``, ``channels`` (by the
    ``channel`` that brought them) and ``touches`` (by the ``channel`` of the last touch of the silence; empty without touchpoints), each
    with ``dormant``, ``reactivated`` and ``rate`` E. A customer may go quiet more than once.
    """
    sources: list[str] = sorted(found["source"].unique().tolist())
    channels: list[str] = sorted(found["channel"].dropna().unique().tolist())
    return {
        "question": Question.DESCRIPTIVE.value,
        "churn_days": churn_days,
        "total": _told(found, draws),
        "channels": [{"channel": name, **_told(found[found["source"] == name], draws)} for name in sources],
        "touches": [{"channel": name, **_told(found[found["channel"] == name], draws)} for name in channels],
    }


def _told(frame: pd.DataFrame, draws: Bootstrap) -> dict[str, Json]:
    dormant, back = by_cluster(frame, "dormant"), by_cluster(frame, "back")
    return {"dormant": float(dormant.sum()), "reactivated": float(back.sum()), "rate": draws.share(back, dormant)}
