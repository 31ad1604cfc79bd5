"""The linear member's columns: a number bends at its quantiles, a category is one column per level, missing is a column of its own.

Counts and amounts that no negative value has and whose mean lies far above their median enter by their logarithm: a tenth purchase doesn't
say as much as a second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from funnelcast.families.scoring.documents import as_document, fields_of
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
_KNOTS, _KNOTS_OF_MANY = 6, 3
_MANY = 30  # numbers; beyond, each bends less often
_FEWEST_VALUES_TO_BEND = 10
_INDICATOR_SCALE = 0.5  # of a balanced flag: rare levels are shrunk rather than blown up by their own small spread
_SKEWED = 1.3  # mean over median
_FEWEST_VALUES_TO_LOG = 3
_LARGEST = 8.0  # standard deviations beyond the training data at which the line goes flat


@dataclass(frozen=True)
class Term:
    """What one column of the matrix becomes.

    Parameters
    ----------
    fill
        Stands for missing in a number.
    knots
        Where a number's line may bend, ascending; none for a straight one.
    codes
        The levels that get a column; empty for a number.
    missing
        Whether missing gets a column.
    unit
        A number x enters as ln(1 + x / unit); 0: as it is.
    means, scales
        Of each resulting column, in training: shape (width,).
    """

    fill: float
    centre: float
    spread: float
    knots: tuple[float, ...]
    codes: tuple[float, ...]
    missing: bool
    unit: float = 0.0
    means: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """How many columns of the design it becomes."""
        return (len(self.codes) or 1 + len(self.knots)) + self.missing

    def raw(self, values: Floats) -> Floats:
        """Give its columns before centring, shape (n, width)."""
        parts = [np.isnan(values)] if self.missing else []
        if self.codes:
            parts += [values == code for code in self.codes]
        else:
            z = self._standardised(np.where(np.isnan(values), self.fill, values))
            parts += [z, *(np.maximum(z - knot, 0.0) for knot in self.knots)]
        return np.column_stack(parts).astype(np.float64)

    def part(self, values: Floats, beta: Floats) -> Floats:
        """Give its part of eta, shape (n,), without laying its columns out.

        Parameters
        ----------
        beta
            Of its columns, shape (width,).
        """
        slopes = beta / np.asarray(self.scales)
        missing, found = np.isnan(values), -float(np.sum(slopes * np.asarray(self.means)))
        own = slopes[int(self.missing) :]
        part = found + (self._of_level(values, own) if self.codes else self._of_number(np.where(missing, self.fill, values), own))
        return np.where(missing, part + slopes[0], part) if self.missing else part

    def _of_level(self, values: Floats, slopes: Floats) -> Floats:
        codes = np.asarray(self.codes)
        place = np.minimum(np.searchsorted(codes, values), codes.size - 1)
        return np.where(codes[place] == values, slopes[place], 0.0)

    def _of_number(self, known: Floats, slopes: Floats) -> Floats:
        z = self._standardised(known)
        found: Floats = slopes[0] * z
        for knot, slope in zip(self.knots, slopes[1:], strict=True):
            found += slope * np.maximum(z - knot, 0.0)
        return found

    def _standardised(self, known: Floats) -> Floats:
        z = (scaled(known, self.unit) - self.centre) / self.spread
        return np.asarray(np.clip(z, -_LARGEST, _LARGEST), np.float64)


@dataclass(frozen=True)
class Design:
    """The terms of every column of the matrix, in order."""

    terms: tuple[Term, ...]

    def apply(self, matrix: Floats) -> Floats:
        """Give the centred and scaled columns, shape (n, sum of widths)."""
        if not self.terms:
            return np.zeros((len(matrix), 0))
        raw = np.column_stack([term.raw(matrix[:, column]) for column, term in enumerate(self.terms)])
        means = np.concatenate([np.asarray(term.means) for term in self.terms])
        scales = np.concatenate([np.asarray(term.scales) for term in self.terms])
        return np.asarray((raw - means) / scales, np.float64)

    def eta(self, matrix: Floats, beta: Floats) -> Floats:
        """Give eta = beta_0 + X beta, shape (n,), X being the columns of ``apply``; added column by column, whatever the threads."""
        found = np.full(len(matrix), beta[0])
        ends = np.cumsum([1, *(term.width for term in self.terms)])
        for column, (term, (start, end)) in enumerate(zip(self.terms, pairwise(ends), strict=True)):
            found += term.part(matrix[:, column], beta[start:end])
        return found

    def contributions(self, matrix: Floats, beta: Floats) -> Floats:
        """Give each column's part of eta and, last, the intercept: shape (n, columns + 1), rows sum to eta."""
        parts = self.apply(matrix) * beta[1:]
        ends = np.cumsum([0, *(term.width for term in self.terms)])
        found = [parts[:, start:end].sum(axis=1) for start, end in pairwise(ends)]
        return np.column_stack([*found, np.full(len(matrix), beta[0])])

    def document(self) -> list[Json]:
        """Give the terms as JSON."""
        return [as_document(term) for term in self.terms]

    @classmethod
    def of(cls, document: Sequence[Any]) -> Design:
        """Make the design from its JSON."""
        return cls(tuple(Term(**fields_of(known)) for known in document))


