from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.deal_outcome import FAMILY, history, model, table
from funnelcast.families.deal_outcome.design import calendar, tents
from funnelcast.families.deal_outcome.model import Tail
from funnelcast.families.deal_outcome.uncertainty import pace_of
from funnelcast.families.family import Options
from funnelcast.settings import CHECKOUT
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.spec import read
from funnelcast.terms import AsOf

AS_OF = AsOf(datetime.fromisoformat("2024-06-03T09:00"))
LEADS = (0, 3)


def company(seed: int = 1, deals: int = 60, known_until: datetime | None = None) -> Facts:
    """Deals with stages, pushes, changes of amount, and closings that some are told late."""
    generator = np.random.default_rng(seed)
    opened, events = [], []
    for number in range(deals):
        name = f"deal-{number:03d}"
        start = datetime.fromisoformat("2024-01-01") + timedelta(hours=int(generator.integers(0, 24 * 150)))
        expected = start + timedelta(days=30)
        owner = str(generator.choice(["ann", "bob"]))
        opened.append({"deal_id": name, "opened_at": start, "amount": 100.0 + number, "owner": owner, "channel": "web"})
        steps = [("contact", 0.0)] + [(stage, float(generator.uniform(1, 60))) for stage in ("offer", "offer", "talks")]
        if generator.uniform() < 0.7:
            steps.append((str(generator.choice(["won", "lost"])), float(generator.uniform(2, 90))))
        for stage, days in sorted(steps, key=lambda step: step[1]):
            when = start + timedelta(days=days)
            expected += timedelta(days=int(generator.integers(-3, 10)))
            late = timedelta(days=float(generator.choice([0.0, 0.0, 5.0])))
            events.append(
                {
                    "deal_id": name,
                    "occurred_at": when,
                    "stage": stage,
                    "amount": 100.0 + number + days if stage == "offer" else None,
                    "expected_close_at": None if stage in {"won", "lost"} else expected,
                    "known_at": when + late,
                }
            )
            if stage in {"won", "lost"}:
                opened[-1] |= {"closed_at": when, "outcome": stage, "closed_amount": 90.0 + number if stage == "won" else None}
                break
    tables = {"deals": pd.DataFrame(opened), "deal_events": pd.DataFrame(events)}
    return from_frames(Source("toy"), tables)


def slow_table(facts: Facts, as_of: AsOf) -> pd.DataFrame:
    """The person-period table once more, deal by deal in plain Python: the judge of the engine's."""
    deals = facts.table("deals").order_by("deal_id").execute()
    events = facts.table("deal_events").execute()
    rows = []
    week = timedelta(weeks=1)
    for deal in deals.itertuples():
        own = events[(events.deal_id == deal.deal_id) & (events.known_at < as_of.at)].sort_values(["known_at", "occurred_at", "stage"])
        ends = own[own.stage.isin(["won", "lost"])]
        closed_at = ends.known_at.iloc[0].to_pydatetime() if len(ends) else None
        begins = deal.known_at.to_pydatetime()
        instants = [(begins + timedelta(seconds=1), True)]
        back = as_of.at - week
        while back > begins:
            instants.append((back, False))
            back -= week
        for instant, entry in instants:
            if closed_at is not None and closed_at < instant and not entry:
                continue
            moves = own[(own.known_at < instant) & ~own.stage.isin(["won", "lost"])].sort_values(["occurred_at", "known_at", "stage"])
            for lead in LEADS:
                start = instant + lead * week - timedelta(seconds=1 if entry else 0)
                if start + week > as_of.at or (closed_at is not None and closed_at < start):
                    continue
                happened = closed_at is not None and closed_at < start + week
                rows.append(_slow_row(deal, moves, instant, lead, entry=entry, outcome=ends.stage.iloc[0] if happened else "open"))
    return pd.DataFrame(rows)


def _slow_row(deal: object, moves: pd.DataFrame, instant: datetime, lead: int, *, entry: bool, outcome: str) -> dict[str, object]:
    opened = deal.opened_at.to_pydatetime()  # type: ignore[attr-defined]
    stages, times = list(moves.stage), [time.to_pydatetime() for time in moves.occurred_at]
    since = opened
    for place, stage in enumerate(stages):
        if place == 0 or stage != stages[place - 1]:
            since = times[place]
    dates = [date.to_pydatetime() for date in moves.expected_close_at.dropna()]
    amounts = list(moves.amount.dropna())
    return {
        "deal_id": deal.deal_id,  # type: ignore[attr-defined]
        "as_of": instant,
        "entry": entry,
        "lead_weeks": float(lead),
        "stage": stages[-1] if stages else "unknown",
        "age_days": (instant - opened) / timedelta(days=1),
        "stage_age_days": (instant - since) / timedelta(days=1),
        "pushes": float(sum(later > earlier for earlier, later in pairwise(dates))),
        "expected_close_days": (dates[-1] - instant) / timedelta(days=1) if dates else np.nan,
        "amount": amounts[-1] if amounts else deal.amount,  # type: ignore[attr-defined]
        "outcome": outcome,
    }


