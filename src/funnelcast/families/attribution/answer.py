"""The credit of every channel by any method, as the contract's ``attribute`` document."""

from __future__ import annotations

from funnelcast.errors import UsageError
from funnelcast.families.attribution.credit import Attribution, Method, attribute
from funnelcast.families.attribution.drawing import top_paths, transitions
from funnelcast.families.attribution.markov import ORDERS, choose_order, markov
from funnelcast.families.attribution.rules import RULES, RuleMethod, rule
from funnelcast.families.attribution.setup import Gathered, Setup, gather, setup_of
from funnelcast.families.attribution.shapley import shapley
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf, Json

METHODS = (*RULES, "markov", "shapley")
ALL = "all"


def credits(  # noqa: A001 (the word of the field)
    facts: Facts, spec: Spec, as_of: AsOf, method: str | None = None, order: int | None = None
) -> dict[str, Json] | list[Json]:
    """Credit the channels of a company.

    Parameters
    ----------
    method
        One of METHODS, or ``all``; the spec's default where not given.
    order
        Of Markov, 1 to 4; chosen out of sample where not given.

    Returns
    -------
    The ``attribute`` document; a list of them for ``all``. Beyond the contract: ``level`` and ``replicates`` of the intervals; by channel
    ``rank``, ``rank_low``, ``rank_high`` and ``probability_first``; ``comparisons`` (the probability that each channel earns more than the
    next) and what they say in ``sentences``; ``untouched`` (conversions without a touch, with which no channel is credited),
    ``probability`` (of a journey to convert) and what belongs to one method, such as Markov's ``transitions`` and ``paths``, for drawing.
    ``value`` is null where conversions have none.

    Raises
    ------
    UsageError
        An unknown method, or an order that isn't 1 to 4.
    MissingTable, TooFewRows
        The facts don't allow it.
    """
    setup = setup_of(spec)
    wanted = method or setup.method
    if wanted not in (*METHODS, ALL):
        raise UsageError(reason=f"There is no attribution method {wanted!r}; known are {', '.join(METHODS)} and {ALL}.")
    if order is not None and order not in ORDERS:
        raise UsageError(reason=f"The order of Markov is 1 to {ORDERS[-1]}, not {order}.")
    gathered = gather(facts, setup, as_of)
    if wanted == ALL:
        order = order or choose_order(gathered.paths, setup.orders, setup.minimum).order
        return [answer(gathered, setup, name, order).document() for name in METHODS]
    return answer(gathered, setup, wanted, order).document()


def answer(gathered: Gathered, setup: Setup, name: str, order: int | None = None) -> Attribution:
    """Credit the channels by one method."""
    paths = gathered.paths
    rate = float(paths.conversions.sum() / paths.journeys.sum())
    details: dict[str, Json] = {
        "untouched": {
            "conversions": gathered.untouched_conversions,
            "value": gathered.untouched_value if gathered.has_value else None,
        },
        "probability": rate,
    }
    made = method_of(gathered, setup, name, order, details)
    return attribute(made, paths, setup.replicates, setup.seed, has_value=gathered.has_value, details=details)


def method_of(gathered: Gathered, setup: Setup, name: str, order: int | None, details: dict[str, Json]) -> Method:
    """Make a method of what was gathered; what is worth knowing beside its credit goes into ``details``."""
    paths = gathered.paths
    if name == "markov":
        if order is None:
            choice = choose_order(paths, setup.orders, setup.minimum)
            details["log_likelihood"] = {str(tried): likelihood for tried, likelihood in choice.log_likelihood.items()}
            order = choice.order
        chained = markov(paths, order, setup.minimum)
        details |= {"transitions": transitions(chained.chain), "paths": top_paths(paths)}
        return chained
    if name == "shapley":
        made = shapley(paths, gathered.organic)
        details["organic_rate"] = {part.of: part.organic_rate for part in made.parts}
        details["distance_from_equal_split"] = made.distance_from_equal_split()
        return made
    if name == "time_decay" and gathered.decayed is not None:
        details["half_life_days"] = setup.journeys.half_life_days
        return RuleMethod(name, paths.channels, gathered.decayed)
    if name == "time_decay":
        details["half_life_touches"] = setup.rules.half_life_touches
    return rule(name, paths, setup.rules)
