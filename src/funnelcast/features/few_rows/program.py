"""The steps of one expression, and how they run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from funnelcast.features.few_rows.column import Column, spread

Function = Callable[..., Any]


@dataclass(frozen=True)
class Step:
    """One function of earlier results; its own goes to the place ``out``."""

    function: Function
    inputs: tuple[int, ...]
    out: int


@dataclass(frozen=True)
class Program:
    """The steps of one expression.

    Parameters
    ----------
    inputs
        By table and column of the unbound tables, where the column is read from; the column None stands for the number of rows.
    start
        What is known before any table is: constants, and None elsewhere.
    outputs, kinds
        By column of the result, where it stands and its type of Ibis.
    size
        Where its number of rows stands.
    """

    inputs: Mapping[tuple[str, str | None], int]
    start: tuple[Any, ...]
    steps: tuple[Step, ...]
    outputs: Mapping[str, int]
    kinds: Mapping[str, str]
    size: int

    def only(self, names: Collection[str]) -> Program:
        """Give the program of some columns alone, with the steps that they need."""
        outputs = {name: place for name, place in self.outputs.items() if name in names}
        needed = {self.size, *outputs.values()}
        for step in reversed(self.steps):
            if step.out in needed:
                needed.update(step.inputs)
        inputs = {column: place for column, place in self.inputs.items() if place in needed}
        return replace(self, inputs=inputs, steps=tuple(step for step in self.steps if step.out in needed), outputs=outputs)

    def run(self, read: Callable[[str, str], Column], count: Callable[[str], int]) -> dict[str, Column]:
        """Compute the result.

        Parameters
        ----------
        read, count
            Give a column of a table, and a table's number of rows.

        Returns
        -------
        The columns, each of shape (rows,).
        """
        found = list(self.start)
        for (table, name), place in self.inputs.items():
            found[place] = count(table) if name is None else read(table, name)
        with np.errstate(all="ignore"):  # what isn't known is computed along with the rest, and never read
            for step in self.steps:
                found[step.out] = step.function(*[found[place] for place in step.inputs])
        shape = (found[self.size],)
        return {name: _filled(found[place], shape) for name, place in self.outputs.items()}


def _filled(column: Column, shape: tuple[int]) -> Column:
    return Column(spread(column.values, shape), None if column.known is None else spread(column.known, shape))
