"""What a conversion is worth: what recent converts spent and are expected to spend, by the channel that brought them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.table import Table
from funnelcast.terms import Json, Money

DOCUMENT = "conversion_value"
"""As which a snapshot keeps it."""
SHRINKAGE = 20.0
"""k: as many converts of the common mean stand beside each channel's own."""
CONVERTED_WITHIN_DAYS = 365
"""How lately before as_of one must have become a customer to count."""


@dataclass(frozen=True)
class ConversionValue:
    """The value of one conversion in the source's currency.

    Parameters
    ----------
    overall
        Of one whose channel isn't known, or brought nobody lately.
    by_channel
        By contacts.source_channel.
    converts
        How many recent converts tell it.
    """

    overall: Money
    by_channel: Mapping[str, Money]
    converts: int

    @classmethod
    def of_converts(cls, converts: pd.DataFrame) -> ConversionValue | None:
        """Average recent converts: (sum of a channel + k * common mean) / (n of that channel + k), with k = 20; None where there are none.

        Parameters
        ----------
        converts
            ``channel`` (null where it isn't known) and ``worth``, one row per convert.
        """
        if converts.empty:
            return None
        mean = float(converts["worth"].mean())
        found = converts.groupby("channel", sort=True)["worth"].agg(["sum", "count"])
        shrunk = (found["sum"] + SHRINKAGE * mean) / (found["count"] + SHRINKAGE)
        return cls(mean, {str(channel): float(value) for channel, value in shrunk.items()}, len(converts))

    def of_rows(self, rows: Table) -> npt.NDArray[np.float64]:
        """Give each row's value, shape (n,): of its ``source_channel`` where it has one that is known."""
        if "source_channel" not in rows:
            return np.full(len(rows), self.overall)
        channels = rows["source_channel"].tolist()
        return np.fromiter((self.by_channel.get(channel, self.overall) for channel in channels), np.float64, len(rows))

    def document(self) -> dict[str, Json]:
        """Give the table as JSON, with the k that made it."""
        return {**asdict(self), "shrinkage": SHRINKAGE, "converted_within_days": CONVERTED_WITHIN_DAYS}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> ConversionValue | None:
        """Read the table back from a snapshot's files; None where the facts told none."""
        document = json.loads(files.get(f"{DOCUMENT}.json", b"null"))
        return None if document is None else cls(document["overall"], document["by_channel"], document["converts"])
