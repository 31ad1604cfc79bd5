from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from funnelcast.monitor.drift import BLOCKS, LAG, Column, benjamini_hochberg, compare

Floats = npt.NDArray[np.float64]
ROWS = 400
BLOCK = np.repeat(np.arange(BLOCKS), ROWS)


def column(name: str, draw: Callable[[np.random.Generator, int], npt.NDArray[np.generic]], seed: int = 0) -> Column:
    """A column that is drawn anew in each block."""
    random = np.random.default_rng(seed)
    values = np.concatenate([draw(random, block) for block in range(BLOCKS)])
    return Column.of(name, pd.Series(values), BLOCK, BLOCKS)


def steady(seed: int) -> Column:
    return column(f"steady{seed}", lambda random, _: random.gamma(2.0, 30.0, ROWS), seed)


def test_benjamini_hochberg_as_worked_by_hand() -> None:
    # n = 4: sorted .01 .02 .03 .5 -> .04 .04 .04 .5
    np.testing.assert_allclose(benjamini_hochberg(np.array([0.5, 0.01, 0.03, 0.02])), [0.5, 0.04, 0.04, 0.04], rtol=1e-12)


def test_the_effects_as_worked_by_hand() -> None:
    """Four blocks of 20 rows: the last one is held against the first."""
    block = np.repeat(np.arange(LAG + 1), 20)
    sizes = pd.Series(np.where(block == LAG, np.tile([1.0, 1.0, 3.0, np.nan], 20), np.tile([1.0, 2.0, 3.0, 4.0], 20)))
    levels = pd.Series(np.where(block == LAG, np.tile(["a", "a", "a", "b"], 20), np.tile(["a", "b", "b", "b"], 20)), dtype=object)
    # missing sorts first: shares (0, .25, .25, .25, .25) become (.25, .5, 0, .25, 0), whose sums lie .25, .5, .25 and .25 apart
    assert Column.of("size", sizes, block, LAG + 1).changes() == pytest.approx([0.5])
    assert Column.of("level", levels, block, LAG + 1).changes() == pytest.approx([0.5])


def test_nothing_drifts_where_each_block_is_one_population() -> None:
    found = compare([steady(seed) for seed in range(20)])
    assert len(found) == 20
    assert [drift.name for drift in found if drift.drifted] == []


def test_a_planted_shift_of_the_newest_quarter_is_named_first_with_its_size() -> None:
    def shop(random: np.random.Generator, block: int) -> npt.NDArray[np.str_]:
        return np.where(random.random(ROWS) < (0.2 if block >= BLOCKS - 1 else 0.5), "store", "web")

    found = compare([column("channel", shop), *(steady(seed) for seed in range(20))])
    assert found[0].name == "channel"
    assert [drift.name for drift in found if drift.drifted] == ["channel"]
    assert found[0].effect == pytest.approx(0.3, abs=0.06)


def test_a_rising_share_of_missing_values_is_a_drift() -> None:
    def known(random: np.random.Generator, block: int) -> Floats:
        return np.where((random.random(ROWS) < 0.5) & (block == BLOCKS - 1), np.nan, random.gamma(2.0, 30.0, ROWS))

    found = compare([column("recency", known), *(steady(seed) for seed in range(20))])
    assert found[0].name == "recency"
    assert found[0].drifted
    assert found[0].effect == pytest.approx(0.5, abs=0.06)


def test_what_moves_as_much_every_quarter_is_no_drift() -> None:
    """Rows of one block are alike: a test that takes them as independent calls each of these changes certain."""

    def wandering(random: np.random.Generator, block: int) -> Floats:
        return random.normal(random.normal(0.0, 1.0), 1.0, ROWS)

    found = compare([column(f"wandering{seed}", wandering, seed) for seed in range(20)])
    assert np.mean([drift.effect for drift in found]) > 0.2
    assert [drift.name for drift in found if drift.drifted] == []


def test_a_season_that_comes_every_year_is_in_the_past_it_is_held_against() -> None:
    def seasonal(random: np.random.Generator, block: int) -> Floats:
        return random.normal(2.0 * ((BLOCKS - 1 - block) % 13 == 0), 1.0, ROWS)

    assert not any(drift.drifted for drift in compare([column(f"touches{seed}", seasonal, seed) for seed in range(10)]))


def test_a_past_that_is_too_short_gives_the_effect_and_no_certainty() -> None:
    blocks = 2 * LAG + 5
    block = np.repeat(np.arange(blocks), ROWS)
    values = pd.Series(np.random.default_rng(1).normal(0.0, 1.0, block.size) + 5.0 * (block == blocks - 1))
    found = compare([Column.of("size", values, block, blocks)])
    assert found[0].effect > 0.9
    assert (found[0].p_value, found[0].q_value, found[0].drifted) == (None, None, False)
    assert found[0].document()["p_value"] is None


def test_twenty_rows_are_needed_and_what_is_the_same_for_all_on_a_day_says_nothing() -> None:
    few = np.repeat(np.arange(BLOCKS), 20)
    assert compare([Column.of("few", pd.Series(np.arange(few.size, dtype=float)), few, BLOCKS)]) != []
    fewer = np.repeat(np.arange(BLOCKS), 19)
    assert compare([Column.of("few", pd.Series(np.arange(fewer.size, dtype=float)), fewer, BLOCKS)]) == []
    assert compare([Column.of("day", pd.Series(BLOCK.astype(float)), BLOCK, BLOCKS)]) == []
