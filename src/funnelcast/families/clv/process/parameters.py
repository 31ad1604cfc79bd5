"""The parameters of the purchase process and of spend, as the literature names them, and what each process says of a live customer.

A process has purchases while a customer is alive, at a rate that varies over customers as Gamma(r, alpha), and a way of leaving.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from funnelcast.families.clv.process import future, lifetime

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
class PurchaseProcess(Positive):
    """What every process shares: purchase rates vary over customers as Gamma(r, alpha), and, unless it says otherwise, never change."""

    r: Any
    alpha: Any

    def rate_shape(self, x: Floats) -> Floats:
        """Give the shape r + x of a customer's purchase rate after x repeat purchases."""
        return np.asarray(self.r + x, dtype=np.float64)

    def age(self, T: Floats) -> Floats:
        """Give the rate alpha + T of the Gamma distribution of a customer's purchase rate at age T."""
        return np.asarray(self.alpha + T, dtype=np.float64)

    @property
    def today(self) -> Self:
        """Give the process on a clock that runs at today's pace."""
        return self

    def seen(self, t_x: Floats, T: Floats) -> Floats:  # noqa: ARG002 (where the pace changes)
        """Give how much time at today's pace the first t_x of the last T are worth."""
        return t_x

    def ahead(self, t: Any) -> Any:
        """Give how much time at today's pace the next t are worth."""
        return t

    def when(self, worth: Floats, world: Whole) -> Floats:  # noqa: ARG002 (where the pace differs by world)
        """Give after how much time so much at today's pace has passed, in the given worlds."""
        return worth


