"""The columns of ``funnelcast.features.build`` for one midnight in plain pandas: a yardstick of ``benchmarks.feature_set``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

_OFFLINE = ["store", "phone", "event"]
_POINTS = {
    "email_open": 1,
    "email_click": 2,
    "visit": 2,
    "download": 5,
    "call": 10,
    "webinar": 10,
    "event": 15,
    "meeting": 20,
    "store_visit": 20,
    "quote_request": 30,
}
_SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
_WINDOWS = (30, 90, 365)
_EVER = ("purchases", "spend", "engagement_points", "engagement_points_warm", "touches_since_purchase", "touches_between_purchases")
_CLOCKS = {"tenure_days": "created_at", "customer_days": "became_customer_at"}


def features(folder: Path, as_of: pd.Timestamp) -> pd.DataFrame:
    """Read the files and compute every column, one row per contact."""
    purchases = _of_purchases(_read(folder / "transactions.parquet", as_of))
    found = _of_contacts(pd.read_parquet(folder / "contacts.parquet"), as_of).join(purchases)
    found = found.join(_of_touches(_read(folder / "touchpoints.parquet", as_of), purchases))
    counts = [name for name in found if name in _EVER or (name.endswith(("0d", "5d")) and "share" not in name)]
    return found.assign(**found[counts].fillna(0.0))


def _read(path: Path, as_of: pd.Timestamp) -> pd.DataFrame:
    facts = pd.read_parquet(path)
    facts = facts[facts["occurred_at"] < as_of]
    age = (as_of - facts["occurred_at"].dt.normalize()).dt.days - 1
    words = {name: facts[name].astype("category") for name in ("contact_id", "channel", "kind") if name in facts}
    return facts.drop(columns="occurred_at").assign(age=age, **words)


def _by(facts: pd.DataFrame) -> pd.core.groupby.DataFrameGroupBy:
    return facts.groupby("contact_id", observed=True)


def _of_purchases(facts: pd.DataFrame) -> pd.DataFrame:
    bought = facts[facts["amount"] >= 0]
    lately, lately_bought = facts[facts["age"] < 365], bought[bought["age"] < 365]
    offline = bought["channel"].isin(_OFFLINE)
    days = bought.drop_duplicates(["contact_id", "age"])
    age = _by(days)["age"]
    found = {"days_since_purchase": age.min(), "days_since_first_purchase": age.max()}
    found |= {f"purchases_{window}d": _by(days[days["age"] < window]).size() for window in _WINDOWS} | {"purchases": age.size()}
    found |= {f"spend_{window}d": _by(facts[facts["age"] < window])["amount"].sum() for window in _WINDOWS}
    found |= {
        "spend": _by(facts)["amount"].sum(),
        "refunds_365d": _by(lately[lately["amount"] < 0]).size(),
        "margin_365d": _by(lately)["margin"].sum(),
        "offline_365d": _by(lately_bought[lately_bought["channel"].isin(_OFFLINE)]).size(),
        "bought_365d": _by(lately_bought).size(),
        "days_since_offline_purchase": _by(bought[offline])["age"].min(),
        "days_since_online_purchase": _by(bought[~offline])["age"].min(),
    }
    table = pd.DataFrame(found)
    last, first, count = table["days_since_purchase"], table["days_since_first_purchase"], table["purchases"]
    interval = (first - last) / (count - 1).where(count > 1)
    derived = {
        "spend_per_purchase": table["spend"] / count,
        "purchase_interval": interval,
        "purchase_pause": last / interval.clip(lower=1).fillna(1),
        "purchases_per_year": count * 365 / (first + 1),
        "purchase_trend": table["purchases_90d"].fillna(0) * 365 / 90 / table["purchases_365d"],
        "offline_purchase_share_365d": table["offline_365d"].fillna(0) / table["bought_365d"],
    }
    return table.drop(columns=["offline_365d", "bought_365d"]).assign(**derived)


def _of_touches(facts: pd.DataFrame, purchases: pd.DataFrame) -> pd.DataFrame:
    points = facts["kind"].map(_POINTS).astype(float).fillna(0.0) * (1 + facts["duration_minutes"].fillna(0.0) / 60)
    facts["points"] = np.floor(10_000 * points + 0.5)
    touches = facts[~facts["kind"].isin(list(_SCALES))]
    dates = purchases[["days_since_purchase", "days_since_first_purchase"]].reindex(touches["contact_id"].cat.categories).to_numpy()
    last, first = dates[touches["contact_id"].cat.codes].T
    since = touches["age"].to_numpy() < last
    between = (touches["age"].to_numpy() >= last) & (touches["age"].to_numpy() < first)
    lately = facts[facts["age"] < 365]
    found = {f"touches_{window}d": _by(touches[touches["age"] < window]).size() for window in _WINDOWS}
    found |= {f"minutes_{window}d": _by(facts[facts["age"] < window])["duration_minutes"].sum() for window in (90, 365)}
    found |= {
        "touches_since_purchase": _by(touches[since]).size(),
        "touches_between_purchases": _by(touches[between]).size(),
        "offline_365d": _by(lately[lately["channel"].isin(_OFFLINE)]).size(),
    }
    kinds = lately.groupby(["contact_id", "kind"], observed=True).size().unstack(fill_value=0)
    found |= {f"{kind}s_365d": kinds[kind] for kind in _POINTS}
    table = _of_days(facts).join(pd.DataFrame(found)).join(_of_answers(facts))
    touches_365d = table["touches_365d"].where(table["touches_365d"] > 0)
    touched = _by(touches).size().reindex(table.index).fillna(0)
    derived = {
        "touches_per_month": (touched + 1) * 30 / (table["days_since_first_touch"] + 30),
        "touch_trend": table["touches_30d"].fillna(0) * 365 / 30 / touches_365d,
        "offline_touch_share_365d": table["offline_365d"].fillna(0) / touches_365d,
    }
    return table.drop(columns="offline_365d").assign(**derived)


def _of_days(facts: pd.DataFrame) -> pd.DataFrame:
    days = facts.groupby(["contact_id", "age"], observed=True)["points"].sum().reset_index()
    days["warm"] = np.floor(days["points"] * 0.5 ** (days["age"] / 14) + 0.5)
    found = {f"active_days_{window}d": _by(days[days["age"] < window]).size() for window in (90, 365)}
    found |= {f"engagement_points_{window}d": _by(days[days["age"] < window])["points"].sum() / 10_000 for window in _WINDOWS}
    every = _by(days)
    last, first, count = every["age"].min(), every["age"].max(), every.size()
    interval = (first - last) / (count - 1).where(count > 1)
    found |= {
        "days_since_touch": last,
        "days_since_first_touch": first,
        "touch_interval": interval,
        "touch_pause": last / interval.clip(lower=1).fillna(1),
        "engagement_points": every["points"].sum() / 10_000,
        "engagement_points_warm": every["warm"].sum() / 10_000,
    }
    return pd.DataFrame(found)


def _of_answers(facts: pd.DataFrame) -> pd.DataFrame:
    answers = facts[facts["kind"].isin(list(_SCALES)) & facts["score"].notna()]
    daily = answers.groupby(["kind", "contact_id", "age"], observed=True)["score"].mean().reset_index()
    latest = daily.sort_values("age").drop_duplicates(["kind", "contact_id"]).set_index("contact_id")
    lowest, highest = (answers["kind"].astype(str).map({kind: ends[end] for kind, ends in _SCALES.items()}) for end in (0, 1))
    points = answers.assign(points=10 * (answers["score"] - lowest) / (highest - lowest))
    last = {f"last_{kind}": latest[latest["kind"] == kind]["score"] for kind in _SCALES}
    return pd.DataFrame({"satisfaction": _by(points)["points"].mean(), **last})


def _of_contacts(contacts: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    contacts = contacts.set_index("contact_id")
    ages = {name: (as_of - contacts[clock].dt.normalize()).dt.days - 1 for name, clock in _CLOCKS.items()}
    own = contacts.drop(columns=[*_CLOCKS.values(), "opted_out_at"])
    return own.assign(as_of=as_of, day_of_year=as_of.dayofyear, **ages, opted_out=contacts["opted_out_at"].notna())