def learn_design(matrix: Floats, categories: Sequence[int]) -> Design:
    """Learn the terms from the training matrix, without a look at the outcome."""
    width = matrix.shape[1]
    bends = _KNOTS if width - len(categories) <= _MANY else _KNOTS_OF_MANY
    return Design(tuple(_learn_category(matrix[:, k]) if k in categories else _learn_number(matrix[:, k], bends) for k in range(width)))


def _learn_category(values: Floats) -> Term:
    known = values[~np.isnan(values)]
    term = Term(0.0, 0.0, 1.0, (), tuple(np.unique(known).tolist()), known.size < values.size)
    raw = term.raw(values)
    return _scaled(term, raw.mean(axis=0), np.full(raw.shape[1], _INDICATOR_SCALE))


def _learn_number(values: Floats, bends: int) -> Term:
    known = values[~np.isnan(values)]
    missing = known.size < values.size
    fill, unit = float(np.median(known)), _unit(known)
    known = scaled(known, unit)
    centre, spread = float(known.mean()), float(known.std()) or 1.0
    term = Term(fill, centre, spread, _knots((known - centre) / spread, bends), (), missing, unit)
    raw = term.raw(values)
    scales = np.maximum(raw.std(axis=0), 1e-9)
    if missing:
        scales[0] = _INDICATOR_SCALE
    return _scaled(term, raw.mean(axis=0), scales)


def scaled(values: Floats, unit: float) -> Floats:
    """Give ln(1 + x / unit), x held at 0 from below; x itself where the unit is 0."""
    return np.log1p(np.maximum(values, 0.0) / unit) if unit else values


def _unit(known: Floats) -> float:
    """Give the median of the positive values where the column is skewed and never negative, else 0."""
    skewed = known.min() >= 0 and known.mean() > _SKEWED * np.median(known)
    return float(np.median(known[known > 0])) if skewed and np.unique(known).size >= _FEWEST_VALUES_TO_LOG else 0.0


def _knots(z: Floats, bends: int) -> tuple[float, ...]:
    distinct = np.unique(z)
    if distinct.size <= _FEWEST_VALUES_TO_BEND:
        return ()
    knots = np.unique(np.quantile(z, np.linspace(0, 1, bends + 2)[1:-1]))
    return tuple(float(knot) for knot in knots if distinct[0] < knot < distinct[-1])


def _scaled(term: Term, means: Floats, scales: Floats) -> Term:
    return replace(term, means=tuple(means.tolist()), scales=tuple(scales.tolist()))
