"""How many injected leaks are found on simulated companies, and how many honest attributes are accused: `python -m benchmarks.leaks`.

Each trial draws contacts whose outcome is known, gives them attributes as a CRM shows them today, and examines each attribute alone. A leak
is written after the outcome; then some of its values are lost and some are another contact's. An honest attribute was there before: it
follows the outcome as a score with a given ROC-AUC does, or not at all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy import stats

from funnelcast.families.registry import family_of
from funnelcast.families.scoring.family import ScoringFamily
from funnelcast.families.scoring.leaks import Rules, suspects
from funnelcast.families.scoring.rows import Dated, dated_rows, latest
from funnelcast.features import feature_set
from funnelcast.labels import LABEL
from funnelcast.simulate import Company, company
from funnelcast.spec import read

Floats = npt.NDArray[np.float64]
FAMILIES = ("churn", "lead_scoring")
BASE_RATES = (0.05, 0.2, 0.6)
SIZES = (800, 2_000)
NOISE = (0.05, 0.15)
"""The share of a leak's values that are wrong or missing: half of it each."""

_MODELS = Path(__file__).parent.parent / "models"
_COMPANIES, _CONTACTS, _TRIALS = 4, 5_000, 200


@dataclass(frozen=True)
class Case:
    """The contacts of one trial.

    Parameters
    ----------
    rows
        As the development takes them: one per contact, with ``as_of`` and ``label``.
    event
        When the outcome came true; missing where it didn't.
    features
        The columns that funnelcast computes itself: known before the outcome, so honest.
    """

    rows: pd.DataFrame
    event: pd.Series
    features: tuple[str, ...]
    rng: np.random.Generator

    @property
    def size(self) -> int:
        """How many contacts there are."""
        return len(self.rows)

    @property
    def true(self) -> npt.NDArray[np.bool_]:
        """Whose outcome came true."""
        return self.rows[LABEL].to_numpy() == 1

    def pick(self, levels: list[str], where: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.object_]:
        """Draw a level for everyone, or for some: the first are the most frequent."""
        share = 1.0 / np.arange(1, len(levels) + 1)
        drawn = self.rng.choice(np.array(levels, dtype=object), self.size, p=share / share.sum())
        return drawn if where is None else np.where(where, drawn, None)

    def score(self, auc: float) -> Floats:
        """Draw an honest score: normal in both groups, its ROC-AUC as given."""
        return self.rng.normal(size=self.size) + np.sqrt(2) * stats.norm.ppf(auc) * self.true


@dataclass(frozen=True)
class Pool:
    """The contacts of several companies, from which trials are drawn."""

    rows: pd.DataFrame
    event: pd.Series
    features: tuple[str, ...]


@cache
def pool(family: str, companies: int = _COMPANIES, contacts: int = _CONTACTS) -> Pool:
    """Take the rows of several companies as the development examines them, and when each outcome came true."""
    found = [_known(family, company(contacts, seed=100 + number), number) for number in range(companies)]
    whole = [pd.concat(parts, ignore_index=True) for parts in ([one.rows for one in found], [one.event for one in found])]
    return Pool(whole[0], whole[1], found[0].features)


def draw(pooled: Pool, base_rate: float, seed: int) -> Case:
    """Draw the contacts of a trial so that the outcome has this base rate."""
    rng = np.random.default_rng([seed, round(1_000 * base_rate)])
    count = int(rng.integers(*SIZES))
    outcome = pooled.rows[LABEL].to_numpy()
    wanted = ((0, round(count * (1 - base_rate))), (1, round(count * base_rate)))
    kept = rng.permutation(np.concatenate([rng.permutation(np.flatnonzero(outcome == value))[:size] for value, size in wanted]))
    return Case(pooled.rows.iloc[kept].reset_index(drop=True), pooled.event.iloc[kept].reset_index(drop=True), pooled.features, rng)


def _known(name: str, simulated: Company, number: int) -> Pool:
    family, spec, facts = family_of(name), read(_MODELS, name), simulated.facts()
    assert isinstance(family, ScoringFamily)  # noqa: S101 (for the types: both are)
    until = facts.observed_until
    assert until is not None  # noqa: S101 (a simulated company has an end)
    dated = Dated(lambda known, dates: family.cohort(known, spec, list(dates)), family.label(facts, spec), family.clock_table(facts, spec))
    rows = latest(dated_rows(facts, spec, until, dated), until).reset_index(drop=True)
    event = _left(rows) if name == "churn" else _bought(simulated, rows)
    return Pool(rows.assign(contact_id=f"{number}-" + rows["contact_id"]), event.where(rows[LABEL] == 1), tuple(feature_set(facts)))


def _bought(simulated: Company, rows: pd.DataFrame) -> pd.Series:
    contacts = simulated.tables["contacts"].to_pandas().set_index("contact_id")
    event: pd.Series = contacts["became_customer_at"].reindex(rows["contact_id"]).reset_index(drop=True)
    return event


