"""A company that has been served for a while: its earlier answers and forecasts were held against what came."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from funnelcast import champions, snapshots
from funnelcast.artefacts import to_json
from funnelcast.families.family import Options
from funnelcast.forecast.projection import Ask
from funnelcast.monitor.track_record import Answer, TrackRecord
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf
from training.forecast import forecast
from training.recording import register
from training.score import stream
from training.track_record import judged
from training.train import Request, default_as_of, fit

if TYPE_CHECKING:
    from funnelcast.tracking import Tracker
    from tests.service.conftest import Served

TRAINED_DAYS, ANSWERED_DAYS, HORIZON_DAYS, WEEKS = 150, 120, 90.0, 8


def seasoned(served: Served, home: Path) -> Settings:
    """Copy a company; its churn model is five months old and answered a month later, and its sales were forecast two months ago."""
    from tests.service.conftest import Ledger  # noqa: PLC0415 (seconds of imports)

    facts, name = served.facts, served.facts.source.name
    models = [pointer.stem for pointer in (served.settings.champions / name).glob("*.json")]
    settings, end = served.copied(home, tuple(model for model in models if model != "churn")), default_as_of(facts)
    fitted = fit(settings, facts, Request("churn", as_of=end.plus(-TRAINED_DAYS), options=Options(trials=1, threads=1)))
    assert register(cast("Tracker", Ledger()), "churn000", fitted, promote=True)[1] is not None
    record, earlier = TrackRecord(settings.track_record(name)), end.plus(-7 * WEEKS)
    record.append(list(_answers(settings, facts, end.plus(-ANSWERED_DAYS))))
    told: Any = forecast(settings, facts, Ask("sales", count=WEEKS), as_of=earlier, progress=lambda _: None)
    record.append_forecast("sales", earlier.isoformat(), told["periods"])
    old = served.snapshot()
    snapshots.write(settings, name, old.about, {**old.files, "track_record.json": to_json(judged(settings, facts, end))})
    return settings


def _answers(settings: Settings, facts: Facts, as_of: AsOf) -> Iterator[Answer]:
    champion = champions.load(settings, facts.source.name, "churn")
    for row in pd.concat(stream(settings, facts, champion, as_of)).itertuples():
        given: Any = row
        numbers = (given.probability, given.low, given.high)
        yield Answer("r", "churn", champion.version, as_of.at.isoformat(), HORIZON_DAYS, given.contact_id, *numbers, "ab")
