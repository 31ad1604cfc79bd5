"""The figures by which a probability is judged, under the names of the contract."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from funnelcast.evaluate.calibration import EDGE, intercept_of, reliability, slope_of

Floats = npt.NDArray[np.float64]


def classification(outcome: Floats, probability: Floats) -> dict[str, float]:
    """Give every metric of churn and lead scoring; not a number where the outcomes are all one way and the metric needs both.

    Parameters
    ----------
    outcome
        Shape (n,), 0 or 1.
    probability
        Shape (n,), in [0, 1].
    """
    return {
        "roc_auc": roc_auc(outcome, probability),
        "pr_auc": average_precision(outcome, probability),
        "brier": brier(outcome, probability),
        "log_loss": float(log_losses(outcome, probability).mean()),
        "calibration_slope": slope_of(outcome, probability),
        "calibration_intercept": intercept_of(outcome, probability),
        "ece": reliability(outcome, probability).error,
        "lift_at_10pct": lift(outcome, probability, 0.10),
    }


def roc_auc(outcome: Floats, score: Floats) -> float:
    """Give P(a positive ranks above a negative), ties counted half: the Mann-Whitney statistic (Hanley and McNeil 1982)."""
    from scipy.stats import rankdata  # noqa: PLC0415 (half a second that the service need not spend)

    positives = float(outcome.sum())
    negatives = outcome.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[outcome == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(outcome: Floats, score: Floats) -> float:
    """Give sum over thresholds of (R_k - R_(k-1)) P_k: the area under precision and recall without interpolation."""
    if outcome.sum() == 0:
        return float("nan")
    true_positives, called = _by_threshold(outcome, score)
    recall = true_positives / outcome.sum()
    return float((np.diff(recall, prepend=0.0) * true_positives / called).sum())


def brier(outcome: Floats, probability: Floats) -> float:
    """Give the mean of (p - y)^2 (Brier 1950)."""
    return float(((probability - outcome) ** 2).mean())


def log_losses(outcome: Floats, probability: Floats) -> Floats:
    """Give -[y ln p + (1 - y) ln(1 - p)] of each row, p held 1e-12 off 0 and 1."""
    held = np.clip(probability, EDGE, 1 - EDGE)
    return np.asarray(-(outcome * np.log(held) + (1 - outcome) * np.log1p(-held)), np.float64)


def lift(outcome: Floats, score: Floats, share: float) -> float:
    """Give the positives' rate among the best share of rows over the rate among all; rows that tie share their outcome evenly."""
    if outcome.sum() == 0:
        return float("nan")
    wanted = max(1.0, round(share * outcome.size))
    true_positives, called = _by_threshold(outcome, score)
    found = np.interp(wanted, np.concatenate([[0.0], called]), np.concatenate([[0.0], true_positives]))
    return float(found / wanted / outcome.mean())


def roc_curve(outcome: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Give the false and true positive rates by falling threshold, from (0, 0) to (1, 1)."""
    true_positives, called = _by_threshold(outcome, score)
    positives = max(float(outcome.sum()), 1.0)
    negatives = max(float(outcome.size - outcome.sum()), 1.0)
    start = np.zeros(1)
    return np.concatenate([start, (called - true_positives) / negatives]), np.concatenate([start, true_positives / positives])


def gain_curve(outcome: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Give the share of rows called and the share of positives found among them, by falling threshold, from (0, 0) to (1, 1)."""
    true_positives, called = _by_threshold(outcome, score)
    start = np.zeros(1)
    return np.concatenate([start, called / outcome.size]), np.concatenate([start, true_positives / max(float(outcome.sum()), 1.0)])


def precision_recall_curve(outcome: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Give precision and recall by falling threshold."""
    true_positives, called = _by_threshold(outcome, score)
    return true_positives / called, true_positives / max(float(outcome.sum()), 1.0)


def _by_threshold(outcome: Floats, score: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(-score, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(score[order])), score.size - 1)
    return np.cumsum(outcome[order])[last_of_tie].astype(np.float64), (last_of_tie + 1).astype(np.float64)