def _left(rows: pd.DataFrame) -> pd.Series:
    """Date who left some weeks after the date from which nothing was bought: that is when a CRM notices."""
    noticed: pd.Series = rows["as_of"] + pd.to_timedelta(np.random.default_rng(1).integers(30, 89, len(rows)), unit="D")
    return noticed


def _spoilt(case: Case, values: object) -> pd.Series:
    """Lose some values, and swap some for another contact's."""
    noise = case.rng.uniform(*NOISE)
    column = pd.Series(values, dtype=object).reset_index(drop=True)
    wrong = case.rng.random(case.size) < noise / 2
    column = column.where(~wrong, column.to_numpy()[case.rng.permutation(case.size)])
    return column.where(case.rng.random(case.size) >= noise / 2, None)


def _status(case: Case) -> object:
    return np.where(case.true, case.pick(["Closed", "Done", "Archived"]), case.pick(["Open", "In progress", "Waiting"]))


def _reason(case: Case) -> object:
    return case.pick(["price", "competitor", "moved", "no need", "service", "no answer", "other"], case.true)


def _reason_for_none(case: Case) -> object:
    return case.pick(["price", "competitor", "no budget", "no need", "timing", "no answer", "other"], ~case.true)


def _tags(case: Case) -> object:
    after = [f"result {number}" for number in range(8)]
    before = [f"note {number}" for number in range(20)]
    tags = np.where(case.true, case.pick(after), case.pick(before))
    return np.where(case.rng.random(case.size) < 0.25, case.pick(["call back", "unclear", "busy"]), tags)


def _activity(case: Case) -> object:
    return np.where(case.true, "Account updated", case.pick(["E-mail opened", "Page visited", "Form sent", "Called", "Chat"]))


def _owner(case: Case) -> object:
    first = case.pick([f"seller {number}" for number in range(15)])
    return np.where(case.true, case.pick(["closer 1", "closer 2", "closer 3"]), first)


def _documents(case: Case) -> object:
    return case.rng.poisson(2, case.size) + np.where(case.true, 8 + case.rng.poisson(4, case.size), 0)


def _amount(case: Case) -> object:
    return np.where(case.true, case.rng.gamma(2, 50, case.size).round(2), np.nan)


def _happened(case: Case) -> object:
    return case.event.dt.strftime("%d/%m/%Y")


def _changed(case: Case) -> object:
    before = case.rows["as_of"] - pd.to_timedelta(case.rng.integers(1, 400, case.size), unit="D")
    return case.event.fillna(before).dt.strftime("%Y-%m-%d %H:%M")


def _flag(case: Case) -> object:
    return np.where(case.true, "Yes", "No")


def _balance(case: Case) -> object:
    return case.true + case.rng.normal(0, 0.15, case.size)


LEAKS: Mapping[str, Callable[[Case], object]] = {
    "status written afterwards": _status,
    "reason, only where it came true": _reason,
    "reason, only where it didn't": _reason_for_none,
    "tags, most of them telling": _tags,
    "last activity, stamped by it": _activity,
    "owner, reassigned to closers": _owner,
    "count that jumps": _documents,
    "amount, only where it came true": _amount,
    "date of it": _happened,
    "date of the last change": _changed,
    "box ticked afterwards": _flag,
    "number moved by it": _balance,
}
"""Attributes written after the outcome."""


def _few_more(case: Case) -> object:
    return case.rng.poisson(np.where(case.true, 6, 3))


def _often_wrong(case: Case) -> object:
    return np.where(case.true ^ (case.rng.random(case.size) < 0.15), "Yes", "No")


INSEPARABLE: Mapping[str, Callable[[Case], object]] = {
    "count that grows a little": _few_more,
    "box ticked wrongly one time in seven": _often_wrong,
}
"""Leaks that look as strong honest attributes do: only a name or spec.toml can tell them."""


def _cut(case: Case, auc: float, levels: int) -> object:
    return pd.qcut(case.score(auc), levels, labels=[f"level {number}" for number in range(levels)]).astype(str)


def _best_flag(case: Case) -> object:
    middle = stats.norm.ppf(0.9) / np.sqrt(2)
    return np.where(case.score(0.9) > middle, "yes", "no")


def _page_value(case: Case) -> object:
    some = case.rng.random(case.size) < np.where(case.true, 0.8, 0.12)
    return np.where(some, case.rng.gamma(1, 20, case.size), 0.0)


def _heavy_tails(case: Case) -> object:
    return case.score(0.9) + stats.t.rvs(3, size=case.size, random_state=case.rng) * 0.3


def _asked_the_keen(case: Case) -> object:
    score = case.score(0.9)
    return np.where(score > 1.5, score.round(1), np.nan)


def _not_asked_the_keen(case: Case) -> object:
    return np.where(case.score(0.9) > 1.0, None, case.pick(["a", "b", "c"]))


def _appointment(case: Case) -> object:
    ahead = case.rng.random(case.size) < np.where(case.true, 0.5, 0.08)
    date = case.rows["as_of"] + pd.to_timedelta(case.rng.integers(1, 60, case.size), unit="D")
    return date.dt.strftime("%d/%m/%Y").where(ahead, None)


