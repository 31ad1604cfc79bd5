"""The parameters of the purchase process and of spend, as the literature names them, and what each process says of a live customer.

A process has purchases while a customer is alive, at a rate that varies over customers as Gamma(r, alpha), and a way of leaving.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from funnelcast.families.clv import future, lifetime

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
_FOR_LIFE = 1e15


@dataclass(frozen=True)
class Positive:
    """Positive parameters by name, in a fixed order: each a number, or an array of one value per simulated world."""

    def document(self) -> dict[str, float]:
        """Give the parameters by name."""
        return {name: float(value) for name, value in asdict(self).items()}

    def logarithms(self) -> Floats:
        """Give their logarithms."""
        return np.log(np.array(astuple(self), dtype=np.float64))

    @classmethod
    def of_logarithms(cls, logarithms: Floats) -> Self:
        """Make the parameters of their logarithms: numbers, or columns."""
        return cls(*np.exp(logarithms).T)

    @classmethod
    def of_document(cls, document: Mapping[str, float]) -> Self:
        """Make the parameters of a document that names them."""
        return cls(**{field.name: float(document[field.name]) for field in fields(cls)})


@dataclass(frozen=True)
class BgNbd(Positive):
    """BG/NBD: the chance of dropping out after a repeat purchase varies over customers as Beta(a, b).

    Fader, Hardie and Lee (2005), Marketing Science 24(2). ``alpha`` is in the model's unit of time.
    """

    r: Any
    alpha: Any
    a: Any
    b: Any

    first_counts: ClassVar[int] = 0

    def rate_shape(self, x: Floats) -> Floats:
        """Give the shape r + x of a customer's purchase rate after x repeat purchases."""
        return np.asarray(self.r + x, dtype=np.float64)

    def age(self, T: Floats) -> Floats:
        """Give the rate alpha + T of the Gamma distribution of a customer's purchase rate at age T."""
        return np.asarray(self.alpha + T, dtype=np.float64)

    def survivals(self, x: Floats) -> Floats:
        """Give the second shape of a live customer's chance of dropping out: b, and one for each purchase they stayed after."""
        return np.asarray(self.b + (x + self.first_counts), dtype=np.float64)

    def log_odds_of_death(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Give ln [a / (b + n - 1) ((alpha + T) / (alpha + t_x))^(r + x)] with n purchases to leave after; -inf where n = 0."""
        chances = x + self.first_counts
        before_last = self.b + (np.maximum(chances, 1) - 1)
        odds = np.log(self.a) - np.log(before_last) + (self.r + x) * np.log1p((T - t_x) / (self.alpha + t_x))
        return np.asarray(np.where(chances > 0, odds, -np.inf), dtype=np.float64)

    def buys_while_alive(self, x: Floats, T: Floats, t: float) -> Floats:
        """Give the probability that a live customer buys within t: 1 - ((alpha + T) / (alpha + T + t))^(r + x)."""
        return np.asarray(-np.expm1(-self.rate_shape(x) * np.log1p(t / self.age(T))), dtype=np.float64)

    def expected_while_alive(self, x: Floats, T: Floats, t: float) -> Floats:
        """Expect the purchases of a live customer within t."""
        return future.expected_while_alive(self.rate_shape(x), t / self.age(T), float(self.a), self.survivals(x))

    def discounted_while_alive(self, x: Floats, T: Floats, t: float, *, delta: float) -> Floats:
        """Expect the same, each purchase discounted by exp(-delta tau) at its own time."""
        return future.discounted_while_alive(self.rate_shape(x), self.age(T), float(self.a), self.survivals(x), t, delta=delta)

    def survival_of_counts(self, x: Floats, T: Floats, t: float | Floats) -> Iterator[Floats]:
        """Give P(N > k) of a live customer's purchases within t, for k = 0, 1, 2 …."""
        return future.survival_of_counts(self.rate_shape(x), t / self.age(T), float(self.a), self.survivals(x))

    def leaving_shapes(self, x: Floats) -> tuple[Any, Floats]:
        """Give the shapes of the two Gamma variates of which ``leaving`` makes the time to leave: here those of Beta(a, b + n)."""
        return self.a, self.survivals(x)

    def leaving(self, first: Floats, second: Floats, uniform: Floats) -> tuple[Whole, Floats]:
        """Draw after which purchase, and after how many ``life_units``, a live customer leaves: a geometric number, and never by time."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            # By log1p a chance too small for 1 - chance to show is -0, and nobody leaves; log(1) = +0 would make everybody leave at once.
            number = np.floor(np.log(uniform) / np.log1p(-first / (first + second))) + 1
        last = np.clip(np.nan_to_num(number, nan=1.0, posinf=_FOR_LIFE), 1, _FOR_LIFE).astype(np.int64)
        return last, np.full(last.shape, np.inf)

    def life_unit(self, T: Floats) -> Floats:
        """Give the unit in which ``leaving`` counts time."""
        return np.ones_like(T)


@dataclass(frozen=True)
class MbgNbd(BgNbd):
    """MBG/NBD: as BG/NBD, but a customer may leave after the first purchase already. Batislam, Denizel and Filiztekin (2007)."""

    first_counts: ClassVar[int] = 1


@dataclass(frozen=True)
class ParetoNbd(Positive):
    """Pareto/NBD: lifetimes are exponential, at a rate that varies over customers as Gamma(s, beta).

    Schmittlein, Morrison and Colombo (1987), Management Science 33(1); Fader and Hardie (2005), "A note on deriving the Pareto/NBD
    model". A customer alive at T has a purchase rate of Gamma(r + x, alpha + T) and a rate of leaving of Gamma(s, beta + T),
    independent of each other. ``alpha`` and ``beta`` are in the model's unit of time.
    """

    r: Any
    alpha: Any
    s: Any
    beta: Any

    def rate_shape(self, x: Floats) -> Floats:
        """Give the shape r + x of a customer's purchase rate after x repeat purchases."""
        return np.asarray(self.r + x, dtype=np.float64)

    def age(self, T: Floats) -> Floats:
        """Give the rate alpha + T of the Gamma distribution of a customer's purchase rate at age T."""
        return np.asarray(self.alpha + T, dtype=np.float64)

    def log_odds_of_death(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Give the logarithm of the odds of having left by T; -inf where T = t_x."""
        return lifetime.log_odds_of_death(lifetime.Seen(self.rate_shape(x), self.alpha, self.s, self.beta, t_x, T))

    def buys_while_alive(self, x: Floats, T: Floats, t: float) -> Floats:
        """Give the probability that a live customer buys within t, before they leave."""
        return lifetime.probability_of_first(self.rate_shape(x), self.age(T), self.s, self.beta + T, t)

    def expected_while_alive(self, x: Floats, T: Floats, t: float) -> Floats:
        """Expect the purchases of a live customer within t."""
        return self.rate_shape(x) / self.age(T) * lifetime.expected_time(float(self.s), self.beta + T, t)

    def discounted_while_alive(self, x: Floats, T: Floats, t: float, *, delta: float) -> Floats:
        """Expect the same, each purchase discounted by exp(-delta tau) at its own time."""
        return self.rate_shape(x) / self.age(T) * lifetime.discounted_time(float(self.s), self.beta + T, t, delta=delta)

    def survival_of_counts(self, x: Floats, T: Floats, t: float | Floats) -> Iterator[Floats]:
        """Give P(N > k) of a live customer's purchases within t, for k = 0, 1, 2 …."""
        return lifetime.survival_of_counts(self.rate_shape(x), self.age(T), float(self.s), self.beta + T, t)

    def leaving_shapes(self, x: Floats) -> tuple[Any, Floats]:
        """Give the shapes of the two Gamma variates of which ``leaving`` makes the time to leave: of its rate, and an exponential's."""
        return self.s, np.ones_like(x + self.s)

    def leaving(self, first: Floats, second: Floats, uniform: Floats) -> tuple[Whole, Floats]:  # noqa: ARG002 (BG/NBD draws a number)
        """Draw after which purchase, and after how many ``life_units``, a live customer leaves: never by number, exponential in time."""
        with np.errstate(divide="ignore", over="ignore"):
            life = second / first
        return np.full(life.shape, int(_FOR_LIFE), dtype=np.int64), life

    def life_unit(self, T: Floats) -> Floats:
        """Give the unit beta + T in which ``leaving`` counts time."""
        return np.asarray(self.beta + T, dtype=np.float64)


Process = BgNbd | ParetoNbd


@dataclass(frozen=True)
class GammaGamma(Positive):
    """Gamma-Gamma: a purchase is worth Gamma(p, nu), nu varies over customers as Gamma(q, v); ``v`` is in money."""

    p: Any
    q: Any
    v: Any
