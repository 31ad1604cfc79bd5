"""The main job on a simulated company: facts, models, champions and a snapshot, ready to be served."""

from __future__ import annotations

from pathlib import Path

from funnelcast.families.family import Options, Progress
from funnelcast.settings import Settings
from funnelcast.simulate import simulate
from funnelcast.sources.open import open_source
from training.refresh import refresh
from training.train import Request, train_all, trainable


def demo(settings: Settings, out: Path, contacts: int, seed: int, progress: Progress) -> Path:
    """Simulate, train and promote every model, refresh; gives the source file of the company."""
    progress(f"simulating a company of {contacts} contacts")
    source = simulate(out, contacts=contacts, seed=seed, progress=progress)
    progress("reading its facts")
    facts = open_source(source, threads=settings.threads, memory=settings.memory)
    options = Options(threads=settings.threads, progress=progress)
    train_all(settings, facts, trainable(settings), Request("all", options=options))
    refresh(settings, facts, as_of=None, progress=progress)
    return source
