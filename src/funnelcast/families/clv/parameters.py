"""The parameters of the purchase process and of spend, as the literature names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BgNbd:
    """BG/NBD: purchase rates vary as Gamma(r, alpha), the chance of dropping out after a purchase as Beta(a, b).

    ``alpha`` is in the model's unit of time. Each may be a number, or an array of one value per simulated world.
    """

    r: Any
    alpha: Any
    a: Any
    b: Any

    def rate_shape(self, x: Floats) -> Floats:
        """Give the shape r + x of a customer's purchase rate after x repeat purchases."""
        return np.asarray(self.r + x, dtype=np.float64)

    def age(self, T: Floats) -> Floats:
        """Give the rate alpha + T of the Gamma distribution of a customer's purchase rate at age T."""
        return np.asarray(self.alpha + T, dtype=np.float64)

    def survivals(self, x: Floats) -> Floats:
        """Give the second shape b + x of a live customer's chance of dropping out."""
        return np.asarray(self.b + x, dtype=np.float64)

    def document(self) -> dict[str, float]:
        """Give the parameters by name."""
        return {name: float(value) for name, value in asdict(self).items()}

    def logarithms(self) -> Floats:
        """Give (ln r, ln alpha, ln a, ln b)."""
        return np.log(np.array(astuple(self), dtype=np.float64))

    @classmethod
    def of_logarithms(cls, logarithms: Floats) -> BgNbd:
        """Make the parameters of their logarithms: four numbers, or four columns."""
        r, alpha, a, b = np.exp(logarithms).T
        return cls(r, alpha, a, b)

    @classmethod
    def of_document(cls, document: Mapping[str, float]) -> BgNbd:
        """Make the parameters of a document that names them."""
        return cls(**{name: float(document[name]) for name in ("r", "alpha", "a", "b")})


@dataclass(frozen=True)
class GammaGamma:
    """Gamma-Gamma: a purchase is worth Gamma(p, nu), nu varies over customers as Gamma(q, v); ``v`` is in money."""

    p: Any
    q: Any
    v: Any

    def document(self) -> dict[str, float]:
        """Give the parameters by name."""
        return {name: float(value) for name, value in asdict(self).items()}

    def logarithms(self) -> Floats:
        """Give (ln p, ln q, ln v)."""
        return np.log(np.array(astuple(self), dtype=np.float64))

    @classmethod
    def of_logarithms(cls, logarithms: Floats) -> GammaGamma:
        """Make the parameters of their logarithms: three numbers, or three columns."""
        p, q, v = np.exp(logarithms).T
        return cls(p, q, v)

    @classmethod
    def of_document(cls, document: Mapping[str, float]) -> GammaGamma:
        """Make the parameters of a document that names them."""
        return cls(**{name: float(document[name]) for name in ("p", "q", "v")})