def test_the_table_is_what_a_slow_reading_of_each_deal_gives() -> None:
    known = cut(company(), AS_OF)
    fast = table.risk_rows(known, AS_OF, LEADS).execute()
    slow = slow_table(known, AS_OF)
    keys = ["deal_id", "as_of", "entry", "lead_weeks"]
    columns = list(slow.columns)
    fast, slow = (frame[columns].sort_values(keys).reset_index(drop=True) for frame in (fast, slow))
    slow["as_of"] = slow["as_of"].astype(fast["as_of"].dtype)
    # the engine counts whole seconds
    pd.testing.assert_frame_equal(fast, slow, check_dtype=False, atol=2e-5)
    assert set(fast["outcome"]) == {"won", "lost", "open"}


def test_backlog_and_owner_rate_count_what_was_known() -> None:
    known = cut(company(), AS_OF)
    rows = table.describe(known, table.open_at(known, [AS_OF.at])).execute()
    deals, events = known.table("deals").execute(), known.table("deal_events").execute()
    monday = datetime.fromisoformat("2024-06-03")
    ended = events[events.stage.isin(["won", "lost"])]
    gone = set(ended[ended.known_at < monday].deal_id)
    pending = deals[(deals.known_at < monday) & ~deals.deal_id.isin(gone)]
    assert rows["backlog"].unique().tolist() == [len(pending) / pending.owner.nunique()]
    owned = ended.merge(deals[["deal_id", "owner"]], on="deal_id")
    before = ended[ended.known_at < monday]
    company_rate = ((before.stage == "won").sum() + 1) / (len(before) + 2)
    won = {owner: (own.stage == "won").sum() + 10 * company_rate for owner, own in owned.groupby("owner")}
    lost = {owner: (own.stage == "lost").sum() + 10 * (1 - company_rate) for owner, own in owned.groupby("owner")}
    odds = {owner: won[owner] / lost[owner] * (1 - company_rate) / company_rate for owner in won}
    rates = {owner: value / (1 + value) for owner, value in odds.items()}
    found = rows.merge(deals[["deal_id", "owner"]], on="deal_id")
    np.testing.assert_allclose(found["owner_win_rate"], found["owner"].map(rates))


def test_the_poisoned_future_changes_nothing() -> None:
    facts = company()
    later = AS_OF.at + timedelta(days=1)
    deals, events = (facts.table(name).execute().dropna(axis=1, how="all") for name in ("deals", "deal_events"))
    poison = pd.DataFrame(
        {"deal_id": deals["deal_id"], "occurred_at": AS_OF.at - timedelta(days=200), "stage": "won", "amount": 1e9, "known_at": later}
    )
    new = pd.DataFrame({"deal_id": ["late"], "opened_at": [AS_OF.at - timedelta(days=9)], "amount": [1e9], "known_at": [later]})
    poisoned = from_frames(Source("toy"), {"deals": pd.concat([deals, new]), "deal_events": pd.concat([events, poison])})
    spec = read(CHECKOUT / "models", "deal_outcome")
    clean, dirty = (FAMILY.develop(given, spec, AS_OF, Options()) for given in (facts, poisoned))
    assert clean.model.files() == dirty.model.files()
    assert clean.metrics == dirty.metrics
    rows, others = (FAMILY.candidates(given, spec, None, AS_OF).execute() for given in (facts, poisoned))
    pd.testing.assert_frame_equal(rows, others)


def test_features_at_t_are_those_of_the_facts_that_end_at_t() -> None:
    facts, earlier = company(), AsOf(datetime.fromisoformat("2024-04-17"))
    spec = read(CHECKOUT / "models", "deal_outcome")
    whole = FAMILY.candidates(facts, spec, None, earlier).execute()
    pd.testing.assert_frame_equal(whole, FAMILY.candidates(cut(facts, earlier), spec, None, earlier).execute())
    assert len(whole) > 10


def test_weeks_before_the_record_of_closings_are_left_out() -> None:
    ages = np.tile(np.arange(10) * 7.0, 40)
    starts = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(40) * 7, 10), unit="D")
    rows = pd.DataFrame({"start": starts, "age_days": ages, "lead_weeks": 0.0, "entry": False, "weight": 1.0, "outcome": "open"})
    recorded = pd.Timestamp("2024-06-03")
    rows.loc[(rows["start"] >= recorded) & (rows["age_days"] == 63.0), "outcome"] = "won"
    assert history.begun(rows)["start"].min() == recorded + pd.Timedelta(weeks=1)
    # three unseen closings are no proof
    few = rows[rows["start"] >= recorded - pd.Timedelta(weeks=3)]
    assert len(history.begun(few)) == len(few)


