"""Random numbers that belong to what they are drawn for: the same deal has the same luck in draw d, whatever else is in the forecast.

So a scenario, a removed deal or another order of rows changes only what it is about (common random numbers), and answers about
differences aren't noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Words = npt.NDArray[np.uint64]
Floats32 = npt.NDArray[np.float32]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_LEVELS = 1 << 16
_LOW = np.uint64(_LEVELS - 1)


def keys_of(ids: Sequence[str], seed: int) -> Words:
    """Give one 64-bit key per id and seed (BLAKE2b), the same on every machine: shape [ids]."""
    salt = int(seed).to_bytes(8, "little", signed=True)
    digests = (hashlib.blake2b(name.encode(), digest_size=8, key=salt).digest() for name in ids)
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def words(keys: Words, draws: int) -> Words:
    """Give 64 random bits for each key and draw: SplitMix64 (Steele, Lea, Flood 2014, OOPSLA) at the key plus the draw's multiple.

    Returns
    -------
    Shape [keys, draws].
    """
    steps = np.arange(1, draws + 1, dtype=np.uint64) * _GOLDEN
    bits = keys[:, None] + steps[None, :]
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return np.asarray(bits ^ (bits >> np.uint64(31)))


def exponentials(bits: Words) -> Floats32:
    """Give unit exponentials from the upper 32 bits."""
    uniform = ((bits >> np.uint64(32)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-32)
    return np.asarray(-np.log(np.minimum(uniform, np.float32(1.0) - np.float32(2.0**-24))))


def uniforms(bits: Words) -> Floats32:
    """Give uniforms within (0, 1) from the lowest 16 bits."""
    return np.asarray(((bits & _LOW).astype(np.float32) + np.float32(0.5)) / np.float32(_LEVELS))


def normals(bits: Words) -> Floats32:
    """Give standard normals from the 16 bits above the lowest 16."""
    table = ndtri((np.arange(_LEVELS) + 0.5) / _LEVELS).astype(np.float32)
    return np.asarray(table[((bits >> np.uint64(16)) & _LOW).astype(np.int64)])
