"""What spec.toml sets for attribution, and the paths gathered from a company's facts by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt

from funnelcast import journeys
from funnelcast.errors import SpecError, TooFewRows
from funnelcast.families.attribution.markov import ORDERS
from funnelcast.families.attribution.paths import Floats, Paths, from_brought, from_settled, significant
from funnelcast.families.attribution.rules import RuleSettings
from funnelcast.journeys import JourneyRules, Organic, Settled
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf


@dataclass(frozen=True)
class Setup:
    """The sections of models/attribution/spec.toml, each key with its default.

    Parameters
    ----------
    journeys, rules
        ``[cohort]`` and ``[features]``.
    collapse_repeats
        Merge neighbouring touches of one channel (``[cohort]``).
    holdout_days
        The newest period, on which the gate judges (``[folds]``).
    method
        The default method (``[options]``).
    orders, minimum
        Orders of Markov to choose from, and how many journeys keep a tuple of touches (``[search]``).
    replicates
        Of the bootstrap behind every interval (``[options]``).
    """

    journeys: JourneyRules
    rules: RuleSettings
    seed: int
    collapse_repeats: bool = False
    holdout_days: int = 180
    method: str = "shapley"
    orders: tuple[int, ...] = ORDERS
    minimum: float = 10
    replicates: int = 200

    def newest_from(self, as_of: AsOf) -> AsOf:
        """Give the start of the newest period."""
        return as_of.plus(-self.holdout_days)


def setup_of(spec: Spec) -> Setup:
    """Read a spec.

    Raises
    ------
    SpecError
        A key isn't known, an order isn't 1 to 4, or the shares of position don't sum to 1.
    """
    where = f"models/{spec.name}/spec.toml"
    cohort = dict(spec.cohort)
    collapse = bool(cohort.pop("collapse_repeats", False))
    _only(where, "cohort", cohort, {field.name for field in fields(JourneyRules)})
    _only(where, "features", spec.features, {field.name for field in fields(RuleSettings)})
    _only(where, "folds", spec.folds, {"holdout_days"})
    _only(where, "search", spec.search, {"orders", "minimum"})
    _only(where, "options", spec.options, {"method", "replicates"})
    features: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in spec.features.items()}
    rules = RuleSettings(**features)
    search: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in spec.search.items()}
    setup = Setup(JourneyRules(**cohort), rules, spec.seed, collapse, **spec.folds, **search, **spec.options)
    if not set(setup.orders) <= set(ORDERS) or not setup.orders:
        raise SpecError(path=where, reason=f"[search] orders {list(setup.orders)} are not among {list(ORDERS)}")
    if len(rules.position) != 3 or abs(sum(rules.position) - 1) > 1e-9:
        raise SpecError(path=where, reason=f"[features] position {list(rules.position)} is not three shares that sum to 1")
    return setup


def _only(where: str, section: str, given: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise SpecError(path=where, reason=f"[{section}] has unknown {unknown}; known are {sorted(known)}")


@dataclass(frozen=True)
class Gathered:
    """All that attribution needs of a company.

    Parameters
    ----------
    newest
        Whether each path's journeys were settled in the newest period; of shape (0,) where the facts have no time.
    decayed
        Conversions, then value, credited by time decay in days, shape (clusters, 2 * channels); None where paths carry no dates.
    untouched_conversions, untouched_value
        What no touch preceded.
    organic
        The probabilities to convert without a touch; None where unknown.
    """

    paths: Paths
    newest: npt.NDArray[np.bool_]
    decayed: Floats | None
    untouched_conversions: float
    untouched_value: float
    organic: Organic | None
    has_value: bool


def gather(facts: Facts, setup: Setup, as_of: AsOf) -> Gathered:
    """Aggregate a company's journeys in its engine and read the sums.

    Raises
    ------
    MissingTable
        Neither touchpoints with conversions nor journeys.
    TooFewRows
        No journey with a touch has converted.
    """
    if not facts.has("touchpoints"):
        return _of_brought(facts, setup)
    settled, paths, newest = settled_paths(facts, setup, as_of)
    require_conversions(paths)
    alone = _read_untouched(journeys.untouched(settled))
    return Gathered(
        paths=paths.collapsed() if setup.collapse_repeats else paths,
        newest=newest,
        decayed=_decayed(settled, paths),
        untouched_conversions=alone[0],
        untouched_value=alone[1],
        organic=journeys.organic(settled),
        has_value=facts.has("transactions"),
    )


def settled_paths(facts: Facts, setup: Setup, as_of: AsOf) -> tuple[Settled, Paths, npt.NDArray[np.bool_]]:
    """Give the settled journeys of dated touches, their paths, and which of these were settled in the newest period."""
    settled = journeys.settle(facts, as_of, setup.journeys)
    paths, newest = from_settled(journeys.paths(settled, setup.newest_from(as_of)), settled.stamps.channels)
    return settled, paths, newest


def _of_brought(facts: Facts, setup: Setup) -> Gathered:
    paths = from_brought(journeys.brought_paths(facts), setup.seed)
    require_conversions(paths)
    alone = _read_untouched(journeys.brought_untouched(facts))
    has_value = facts.brings("journeys", "value")
    newest = np.zeros(0, dtype=bool)
    return Gathered(paths.collapsed() if setup.collapse_repeats else paths, newest, None, *alone, None, has_value)


def _read_untouched(table: ir.Table) -> tuple[float, float]:
    count, value = significant(table.execute().iloc[0].to_numpy(dtype=np.float64))
    return float(count), float(value)


def require_conversions(paths: Paths) -> None:
    """Refuse paths of which none converted."""
    if paths.conversions.sum() <= 0:
        raise TooFewRows(
            model="attribution",
            found=int(paths.conversions.sum()),
            what=f"conversions in {int(paths.journeys.sum())} journeys with a touch",
            needed=1,
            advice="Bring touchpoints from before the purchases, under the same contact ids, or a longer look-back.",
        )


def _decayed(settled: Settled, paths: Paths) -> Floats:
    frame = journeys.decayed(settled).execute()
    place = {channel: code for code, channel in enumerate(paths.channels)}
    code = frame["channel"].map(place).to_numpy(dtype=np.int64)
    cluster = frame["cluster"].to_numpy(dtype=np.int64)
    outcomes = [significant(frame[outcome].to_numpy(dtype=np.float64)) for outcome in ("conversions", "value")]
    sums = [paths.by_cluster(code, outcome, len(paths.channels), cluster) for outcome in outcomes]
    return np.concatenate(sums, axis=1)
