from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.alert_budget import KINDS, RULES, announced, measured, series
from funnelcast.monitor import budget
from funnelcast.monitor.surprises import BLOCK_DAYS, Surprises
from funnelcast.monitor.watched import Watched
from tests.unit.monitor.watching import history, noisy
from tests.unit.monitor.watching import measured as watched

WEEKS, BLOCKS = 130, 10


def given_errors(errors: np.ndarray) -> Surprises:
    """A series of whole blocks whose errors are known."""
    count = errors.size
    nothing = np.zeros(count)
    return Surprises(Watched("sales", history(np.ones(count))), 0, 7 * np.arange(count), errors, nothing, nothing, nothing)


def test_sixty_kinds_of_series_in_which_nothing_changed_raise_no_more_alarms_than_the_budget() -> None:
    """The short version of ``python -m benchmarks.alert_budget``: 15 of its 60 series, once."""
    random = np.random.default_rng(11)
    values = [series(kind, random) for kind in KINDS[::4]]
    seen = announced(values, [measured(one) for one in values])
    months = 104 * 7 * 12 / 365.25
    # the budget is 24 in two years; no alarm at all would be no watch
    assert 1 <= len(seen[RULES[0]]) <= months
    assert len(seen[RULES[2]]) > 5 * months


def test_the_budget_is_kept_to_the_letter_where_scores_are_exchangeable() -> None:
    """Independent errors of any tails: the expected number of alarms a month is at most the budget, and not far below it."""
    random, alarms, months = np.random.default_rng(5), 0, 0.0
    for _ in range(40):
        found = [given_errors(random.standard_t(3, WEEKS)) for _ in range(10)]
        newest = int(found[0].blocks[-1])
        limit = budget.bound(found, newest, 8, 1.0)
        for one in found:
            alarms += sum(one.blocks[place] == newest for place in budget.announced(one.scores(), limit))
        months += BLOCK_DAYS / 30.4375
    deviation = np.sqrt(alarms) / months
    assert alarms / months <= 1.0 + 2 * deviation
    assert alarms / months >= 0.5


def test_the_bound_is_the_smallest_that_keeps_the_budget() -> None:
    found = [given_errors(np.random.default_rng(seed).normal(0.0, 1.5, WEEKS)) for seed in range(6)]
    newest = int(found[0].blocks[-1])
    limit = budget.bound(found, newest, 8, 1.0)
    before = [one.scores()[(one.blocks >= newest - 8) & (one.blocks < newest)] for one in found]
    months = 104 * 7 / 30.4375

    def counted(bar: float) -> int:
        return sum(len(budget.announced(scores, bar)) for scores in before)

    smaller = max(score for scores in before for score in np.abs(scores) if score < limit)
    assert counted(limit) + 1 <= months < counted(smaller) + 1


def test_a_larger_budget_hears_of_more() -> None:
    found = [given_errors(np.random.default_rng(seed).normal(0.0, 1.5, WEEKS)) for seed in range(6)]
    newest = int(found[0].blocks[-1])
    limits = [budget.bound(found, newest, 8, per_month) for per_month in (0.02, 0.25, 1.0, 4.0)]
    assert limits[0] == np.inf  # two years can't show one in four
    assert limits == sorted(limits, reverse=True)
    assert limits[-1] >= 1.0


def test_a_past_that_is_too_short_gives_no_alarm() -> None:
    found = watched(np.append(noisy(39, seed=9), 1.0))
    assert list(budget.episodes([found], 1.0)) == []


def test_a_change_that_lasts_is_announced_once_and_its_end_too() -> None:
    values = noisy(180, seed=10)
    values[150:160] *= 0.4
    found = [watched(values), *(watched(noisy(180, seed=seed)) for seed in range(20, 25))]
    changes = [(one.surprises.first + one.place, one.score > 0) for one in budget.episodes(found, 1.0) if one.surprises is found[0]]
    # down in the week in which it fell, up in the one in which it came back, and nothing in the weeks between
    assert [one for one in changes if one[0] >= 150][:2] == [(150, False), (160, True)]


def test_what_is_announced_does_not_depend_on_how_often_one_looks() -> None:
    values = [noisy(156, seed=seed, deviation=0.2) for seed in range(3)]
    values[0][143:] *= 0.4
    looks = [begun([one[:weeks] for one in values]) for weeks in (144, 146, 147, 156)]
    assert set().union(*looks) == looks[-1]
    assert (0, 143) in looks[0]


def begun(values: list[np.ndarray]) -> set[tuple[int, int]]:
    found = [watched(one) for one in values]
    place = {id(one): number for number, one in enumerate(found)}
    seen = [(place[id(one.surprises)], one.surprises.first + one.place) for one in budget.episodes(found, 1.0)]
    return {one for one in seen if one[1] >= 130}


@given(st.lists(st.floats(-9.0, 9.0), min_size=1, max_size=80), st.floats(0.1, 5.0))
def test_each_episode_begins_beyond_the_limit_after_four_quiet_periods_or_beyond_twice_what_was_told(
    scores: list[float], limit: float
) -> None:
    found = budget.announced(np.array(scores), limit)
    for place, score in enumerate(scores):
        episode: list[float] = []
        quiet = 0
        for before in reversed(scores[:place]):
            alike = abs(before) > limit and before * score > 0
            quiet = 0 if alike else quiet + 1
            if quiet == 4:
                break
            episode += [abs(before)] * alike
        assert (place in found) == (abs(score) > limit and abs(score) > 2 * max(episode, default=0.0))


@pytest.mark.parametrize(("series_count", "blocks"), [(1, 8), (60, 8), (120, 4), (5_000, 2)])
def test_very_many_series_are_learned_from_fewer_blocks(series_count: int, blocks: int) -> None:
    assert budget.blocks_for(series_count) == blocks
    assert budget.blocks_needed(series_count) == blocks + 3
