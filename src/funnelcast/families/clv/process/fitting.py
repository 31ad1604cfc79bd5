"""Maximum likelihood of BG/NBD and Gamma-Gamma: our own likelihood finds the maximum, lifetimes is the independent judge of it.

The only place that imports lifetimes. On import it changes warning filters and a pandas option, and it prints what fails to converge:
none of that is left behind.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from funnelcast.errors import TooFewRows
from funnelcast.families.clv.process.likelihood import Objective, Purchases, Spend, bg_nbd, gamma_gamma
from funnelcast.families.clv.process.maximum import Climbs, Fitted, climb, highest
from funnelcast.families.clv.process.parameters import BgNbd, Floats, GammaGamma
from funnelcast.families.one_thread import one_thread
from funnelcast.terms import Json

_FEWEST_REPEATERS = 10
_ROWS_OF_A_START = 5_000
_STARTS = ((0.1, 0.1, 0.1, 0.1), (0.5, -1.0, 0.0, 1.0), (-1.5, -2.0, -0.5, 2.5))
_SPEND_STARTS = ((0.1, 0.1, 0.1), (1.8, 1.3, 2.7))
_AGREEMENT = 1e-9


def fit_bg_nbd(data: Purchases) -> tuple[BgNbd, Fitted]:
    """Fit r, alpha, a and b without a penalty, from several starts.

    Raises
    ------
    TooFewRows
        Fewer than ten customers have come back.
    """
    enough(float(data.weight[data.x > 0].sum()), "customers with a repeat purchase", "The CLV model")
    few = thinned(data)
    climbs = climb(partial(bg_nbd, data=few), starts(few))
    found, judged = _judged(partial(bg_nbd, data=few), climbs, partial(_lifetimes_bg_nbd, few))
    fitted = highest(partial(bg_nbd, data=data), found)
    fitted = replace(fitted, diagnostics={**climbs.document(), **fitted.diagnostics, **judged, "rows_of_starts": len(few.x)})
    return BgNbd.of_logarithms(fitted.logarithms), _with_warnings(fitted, data)


def fit_gamma_gamma(data: Spend) -> tuple[GammaGamma, Fitted]:
    """Fit p, q and v on customers with a repeat purchase of positive value.

    Raises
    ------
    TooFewRows
        Fewer than ten of them.
    """
    enough(data.customers, "customers with a repeat purchase of positive value", "The spend model")
    every = -(-len(data.x) // _ROWS_OF_A_START)
    few = Spend(data.x[::every], data.m[::every], data.weight[::every])
    mean = float(data.weight @ data.m / data.customers)
    climbs = climb(partial(gamma_gamma, data=few), [*map(np.array, _SPEND_STARTS), np.log([5.0, 3.0, mean])])
    found, judged = _judged(partial(gamma_gamma, data=few), climbs, partial(_lifetimes_gamma_gamma, few))
    fitted = highest(partial(gamma_gamma, data=data), found)
    return GammaGamma.of_logarithms(fitted.logarithms), replace(
        fitted, diagnostics={**climbs.document(), **fitted.diagnostics, **judged, "rows_of_starts": len(few.x)}
    )


def starts(data: Purchases) -> list[Floats]:
    """Give starts for (ln r, ln alpha, …) in the unit of the data: alpha is set beside a tenth of the longest history."""
    unit = np.array([0.0, np.log(float(data.T.max()) / 10), 0.0, 0.0])
    return [np.array(start) + unit for start in _STARTS]


def thinned(data: Purchases) -> Purchases:
    """Give at most 5,000 rows, every so many of the given: enough to find the neighbourhood of the maximum in."""
    return data.part(slice(None, None, -(-len(data.x) // _ROWS_OF_A_START)))


def enough(found: float, what: str, model: str) -> None:
    """Refuse to fit on fewer than ten."""
    if found < _FEWEST_REPEATERS:
        raise TooFewRows(
            model=model, found=int(found), what=what, needed=_FEWEST_REPEATERS, advice="Bring a longer history of transactions."
        )


def _judged(objective: Objective, climbs: Climbs, lifetimes: Callable[[Floats], Floats | None]) -> tuple[Floats, dict[str, Json]]:
    """Let lifetimes fit from the best end, on the same rows, and take what it finds where that is higher.

    On all rows of a million customers its automatic second derivatives alone take twice as long as our whole fit (0.6 s beside 0.2), so
    that it judges the rows of the starts; the likelihood on all rows is the same function.
    """
    # At the very maximum lifetimes sees at its first step that there is nothing to gain.
    own = highest(objective, climbs.best)
    theirs = lifetimes(own.logarithms)
    gap = None if theirs is None else own.log_likelihood - float(objective(theirs)[0])
    judged: dict[str, Json] = {"lifetimes_converged": theirs is not None, "lifetimes_log_likelihood_gap": gap}
    higher = theirs is not None and gap is not None and gap < -_AGREEMENT * abs(own.log_likelihood)
    return (theirs if higher and theirs is not None else own.logarithms), judged


def _lifetimes_bg_nbd(data: Purchases, start: Floats) -> Floats | None:
    def fit() -> Floats:
        from lifetimes import BetaGeoFitter  # noqa: PLC0415 (the service must never import it)

        fitter = BetaGeoFitter(penalizer_coef=0.0)
        # It scales time so that the longest history is 1.
        scaled = start - np.array([0.0, np.log(float(data.T.max())), 0.0, 0.0])
        fitter.fit(data.x, data.t_x, data.T, weights=data.weight, initial_params=scaled)
        return np.log(np.asarray(fitter.params_, dtype=np.float64))

    return _converged(fit)


def _lifetimes_gamma_gamma(data: Spend, start: Floats) -> Floats | None:
    def fit() -> Floats:
        from lifetimes import GammaGammaFitter  # noqa: PLC0415 (the service must never import it)

        fitter = GammaGammaFitter(penalizer_coef=0.0)
        fitter.fit(data.x, data.m, weights=data.weight, initial_params=start)
        return np.log(np.asarray(fitter.params_, dtype=np.float64))

    return _converged(fit)


def _converged(fit: Callable[[], Floats]) -> Floats | None:
    """Run one fit of lifetimes; None where it gives up."""
    with _no_trace():
        from lifetimes.utils import ConvergenceError  # noqa: PLC0415 (the service must never import it)

        try:
            logarithms = fit()
        except (ConvergenceError, np.linalg.LinAlgError, FloatingPointError):
            return None
    return logarithms if np.isfinite(logarithms).all() else None


@contextlib.contextmanager
def _no_trace() -> Iterator[None]:
    """Undo what lifetimes does to the process: warning filters, a pandas option, prints, numpy's error state."""
    option = pd.get_option("mode.chained_assignment")
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()), one_thread():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            pd.set_option("mode.chained_assignment", option)


def _with_warnings(fitted: Fitted, data: Purchases) -> Fitted:
    r, alpha, a, b = np.exp(fitted.logarithms)
    age = float(data.T.max())
    found = {
        "dropout is not identified: b is large beside the purchases seen, so nobody seems ever to leave": b > 100 or a > 100,
        "dropout is extreme: the mean chance of leaving after a purchase is below 1 in 1,000": a / (a + b) < 1e-3,
        "rates are not identified: alpha is far beyond the longest history, so every customer seems alike": alpha > 20 * age or r > 50,
        "a + b < 1: the chance of leaving is near 0 or near 1 for almost everyone": a + b < 1,
        "the likelihood is flat in a direction: intervals are wide there": fitted.diagnostics["flat_directions"] != 0,
        "no start of the fit converged: read the parameters with care": fitted.diagnostics["starts_converged"] == 0,
    }
    said: list[Json] = [message for message, holds in found.items() if holds]
    return replace(fitted, diagnostics={**fitted.diagnostics, "warnings": said})
