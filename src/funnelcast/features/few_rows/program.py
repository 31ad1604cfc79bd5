"""The steps of one expression, and how they run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from funnelcast.features.few_rows.column import Column, spread

Function = Callable[..., Any]


class Step(NamedTuple):
    """One function of earlier results; its own goes to the place ``out``.

    Parameters
    ----------
    nothing
        Gives the result where it follows from those inputs that are known, None for the others, that there is nothing: no row, or no value
        in any. None where it doesn't follow.
    """

    function: Function
    inputs: tuple[int, ...]
    out: int
    nothing: Function

    def settled(self, found: Sequence[Any]) -> Any:
        """Give the result where the results so far determine it; None elsewhere."""
        given = [found[place] for place in self.inputs]
        return self.nothing(*given) if any(one is None for one in given) else self.function(*given)


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

    def without(self, tables: Collection[str], read: Callable[[str, str], Column]) -> Program:
        """Give the program for when some tables have no rows: what follows from that and from constants is computed once.

        Parameters
        ----------
        read
            Gives a column of a table without rows.
        """
        found, steps = list(self.start), []
        for (table, name), place in self.inputs.items():
            if table in tables:
                found[place] = 0 if name is None else read(table, name)
        with np.errstate(all="ignore"):
            for step in self.steps:
                found[step.out] = step.settled(found)
                steps += [step] if found[step.out] is None else []
        inputs = {column: place for column, place in self.inputs.items() if column[0] not in tables}
        return replace(self, inputs=inputs, start=tuple(found), steps=tuple(steps)).only(self.outputs)

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
            result_of = found.__getitem__
            for function, inputs, out, _ in self.steps:
                found[out] = function(*map(result_of, inputs))
        shape = (found[self.size],)
        return {name: _filled(found[place], shape) for name, place in self.outputs.items()}


def _filled(column: Column, shape: tuple[int]) -> Column:
    return Column(spread(column.values, shape), None if column.known is None else spread(column.known, shape))