def _term(case: Case) -> object:
    days = (90 + 250 * stats.norm.cdf(-case.score(0.8))).astype(int)
    return (case.rows["as_of"] + pd.to_timedelta(days, unit="D")).dt.strftime("%Y-%m-%d")


def _created(case: Case) -> object:
    days = (1_500 * stats.norm.cdf(case.score(0.8))).astype(int)
    return (case.rows["as_of"] - pd.to_timedelta(1 + days, unit="D")).dt.strftime("%d/%m/%Y")


def _birthday(case: Case) -> object:
    return (pd.Timestamp("1950-01-01") + pd.to_timedelta(case.rng.integers(0, 18_000, case.size), unit="D")).strftime("%d/%m/%Y")


def _city(case: Case) -> object:
    place = case.score(0.75) * 20 + case.rng.normal(0, 20, case.size)
    return np.array([f"city {number:.0f}" for number in place])


HONEST: Mapping[str, Callable[[Case], object]] = {
    "score .6": lambda case: case.score(0.6),
    "score .75": lambda case: case.score(0.75),
    "score .9": lambda case: case.score(0.9),
    "amount .9": lambda case: np.exp(case.score(0.9)).round(2),
    "heavy tails": _heavy_tails,
    "count .85": lambda case: case.rng.poisson(np.exp(0.6 + 0.7 * case.score(0.9))),
    "page value": _page_value,
    "two levels of .9": _best_flag,
    "three levels of .9": lambda case: _cut(case, 0.9, 3),
    "six levels of .9": lambda case: _cut(case, 0.9, 6),
    "twelve levels of .9": lambda case: _cut(case, 0.9, 12),
    "asked the keen": _asked_the_keen,
    "not asked the keen": _not_asked_the_keen,
    "next appointment": _appointment,
    "end of the term": _term,
    "date of creation": _created,
    "birthday": _birthday,
    "city": _city,
    "rare levels": lambda case: case.pick([f"rare {number}" for number in range(300)]),
    "code": lambda case: np.array([f"c{number}" for number in case.rng.integers(0, 500, case.size)]),
    "key": lambda case: np.array([f"k{number}" for number in case.rng.permutation(case.size)]),
    "noise": lambda case: case.rng.normal(size=case.size),
    "missing at random": lambda case: np.where(case.rng.random(case.size) < 0.8, np.nan, case.score(0.8)),
}
"""Attributes that were there before the outcome; the computed features of the contacts are examined beside them."""


def examine(case: Case) -> dict[str, str]:
    """Give what each leak and each honest attribute is taken for: excluded, review, or nothing."""
    leaks = {name: _spoilt(case, leak(case)) for name, leak in (LEAKS | INSEPARABLE).items()}
    honest = {name: pd.Series(attribute(case)).reset_index(drop=True) for name, attribute in HONEST.items()}
    columns = {**leaks, **honest, **{f"feature {name}": case.rows[name] for name in case.features}}
    rows = pd.DataFrame({**columns, "as_of": case.rows["as_of"]})
    found = {one.name: one.action for one in suspects(rows, case.rows[LABEL].to_numpy(np.float64), list(columns), Rules(), seed=1)}
    return {name: found.get(name, "") for name in columns}


def trials(count: int, pools: Mapping[str, Pool]) -> pd.DataFrame:
    """Run trials over the families and every base rate in turn; one row each, with the action by attribute."""
    found = []
    for seed in range(count):
        base_rate = BASE_RATES[seed // len(pools) % len(BASE_RATES)]
        actions = examine(draw(pools[FAMILIES[seed % len(pools)]], base_rate, seed))
        found.append({"base rate": base_rate, **actions})
    return pd.DataFrame(found).set_index("base rate")


def rates(found: pd.DataFrame) -> tuple[float, float]:
    """Give the share of the leaks that are excluded, and that of the honest attributes."""
    excluded = found == "excluded"
    honest = [name for name in found if name not in LEAKS | INSEPARABLE]
    return float(excluded[list(LEAKS)].mean(axis=None)), float(excluded[honest].mean(axis=None))


def main(count: int) -> None:
    """Print the shares found."""
    found = trials(count, {family: pool(family) for family in FAMILIES})
    table = Table("attribute", *(f"{base_rate:.0%}" for base_rate in BASE_RATES), "excluded", "review only")
    for name in found.columns[(found != "").any()]:
        excluded = found[name] == "excluded"
        by_rate = (f"{excluded[found.index == base_rate].mean():.3f}" for base_rate in BASE_RATES)
        table.add_row(name, *by_rate, f"{excluded.mean():.3f}", f"{(found[name] == 'review').mean():.3f}")
    detected, alarms = rates(found)
    console = Console(width=140)
    console.print(table)
    honest = found.shape[1] - len(LEAKS) - len(INSEPARABLE)
    console.print(f"{count} trials: {detected:.2%} of {len(LEAKS)} kinds of leak excluded, {alarms:.3%} of {honest} honest attributes")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _TRIALS)
