"""What rows are grouped by where a model is judged: those that depend on each other, and the channels in which it must hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

CHANNELS = ("source_channel", "channel", "acquisition_channel")
"""Where the families' rows carry a channel; the first that is there counts."""
FEWEST_IN_GROUP = 30
_KEYS = ("deal_id", "contact_id", "invoice_id")


def clusters(rows: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Give each row the number of its deal, else of its contact; one of its own where it names neither."""
    key = next((name for name in _KEYS if name in rows), None)
    return np.arange(len(rows)) if key is None else pd.factorize(rows[key])[0].astype(np.int64)