def test_beyond_the_oldest_closing_the_hazard_is_half_an_event_over_the_time_spent_there() -> None:
    rows = pd.DataFrame(
        {"age_days": [14.0] * 30 + [100.0] * 200, "lead_weeks": 0.0, "weight": 1.0, "outcome": ["won"] * 30 + ["open"] * 200}
    )
    tail = Tail.of(rows)
    assert tail.highest_hazard == pytest.approx(0.5 / 200)
    assert tail.named
    held = tail.hold_down(np.array([[0.2, 0.1], [0.2, 0.1]]), np.array([20.0, 30.0]))
    np.testing.assert_allclose(held, [[0.2, 0.1], [0.0025 * 2 / 3, 0.0025 / 3]])


def test_a_week_s_place_in_the_quarter() -> None:
    day = (np.array(["2024-03-28", "2024-05-06"], dtype="datetime64[D]").astype(np.int64)).astype(np.float64)
    # 28 to 31 March, then 1 to 3 April; the first days of May
    np.testing.assert_allclose(calendar(day), np.array([[3.0, 0.0, 4.0, 4.0], [0.0, 7.0, 0.0, 0.0]]) / 7.0)


def test_tents_interpolate_and_stay_flat_outside() -> None:
    np.testing.assert_allclose(
        tents(np.array([-5.0, 0.0, 3.0, 12.0, 99.0]), (0.0, 10.0, 20.0)),
        np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.7, 0.3, 0.0], [0.0, 0.8, 0.2], [0.0, 0.0, 1.0]]),
    )


