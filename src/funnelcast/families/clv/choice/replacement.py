"""What replaces BG/NBD where its hold-out contradicts it: chosen on an earlier hold-out, judged on the newest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from funnelcast.errors import ModelError, TooFewRows
from funnelcast.families.clv.choice.members import FITS, History, fit_member
from funnelcast.families.clv.choice.windows import Window, choice_window
from funnelcast.families.clv.model import ClvModel
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf, Json

PLAIN = "bg_nbd"
UNFIT = "The model is not fit to ship."
Metrics = dict[str, float]


@dataclass(frozen=True)
class Workshop:
    """How models are made and judged: what the development of CLV lends to the search for a member."""

    facts: Facts
    spec: Spec
    plain_at: Callable[[AsOf], ClvModel]
    rows_of: Callable[[Window], pd.DataFrame]
    judge: Callable[[ClvModel, pd.DataFrame], Metrics]

    def member_at(self, name: str, as_of: AsOf, window_days: float, plain: ClvModel) -> ClvModel:
        """Fit a member at an instant, with the value of purchases that the plain model has."""
        process, fitted = fit_member(name, History(self.facts, as_of, plain.terms.days_per_unit, window_days))
        return replace(plain, process=process, covariance=fitted.covariance, member=name)


@dataclass(frozen=True)
class Trial:
    """One member: its figures on the hold-out that chooses and on the one that judges (None where it couldn't be fitted)."""

    member: str
    chosen_on: Metrics | None = None
    judged_on: Metrics | None = None
    model: ClvModel | None = None
    said: str = ""

    def document(self) -> dict[str, Json]:
        """Give the trial as JSON."""
        found: dict[str, Json] = {"member": self.member}
        for prefix, metrics in (("choice", self.chosen_on), ("judged", self.judged_on)):
            found |= {f"{prefix}_{name}": None if metrics is None else metrics[name] for name in ("bias_pct", "crps")}
        return {**found, "said": self.said}


@dataclass(frozen=True)
class Replacement:
    """What is to be said of BG/NBD and of the members that were tried in its place; ``ships`` is the one that replaces it, if any does."""

    said: str
    ships: Trial | None = None
    trials: tuple[Trial, ...] = ()
    window: Window | None = None

    def document(self) -> dict[str, Json]:
        """Give the search as JSON: the hold-out that chose, and each member's figures there and on the newest hold-out."""
        found: dict[str, Json] = {"said": self.said, "tried": [trial.document() for trial in self.trials]}
        if self.window is not None:
            found |= {"chosen_from": self.window.start.isoformat(), "chosen_until": self.window.end.isoformat()}
        return found

    def section(self) -> str:
        """Give the search as a section of the card."""
        lines = ["## BG/NBD and its replacement", "", self.said]
        if self.trials:
            lines += ["", "| member | bias, choosing | CRPS | bias, judging | CRPS | |", "|---|---|---|---|---|---|"]
            lines += [_row(trial) for trial in self.trials]
        return "\n".join(lines)


def replace_plain(shop: Workshop, newest: Window, newest_rows: pd.DataFrame, plain: ClvModel, limit: float) -> Replacement:
    """Try the members in their order on the hold-out before the newest; judge the first that holds there on the newest.

    A member holds where its bias is within the limit there, and where it errs the same way as BG/NBD, the share of BG/NBD's error that it
    leaves would leave no more than the limit of BG/NBD's error on the newest hold-out. For the hold-out that chooses may be short, and
    what is a small error in months is a large one in a year.

    Parameters
    ----------
    plain
        BG/NBD, fitted at the start of the newest hold-out, where its bias is beyond its gate.
    limit
        The largest bias of a replacement, in per cent.
    """
    own = Trial(PLAIN, None, shop.judge(plain, newest_rows), plain, "beyond its gate where members are judged")
    begun = f"BG/NBD expects {_excess(own)} in the newest hold-out"
    window = choice_window(shop.facts, newest)
    if window is None:
        return Replacement(f"{begun}, and the history is too short for an earlier hold-out to choose another member by. {UNFIT}")
    try:
        before = shop.plain_at(window.start)
    except TooFewRows as error:
        return Replacement(f"{begun}, and no other member can be chosen on an earlier hold-out: {error} {UNFIT}", window=window)
    rows = shop.rows_of(window)
    own = replace(own, chosen_on=shop.judge(before, rows))
    tried = [_try(shop, name, (window, before, rows), (newest, plain, newest_rows)) for name in FITS]
    chosen = next((trial for trial in tried if holds(trial, own, limit)), None)
    trials = (own, *(replace(trial, said=trial.said or _why(trial, own, chosen, limit)) for trial in tried))
    if chosen is None:
        return Replacement(f"{begun}, and no other member held on the hold-out before it. {UNFIT}", None, trials, window)
    begun = f"{begun}; {chosen.member}, chosen on the hold-out before it, expects {_excess(chosen)}"
    if _bias(chosen.judged_on) <= limit:
        return Replacement(f"{begun} and ships in its place (limit {limit:g} %).", chosen, trials, window)
    return Replacement(f"{begun}, beyond {limit:g} %. {UNFIT}", None, trials, window)


At = tuple[Window, ClvModel, pd.DataFrame]


def _try(shop: Workshop, name: str, choosing: At, judging: At) -> Trial:
    try:
        found = [(shop.member_at(name, window.start, window.days, plain), rows) for window, plain, rows in (choosing, judging)]
    except (ModelError, TooFewRows) as error:
        return Trial(name, said=f"not fitted: {error}")
    (earlier, rows), (later, newest_rows) = found
    return Trial(name, shop.judge(earlier, rows), shop.judge(later, newest_rows), later)


def holds(trial: Trial, plain: Trial, limit: float) -> bool:
    """Say whether a member holds where members are chosen, as ``replace_plain`` defines it."""
    if trial.chosen_on is None or plain.chosen_on is None or plain.judged_on is None:
        return False
    bias, of_plain, later = trial.chosen_on["bias_pct"], plain.chosen_on["bias_pct"], plain.judged_on["bias_pct"]
    errs_alike = bias * of_plain > 0
    return abs(bias) <= limit and not (errs_alike and abs(bias * later) > limit * abs(of_plain))


def _bias(metrics: Metrics | None) -> float:
    return np.inf if metrics is None else abs(metrics["bias_pct"])


def _why(trial: Trial, plain: Trial, chosen: Trial | None, limit: float) -> str:
    if trial is chosen:
        return "chosen"
    if chosen is not None and holds(trial, plain, limit):
        return f"would hold too, but {chosen.member} comes before it"
    if _bias(trial.chosen_on) > limit:
        return f"passed over: beyond {limit:g} % where members are chosen"
    return "passed over: leaves too much of BG/NBD's error where members are chosen"


def _excess(trial: Trial) -> str:
    bias = 0.0 if trial.judged_on is None else trial.judged_on["bias_pct"]
    return f"{abs(bias):.0f} % too {'many' if bias > 0 else 'few'} purchases"


def _row(trial: Trial) -> str:
    def cells(metrics: Metrics | None) -> Sequence[str]:
        return ("", "") if metrics is None else (f"{metrics['bias_pct']:+.1f} %", f"{metrics['crps']:.4f}")

    return f"| {trial.member} | {' | '.join([*cells(trial.chosen_on), *cells(trial.judged_on), trial.said])} |"
