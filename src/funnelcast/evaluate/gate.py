"""The promotion gate: challenger, champion and baseline judged on the same newest fold.

A challenger must pass every safety gate (finite, no leak, hold-out bias, the bounds of spec.toml), be better than the baseline, no
worse than the champion, and in no channel surely worse. Where it isn't, the champion stays; a baseline serves where there is no champion,
or where it is surely better than the one there is. Facts that look damaged change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from funnelcast.evaluate.bootstrap import PairedDifference, paired_bootstrap
from funnelcast.evaluate.grouping import FEWEST_IN_GROUP
from funnelcast.terms import Json

Winner = Literal["challenger", "baseline", "champion"]
Floats = npt.NDArray[np.float64]

SURE = 0.95
"""How certain the bootstrap must be before a difference alone bars a challenger or unseats a champion."""
NOTHING_LEFT = 0.25
"""A challenger whose skill is surely below this share of its champion's has learned next to nothing, as from scrambled facts."""


@dataclass(frozen=True)
class Gate:
    """One condition of a promotion.

    Parameters
    ----------
    safety
        Failing it bars the challenger whatever its loss.
    facts
        Failing it says that the facts may be damaged: whoever serves goes on.
    """

    name: str
    passed: bool
    value: float | None
    threshold: float | None
    safety: bool = False
    reason: str = ""
    facts: bool = False

    def document(self) -> dict[str, Json]:
        """Give the gate as JSON; what isn't finite becomes null."""
        return {
            "name": self.name,
            "passed": self.passed,
            "value": _finite(self.value),
            "threshold": _finite(self.threshold),
            "safety": self.safety,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Losses:
    """One proper loss per row of the newest fold, by contender; ``champion`` is None where there is none or it can't be compared.

    Parameters
    ----------
    clusters
        One id per row whose rows depend on each other, such as a contact's or a deal's; None: every row stands alone.
    segments
        One channel per row; None where the rows carry none.
    seen
        The champion was fitted on these very rows, so that its losses flatter it.
    """

    challenger: Floats
    baseline: Floats
    champion: Floats | None = None
    clusters: npt.NDArray[Any] | None = None
    segments: npt.NDArray[Any] | None = None
    seen: bool = False

    def difference(self, theirs: Floats, seed: int) -> PairedDifference:
        """Give the challenger's loss less another's."""
        return paired_bootstrap(self.challenger, theirs, seed, clusters=self.clusters)

    def by_channel(self) -> Iterator[tuple[str, Losses]]:
        """Give the losses of each channel that has enough rows, by its name."""
        if self.segments is None:
            return
        names, counts = np.unique(self.segments, return_counts=True)
        for name, count in zip(names, counts, strict=True):
            if count >= FEWEST_IN_GROUP:
                yield str(name), self.where(self.segments == name)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Losses:
        """Give the losses of some rows."""
        champion, clusters, segments = (None if part is None else part[chosen] for part in (self.champion, self.clusters, self.segments))
        return Losses(self.challenger[chosen], self.baseline[chosen], champion, clusters, segments, self.seen)

    def reference(self) -> tuple[str, Floats]:
        """Give what a challenger is held against by channel: the champion, or the baseline where no champion is fit to be compared."""
        return ("the baseline", self.baseline) if self.champion is None or self.seen else ("the champion", self.champion)


@dataclass(frozen=True)
class Terms:
    """What ``[gates]`` of spec.toml allows.

    Parameters
    ----------
    margin
        How much worse than the champion's mean loss a challenger's may be, relative to it: fresh facts weigh that much.
    segment_margin
        The same within one channel, where it is sure.
    """

    margin: float = 0.01
    segment_margin: float = 0.05


@dataclass(frozen=True)
class Verdict:
    """Who serves from now on, and why."""

    winner: Winner
    gates: tuple[Gate, ...]

    @property
    def reason(self) -> str:
        """The gates that failed, or that all passed."""
        failed = [gate.name for gate in self.gates if not gate.passed]
        return f"{self.winner}: " + (f"failed {', '.join(failed)}" if failed else "every gate passed")


def bounds(metrics: Mapping[str, float], rules: Mapping[str, Mapping[str, Any]]) -> list[Gate]:
    """Hold metrics against ``[gates.metrics]`` of spec.toml; a metric that isn't finite fails, one that isn't there is skipped."""
    found = []
    for name, rule in rules.items():
        if name not in metrics:
            continue
        value = float(metrics[name])
        for side, sign in (("min", 1.0), ("max", -1.0)):
            if side in rule:
                threshold = float(rule[side])
                passed = bool(np.isfinite(value) and sign * (value - threshold) >= 0)
                found.append(Gate(f"{name}_{side}", passed, value, threshold, safety=bool(rule.get("safety", True))))
    return found


def judge(losses: Losses, before: Sequence[Gate], terms: Terms, *, seed: int, skill: float | None = None) -> Verdict:
    """Decide who serves.

    Parameters
    ----------
    losses
        On the newest fold, row by row the same for every contender.
    before
        Gates known before losses are compared.
    seed
        Of the paired bootstrap.
    skill
        Of the champion when it was trained: 1 - its mean loss / the baseline's; None where that isn't known.
    """
    gates = [*before, Gate("finite", bool(np.isfinite(losses.challenger).all()), None, None, safety=True)]
    if gates[-1].passed:
        gates += _compared(losses, terms, seed, skill)
    passed = all(gate.passed for gate in gates)
    return Verdict("challenger" if passed else _without_challenger(losses, gates, seed), tuple(gates))


def skill_of(losses: Floats, baseline: Floats) -> float:
    """Give 1 - mean loss / the baseline's mean loss: 0 where the model adds nothing, 1 where it is never wrong."""
    return float(1 - losses.mean() / baseline.mean()) if baseline.mean() > 0 else 0.0


def differences(losses: Losses, seed: int) -> Iterator[tuple[str, str, int, PairedDifference]]:
    """Give the challenger's loss less that of each other contender, in all and by channel: contender, channel, rows, difference."""
    for channel, some in (("", losses), *losses.by_channel()):
        for other, theirs in (("baseline", some.baseline), ("champion", some.champion)):
            if theirs is not None:
                yield other, channel, theirs.size, some.difference(theirs, seed)


def _compared(losses: Losses, terms: Terms, seed: int, skill: float | None) -> Iterator[Gate]:
    against = losses.difference(losses.baseline, seed)
    yield Gate("better_than_baseline", against.mean <= 0, against.mean, 0.0, reason=_said(against))
    if losses.champion is not None:
        yield _no_worse(losses, losses.champion, terms.margin, seed, skill)
    if losses.segments is not None:
        yield _stable(losses, terms.segment_margin, seed)
    if skill is not None and skill > 0:
        yield _learned(losses, against, skill)


def _no_worse(losses: Losses, champion: Floats, margin: float, seed: int, skill: float | None) -> Gate:
    name = "no_worse_than_champion"
    if losses.seen and skill is not None:
        best = skill_of(losses.challenger, losses.baseline) + margin
        reason = "the champion was fitted on these rows: its skill over the baseline in its own run is compared instead"
        return Gate(name, best >= skill, skill - best + margin, margin, reason=reason)
    theirs = losses.difference(champion, seed)
    allowed = margin * abs(float(champion.mean()))
    reason = f"{_said(theirs)}{'; the champion was fitted on these rows, which flatters it' if losses.seen else ''}"
    return Gate(name, theirs.mean <= allowed, theirs.mean, allowed, reason=reason)


def _stable(losses: Losses, margin: float, seed: int) -> Gate:
    """Hold every channel against the reference; one fails that is surely worse (Bonferroni over channels), and by more than the margin."""
    channels = list(losses.by_channel())
    worst: tuple[float, str] = (-np.inf, "no channel has enough rows")
    failed, beside = [], ""
    for name, some in channels:
        beside, reference = some.reference()
        found = some.difference(reference, seed)
        relative = found.mean / float(reference.mean())
        worst = max(worst, (relative, name))
        # p is the share of replicates in which it is no better
        if relative > margin and found.p >= 1 - (1 - SURE) / len(channels):
            failed.append(f"{name}: loss {relative:+.1%} on {reference.size} rows")
    said = f"surely worse than {beside} in {'; '.join(failed)}" if failed else f"the worst against {beside}: {worst[1]}"
    return Gate("stable_by_channel", not failed, worst[0], margin, reason=said if beside else worst[1])


def _learned(losses: Losses, against: PairedDifference, skill: float) -> Gate:
    mean = float(losses.baseline.mean())
    now, most = (-value / mean if mean > 0 else 0.0 for value in (against.mean, against.low))
    reason = f"better than the baseline by {now:.1%} (at most {most:.1%}), the champion by {skill:.1%} when it was trained"
    return Gate("skill_kept", most >= NOTHING_LEFT * skill, now, NOTHING_LEFT * skill, safety=True, reason=reason, facts=True)


def _said(difference: PairedDifference) -> str:
    return f"mean loss difference {difference.mean:.6g} (90 % interval {difference.low:.6g} to {difference.high:.6g})"


def _without_challenger(losses: Losses, gates: Sequence[Gate], seed: int) -> Winner:
    """Keep the champion, unless a baseline is surely better and nothing says that the facts are damaged."""
    if losses.seen or any(gate.facts and not gate.passed for gate in gates):
        return "champion"
    if losses.champion is None:
        return "baseline"
    found = paired_bootstrap(losses.baseline, losses.champion, seed, clusters=losses.clusters)
    return "baseline" if found.high < 0 else "champion"


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value
