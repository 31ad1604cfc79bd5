"""The latest snapshot in service: its documents, and what the service derives from them once, however often a champion is replaced."""

from __future__ import annotations

import io
import logging
from functools import cached_property
from typing import Any, Self

import pandas as pd

from funnelcast.conversion_value import ConversionValue
from funnelcast.errors import NotFound
from funnelcast.forecast import ahead, projection
from funnelcast.forecast.projection import Ask, Projection
from funnelcast.snapshots import TRACK_RECORD, Snapshot
from serving.forecasts import Forecasts

_log = logging.getLogger("funnelcast.serving")


class Planned(Snapshot):
    """A snapshot, with what its files hold made ready for answers."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Put a snapshot into service."""
        return cls(snapshot.name, snapshot.files)

    @cached_property
    def scales(self) -> dict[str, Any]:
        """The populations of the refresh, by model."""
        return dict(self.document("scales"))

    @cached_property
    def judged(self) -> dict[str, Any]:
        """What the refresh said of earlier answers and forecasts; empty where it couldn't."""
        return dict(self.document(TRACK_RECORD)) if f"{TRACK_RECORD}.json" in self.files else {}

    @cached_property
    def conversion_value(self) -> ConversionValue | None:
        """What a lead's conversion is worth, where the facts told it."""
        return ConversionValue.of_files(self.files)

    @cached_property
    def projection(self) -> Projection:
        """What forecasts are drawn from.

        Raises
        ------
        NotFound
            The forecasts were made by a version of funnelcast whose files this one can't read.
        """
        try:
            return projection.rebuild(self.folder("forecast"))
        except (KeyError, TypeError, ValueError) as error:
            _log.exception("the snapshot's forecasts can't be read")
            name = str(self.about["source"])
            raise NotFound(what="readable forecast", name=name, advice="Run `funnelcast refresh` to make it anew.") from error

    @cached_property
    def _forecasts(self) -> Forecasts:
        return Forecasts()

    def forecast(self, ask: Ask, scenario: str) -> tuple[dict[str, Any], bool]:
        """Answer one forecast, and say whether it was drawn before; ``scenario`` is what ``ask`` was read from, in one form."""
        name = ahead.document_of(ask)
        if name is not None and f"{name}.json" in self.files:
            return self.document(name), True
        key = f"{ask.quantity} {ask.every} {ask.count} {ask.by} {scenario}"
        return self._forecasts.answer(key, lambda: self.projection.document(ask))

    @cached_property
    def contacts(self) -> dict[str, pd.DataFrame]:
        """The scores by model, indexed by contact."""
        found = {}
        for path, content in self.folder("scores").items():
            frame = pd.read_parquet(io.BytesIO(content))
            if "contact_id" in frame:
                found[path.removesuffix(".parquet")] = frame.set_index("contact_id").sort_index(kind="stable")
        return found
