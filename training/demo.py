"""The main job on a simulated company: facts, models, champions and a snapshot, ready to be served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from funnelcast.families.family import Options, Progress
from funnelcast.forecast.ahead import WEEKS
from funnelcast.forecast.projection import Ask
from funnelcast.monitor.track_record import TrackRecord
from funnelcast.settings import Settings
from funnelcast.simulate import simulate
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from training.forecast import Gatherer
from training.refresh import refresh
from training.train import Request, default_as_of, train_all, trainable

_EARLIER = 3


def demo(settings: Settings, out: Path, contacts: int, seed: int, progress: Progress) -> Path:
    """Simulate, train and promote every model, refresh; gives the source file of the company."""
    progress(f"simulating a company of {contacts} contacts")
    source = simulate(out, contacts=contacts, seed=seed, progress=progress)
    progress("reading its facts")
    facts = open_source(source, threads=settings.threads, memory=settings.memory)
    options = Options(threads=settings.threads, progress=progress)
    _record_earlier(settings, facts, progress)
    train_all(settings, facts, trainable(settings), Request("all", options=options))
    refresh(settings, facts, as_of=None, progress=progress)
    return source


def _record_earlier(settings: Settings, facts: Facts, progress: Progress) -> None:
    """Put on record the sales forecasts of the last three quarters, as a company has them that refreshed all along.

    Each knows only what was known at its time. The pipeline and cash rest on models, which would have to be trained at that time too.
    """
    record, ask = TrackRecord(settings.track_record(facts.source.name)), Ask("sales", count=WEEKS)
    for quarter in range(_EARLIER, 0, -1):
        as_of = default_as_of(facts).plus(-7 * WEEKS * quarter)
        progress(f"the sales forecast of {as_of.isoformat()[:10]}, for the track record")
        projection = Gatherer(settings, facts, as_of, {}, lambda _: None).project(frozenset({ask.quantity}), ask)
        if not projection.missing:
            periods: Any = projection.forecast(ask).document()["periods"]
            record.append_forecast(ask.quantity, as_of.isoformat(), periods)