@dataclass(frozen=True)
class BgNbd(PurchaseProcess):
    """BG/NBD: the chance of dropping out after a repeat purchase varies over customers as Beta(a, b).

    Fader, Hardie and Lee (2005), Marketing Science 24(2). ``alpha`` is in the model's unit of time.
    """

    a: Any
    b: Any

    first_counts: ClassVar[int] = 0

    def survivals(self, x: Floats) -> Floats:
        """Give the second shape of a live customer's chance of dropping out: b, and one for each purchase they stayed after."""
        return np.asarray(self.b + (x + self.first_counts), dtype=np.float64)

    def log_odds_of_death(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Give ln [a / (b + n - 1) ((alpha + T) / (alpha + t_x))^(r + x)] with n purchases to leave after; -inf where n = 0."""
        chances = x + self.first_counts
        before_last = self.b + (np.maximum(chances, 1) - 1)
        odds = np.log(self.a) - np.log(before_last) + (self.r + x) * np.log1p((T - t_x) / (self.alpha + t_x))
        return np.asarray(np.where(chances > 0, odds, -np.inf), dtype=np.float64)

    def alive_since(self, log_odds: Floats, x: Floats, T: Floats) -> Floats:
        """Give the t_x beyond which ``log_odds_of_death`` is less: (alpha + T) (e^-log_odds a / (b + n - 1))^(1 / (r + x)) - alpha."""
        chances = x + self.first_counts
        before_last = self.b + (np.maximum(chances, 1) - 1)
        with np.errstate(over="ignore"):  # then nothing keeps them below
            quiet = np.exp((np.log(self.a) - np.log(before_last) - log_odds) / self.rate_shape(x))
            return np.asarray(np.where(chances > 0, self.age(T) * quiet - self.alpha, -np.inf), dtype=np.float64)

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
class ParetoNbd(PurchaseProcess):
    """Pareto/NBD: lifetimes are exponential, at a rate that varies over customers as Gamma(s, beta).

    Schmittlein, Morrison and Colombo (1987), Management Science 33(1); Fader and Hardie (2005), "A note on deriving the Pareto/NBD
    model". A customer alive at T has a purchase rate of Gamma(r + x, alpha + T) and a rate of leaving of Gamma(s, beta + T),
    independent of each other. ``alpha`` and ``beta`` are in the model's unit of time.
    """

    s: Any
    beta: Any

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


@dataclass(frozen=True)
class TrendBgNbd(PurchaseProcess):
    """BG/NBD in which all customers' purchase rates change by the factor ``pace`` in each unit of calendar time.

    It is BG/NBD on a clock that runs at today's pace: with k = -ln pace the last T are worth (e^(kT) - 1) / k of today's time, and the
    next t (1 - e^(-kt)) / k. A fall goes on in the future; a rise isn't extrapolated, since it would soon pass all bounds.
    """

    a: Any
    b: Any
    pace: Any

    @property
    def today(self) -> BgNbd:  # type: ignore[override]
        """Give BG/NBD on the clock that runs at today's pace."""
        return BgNbd(self.r, self.alpha, self.a, self.b)

    def elapsed(self, T: Floats) -> Floats:
        """Give what the last T are worth at today's pace."""
        return _grown(-np.log(self.pace), T)

    def seen(self, t_x: Floats, T: Floats) -> Floats:
        """Give what the time from the first to the last purchase is worth: the last T without the quiet T - t_x since."""
        return np.asarray(_grown(-np.log(self.pace), t_x) * self.pace ** -(T - t_x), dtype=np.float64)

    def ahead(self, t: Any) -> Any:
        """Give what the next t are worth at today's pace."""
        return _grown(np.minimum(np.log(self.pace), 0.0), t)

    def when(self, worth: Floats, world: Whole) -> Floats:
        """Give after how much time so much at today's pace has passed, in the given worlds."""
        fall = np.broadcast_to(np.maximum(-np.log(self.pace), 0.0), np.shape(self.r))[world]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(fall > 0, -np.log1p(-np.minimum(fall * worth, 1.0)) / fall, worth)

    def age(self, T: Floats) -> Floats:
        """Give the rate of the Gamma distribution of a customer's purchase rate at age T, at today's pace."""
        return self.today.age(self.elapsed(T))

    def log_odds_of_death(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Give BG/NBD's, on the clock at today's pace."""
        elapsed = self.elapsed(T)
        return self.today.log_odds_of_death(x, np.minimum(self.seen(t_x, T), elapsed), elapsed)

    def alive_since(self, log_odds: Floats, x: Floats, T: Floats) -> Floats:
        """Give BG/NBD's, on the same clock."""
        return self.today.alive_since(log_odds, x, self.elapsed(T))

    def buys_while_alive(self, x: Floats, T: Floats, t: float) -> Floats:
        """Give the probability that a live customer buys within t."""
        return self.today.buys_while_alive(x, self.elapsed(T), self.ahead(t))

    def expected_while_alive(self, x: Floats, T: Floats, t: float) -> Floats:
        """Expect the purchases of a live customer within t."""
        return self.today.expected_while_alive(x, self.elapsed(T), self.ahead(t))

    def discounted_while_alive(self, x: Floats, T: Floats, t: float, *, delta: float) -> Floats:
        """Expect the same, each purchase discounted by exp(-delta tau) at its own time."""
        a, B = float(self.a), self.today.survivals(x)
        return future.discounted_while_alive(self.rate_shape(x), self.age(T), a, B, t, delta=delta, ahead=self.ahead)

    def survival_of_counts(self, x: Floats, T: Floats, t: float | Floats) -> Iterator[Floats]:
        """Give P(N > k) of a live customer's purchases within t, for k = 0, 1, 2 …."""
        return self.today.survival_of_counts(x, self.elapsed(T), self.ahead(t))

    def leaving_shapes(self, x: Floats) -> tuple[Any, Floats]:
        """Give BG/NBD's: leaving doesn't depend on the clock."""
        return self.today.leaving_shapes(x)

    def leaving(self, first: Floats, second: Floats, uniform: Floats) -> tuple[Whole, Floats]:
        """Draw after which purchase a live customer leaves."""
        return self.today.leaving(first, second, uniform)

    def life_unit(self, T: Floats) -> Floats:
        """Give BG/NBD's: nobody leaves by time."""
        return self.today.life_unit(T)


def _grown(growth: Any, t: Any) -> Floats:
    """Give (e^(growth t) - 1) / growth, t where growth is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(growth == 0, t, np.expm1(growth * t) / growth), dtype=np.float64)


Process = BgNbd | ParetoNbd | TrendBgNbd


@dataclass(frozen=True)
class GammaGamma(Positive):
    """Gamma-Gamma: a purchase is worth Gamma(p, nu), nu varies over customers as Gamma(q, v); ``v`` is in money."""

    p: Any
    q: Any
    v: Any
