"""The promotion gate: challenger, champion and baseline judged on the same newest fold.

A challenger must pass every safety gate (finite, no leak, hold-out bias, the bounds of spec.toml), be no worse than the champion and better
than the baseline. Where it isn't, the better of champion and baseline serves, so that there is an honest answer everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from funnelcast.evaluate.bootstrap import paired_bootstrap
from funnelcast.terms import Json

Winner = Literal["challenger", "baseline", "champion"]


@dataclass(frozen=True)
class Gate:
    """One condition of a promotion. ``safety``: failing it bars the challenger whatever its loss."""

    name: str
    passed: bool
    value: float | None
    threshold: float | None
    safety: bool = False
    reason: str = ""

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
    """One proper loss per row of the newest fold, by contender; ``champion`` is None where there is none or it can't be compared."""

    challenger: npt.NDArray[np.float64]
    baseline: npt.NDArray[np.float64]
    champion: npt.NDArray[np.float64] | None = None


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


def judge(losses: Losses, safety: Sequence[Gate], *, margin: float, seed: int) -> Verdict:
    """Decide who serves.

    Parameters
    ----------
    losses
        On the newest fold, row by row the same for every contender.
    safety
        Gates known before losses are compared.
    margin
        How much worse than the champion's mean loss a challenger may be, relative to it; fresh facts weigh that much.
    seed
        Of the paired bootstrap.
    """
    gates = [*safety, Gate("finite", bool(np.isfinite(losses.challenger).all()), None, None, safety=True)]
    if not gates[-1].passed:
        return Verdict(_without_challenger(losses), tuple(gates))
    gates.append(_better("better_than_baseline", losses.challenger, losses.baseline, 0.0, seed))
    if losses.champion is not None:
        gates.append(_better("no_worse_than_champion", losses.challenger, losses.champion, margin, seed))
    passed = all(gate.passed for gate in gates)
    return Verdict("challenger" if passed else _without_challenger(losses), tuple(gates))


def _better(name: str, own: npt.NDArray[np.float64], other: npt.NDArray[np.float64], margin: float, seed: int) -> Gate:
    difference = paired_bootstrap(own, other, seed=seed)
    threshold = margin * abs(float(np.mean(other)))
    reason = f"mean loss difference {difference.mean:.6g} (90 % interval {difference.low:.6g} to {difference.high:.6g})"
    return Gate(name, bool(difference.mean <= threshold), difference.mean, threshold, reason=reason)


def _without_challenger(losses: Losses) -> Winner:
    if losses.champion is None:
        return "baseline"
    return "champion" if float(np.mean(losses.champion)) <= float(np.mean(losses.baseline)) else "baseline"


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value
