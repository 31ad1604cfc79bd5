"""What a sales forecast needs, as plain numbers: a snapshot holds it, and the service draws from it without the fitting library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from funnelcast.artefacts import to_json
from funnelcast.errors import ArtefactDamaged
from funnelcast.forecast.periods import Every, following
from funnelcast.forecast.sales.bottom_up import BottomUp
from funnelcast.forecast.sales.fit import fit
from funnelcast.forecast.sales.history import Basis, History, basis_of, histories
from funnelcast.forecast.sales.promotions import promotions
from funnelcast.forecast.sales.spread import Spread, learn, widen
from funnelcast.forecast.sales.state import State
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

FILE = "sales.json"
LONGEST_STALE = timedelta(days=366)
"""A series whose figures ended longer ago than this is taken as given up."""


@dataclass(frozen=True, eq=False)
class SalesInputs:
    """The fitted series of one company at one as_of.

    Parameters
    ----------
    basis
        The table that they come from.
    until
        Draws reach to here, for every series that isn't given up.
    states
        In order of their names.
    spread
        What was learned at earlier origins about the width of the draws.
    missing
        What is not modelled, a sentence each.
    bottom_up
        The view from below, where customers are known and a model tells what they buy again.
    """

    as_of: AsOf
    currency: str
    basis: Basis
    until: datetime
    states: tuple[State, ...]
    spread: Spread
    missing: tuple[str, ...] = ()
    bottom_up: BottomUp | None = None

    @property
    def horizon_days(self) -> int:
        """How many whole days after as_of the draws reach."""
        return (self.until - self.as_of.at).days

    def goes_on(self, state: State) -> bool:
        """Say whether a series goes on, rather than being given up long before as_of."""
        return not given_up(state.history, self.as_of)

    def files(self) -> dict[str, bytes]:
        """Give everything as one JSON file."""
        document = {
            "as_of": self.as_of.at.isoformat(),
            "timezone": self.as_of.timezone,
            "currency": self.currency,
            "basis": self.basis,
            "until": self.until.isoformat(),
            "spread": {"widening": self.spread.widening, "level": self.spread.level, "paths": self.spread.paths},
            "missing": list(self.missing),
            "states": [state.document() for state in self.states],
            "bottom_up": None if self.bottom_up is None else self.bottom_up.document(),
        }
        return {FILE: to_json(document)}

    @classmethod
    def rebuild(cls, files: Mapping[str, bytes]) -> SalesInputs:
        """Make the very same inputs from their file.

        Raises
        ------
        ArtefactDamaged
            The file isn't there.
        """
        if FILE not in files:
            raise ArtefactDamaged(folder="snapshot", reason=f"no {FILE}")
        document = json.loads(files[FILE])
        return cls(
            AsOf(datetime.fromisoformat(document["as_of"]), document["timezone"]),
            document["currency"],
            document["basis"],
            datetime.fromisoformat(document["until"]),
            tuple(State.of(state) for state in document["states"]),
            Spread(**document["spread"]),
            tuple(document["missing"]),
            None if document["bottom_up"] is None else BottomUp.of(document["bottom_up"]),
        )


def sales_inputs(facts: Facts, as_of: AsOf, every: Every = "week", count: int = 53) -> SalesInputs:
    """Fit every series of revenue on what was known before as_of.

    Parameters
    ----------
    facts
        Not cut, or cut later than as_of: the cut is made here.
    every
        Weeks or months to fit on, where the facts are finer; totals by week or month keep their length.
    count
        How many full periods after as_of a forecast may be asked for.

    Raises
    ------
    MissingTable
        The company brings neither transactions nor sales.
    """
    basis = basis_of(facts)
    known = histories(facts, as_of, every, basis)
    until = following(as_of.at, every)
    for _ in range(count):
        until = following(until, every)
    country = facts.source.country
    promoted = promotions(cut(facts, as_of))
    spread = learn(known, country, promoted)
    states = tuple(widen(fit(history, _steps(history, as_of, until, every, count), country, promoted), spread) for history in known)
    return SalesInputs(as_of, facts.source.currency, basis, until, states, spread, _missing(known, as_of, basis))


def given_up(history: History, as_of: AsOf) -> bool:
    """Say whether the series' figures ended more than a year before as_of."""
    return as_of.at - history.end > LONGEST_STALE


def stale(history: History, as_of: AsOf) -> bool:
    """Say whether a whole period has passed since the series' last figure."""
    return following(history.end, history.every) <= as_of.at


def _steps(history: History, as_of: AsOf, until: datetime, every: Every, count: int) -> int:
    """Count the series' own periods that reach ``until``, and as far ahead of its own end."""
    own = history.end
    for _ in range(count + 1):
        own = following(own, every)
    target = own if given_up(history, as_of) else max(until, own)
    steps, end = 0, history.end
    while end < target:
        end, steps = following(end, history.every), steps + 1
    return steps


def _missing(known: tuple[History, ...], as_of: AsOf, basis: Basis) -> tuple[str, ...]:
    if not known:
        return (f"sales: no complete period in {basis} before {as_of.at.date()}",)
    ended = [history.name for history in known if given_up(history, as_of)]
    if not ended:
        return ()
    named = ", ".join(ended[:5]) + (", …" if len(ended) > 5 else "")
    return (f"{len(ended)} of {len(known)} series end more than a year before {as_of.at.date()} and are left out of the sums: {named}",)