def month_by_month(closings: Sequence[int], expected: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row a day: when its week begins, what happened and the hazards, with so many closings in the months from January 2022 on."""
    days, happened = [], []
    for month, count in enumerate(closings):
        start = (np.datetime64("2022-01", "M") + month).astype("datetime64[D]").astype(np.int64)
        days += [float(start)] * (count + 1)
        happened += [[1.0, 0.0]] * count + [[0.0, 0.0]]
    return np.array(days), np.array(happened), np.array([[expected / (count + 1), 1e-9] for count in closings for _ in range(count + 1)])


def test_shocks_grow_with_months_that_miss() -> None:
    # good months come every fifth month but one, so that no season can explain them
    wild = [100 if month % 5 < 2 else 25 for month in range(24)]
    quiet, loud = (pace_of(*month_by_month(closings, 50.0)).shocks for closings in ([50] * 24, wild))
    assert quiet.closing_month < 0.15
    assert 0.3 < loud.closing_month < 1.0
    # 1,200 closings leave 3 % of the level open, and months ahead may drift
    assert 0.03 < quiet.closing_level < 0.15


def test_a_month_that_is_slow_each_year_is_expected_to_be_slow_again() -> None:
    slow_august = [20 if month % 12 == 7 else 80 for month in range(30)]
    pace = pace_of(*month_by_month(slow_august, 75.0))
    assert np.argmin(pace.closing) == 7
    assert pace.closing[7] < -0.7
    assert np.delete(pace.closing, 7) == pytest.approx(np.log(80 / 75), abs=0.15)
    august = np.datetime64("2024-08-05", "D").astype(np.int64)
    paced = pace.applied(np.array([[0.10, 0.10]]), np.array([float(august)]))
    assert 1 - paced.sum() == pytest.approx(0.8 ** np.exp(pace.closing[7]))
    assert paced[0, 0] / paced[0, 1] == pytest.approx(np.exp(pace.winning[7]))


def test_without_a_month_the_pace_is_even_and_nothing_is_known() -> None:
    none = np.zeros((0, 2))
    pace = pace_of(np.zeros(0), none, none)
    assert pace.closing == pace.winning == (0.0,) * 12
    assert min(pace.shocks.closing_level, pace.shocks.winning_level) > 2.0


def test_three_deals_without_an_end_are_answered(tmp_path: Path) -> None:
    opened = [datetime.fromisoformat("2024-05-01"), datetime.fromisoformat("2024-05-20"), datetime.fromisoformat("2024-06-02")]
    deals = pd.DataFrame({"deal_id": ["a", "b", "c"], "opened_at": opened, "amount": [100.0, np.nan, 300.0]})
    events = pd.DataFrame({"deal_id": ["a", "b", "c"], "occurred_at": opened, "stage": "open"})
    facts = from_frames(Source("small"), {"deals": deals, "deal_events": events})
    spec = read(CHECKOUT / "models", "deal_outcome")
    found = FAMILY.develop(facts, spec, AS_OF, Options())
    rows = FAMILY.candidates(facts, spec, None, AS_OF).execute()
    predicted = found.model.predict(rows[list(found.model.columns)])
    assert predicted["p_win"].between(0.02, 0.5).all()
    assert (predicted["winning_level_sd"] > 2.0).all()
    assert predicted["expected_amount"].to_list() == pytest.approx([100.0, 100.0, 300.0])
    assert not predicted["dead_weight"].any()
    assert found.details["open_deals"] == 3
    assert found.details["win_rate"] is None
    for draw in found.plots.values():
        draw().savefig(tmp_path / "figure.png")


def test_what_a_stage_says_is_learned_lead_by_lead() -> None:
    # a new deal can't be won this week but will be soon; one in talks is won now, or hardly any more
    true = {("new", 0.0): 0.005, ("new", 3.0): 0.10, ("new", 10.0): 0.06, ("talks", 0.0): 0.20, ("talks", 3.0): 0.05, ("talks", 10.0): 0.02}
    generator = np.random.default_rng(4)
    each = 3000
    rows = pd.DataFrame([{"stage": stage, "lead_weeks": lead, "p": p} for (stage, lead), p in true.items() for _ in range(each)])
    rows["outcome"] = np.where(generator.uniform(size=len(rows)) < rows["p"], "won", "open")
    rows[["stage_age_days", "pushes", "expected_close_days", "amount"]] = [10.0, 0.0, np.nan, 100.0]
    rows[["owner_win_rate", "backlog", "day", "closed_amount", "weight"]] = [0.5, 9.0, 19_000.0, np.nan, 1.0]
    rows = rows.assign(channel="web", entry=False, age_days=100.0 - 7.0 * rows["lead_weeks"])
    fitted = model.fit(rows, 13)
    asked = pd.DataFrame(list(true), columns=["stage", "lead_weeks"]).merge(
        rows.drop_duplicates(["stage", "lead_weeks"]), on=["stage", "lead_weeks"]
    )
    found = fitted.hazards(asked, asked["lead_weeks"].to_numpy(np.float64))[:, 0]
    np.testing.assert_allclose(found, list(true.values()), rtol=0.25, atol=0.004)
    # between two leads that were seen, the log odds are interpolated
    between = fitted.hazards(asked[:1], 1.5)[0, 0]
    assert between == pytest.approx(np.sqrt(found[0] * found[1]), rel=0.1)


def test_a_first_stage_that_is_never_won_within_the_week_is_not_given_the_wins_of_the_last() -> None:
    # of 1,200 deal-weeks in each stage 1 and 90 were won: a small company's three years, looked at from six leads
    wins = {("new", 0): 1, ("talks", 0): 90, **{(stage, lead): 45 for stage in ("new", "talks") for lead in (1, 3, 7, 15, 26)}}
    each = 1_200
    rows = pd.concat(
        [
            pd.DataFrame({"stage": stage, "lead_weeks": float(lead), "outcome": ["won"] * won + ["open"] * (each - won)})
            for (stage, lead), won in wins.items()
        ],
        ignore_index=True,
    )
    rows[["stage_age_days", "pushes", "expected_close_days", "amount"]] = [10.0, 0.0, np.nan, 100.0]
    rows[["owner_win_rate", "backlog", "day", "closed_amount", "weight"]] = [0.5, 9.0, 19_000.0, np.nan, 1.0]
    rows = rows.assign(channel="web", entry=False, age_days=200.0 - 7.0 * rows["lead_weeks"])
    found = each * model.fit(rows, 13).hazards(rows[rows["lead_weeks"] == 0].drop_duplicates("stage"), 0.0)[:, 0]
    assert found[0] < 3.0
    assert found[1] == pytest.approx(90.0, rel=0.1)


def test_a_deal_just_opened_is_told_apart_by_weeks_not_by_minutes() -> None:
    # the hazard halves with 45 days in a stage, as (1 + days / 45) ** -1, and deals are looked at each week; none is quite new
    generator = np.random.default_rng(5)
    days = np.tile([3.0, 10.0, 17.0, 31.0, 59.0, 87.0], 1_000)
    rows = pd.DataFrame({"stage_age_days": days, "age_days": 120.0, "stage": "talks", "channel": "web", "entry": False})
    rows["outcome"] = np.where(generator.uniform(size=len(rows)) < 0.12 / (1.0 + days / 45.0), "won", "open")
    rows[["pushes", "expected_close_days", "amount", "owner_win_rate", "backlog"]] = [0.0, np.nan, 100.0, 0.5, 9.0]
    rows[["day", "closed_amount", "weight", "lead_weeks"]] = [19_000.0, np.nan, 1.0, 0.0]
    opened = rows[:1].assign(stage_age_days=0.0)
    assert model.fit(rows, 13).hazards(opened, 0.0)[0, 0] == pytest.approx(0.12, rel=0.3)
