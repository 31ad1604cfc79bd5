"""What aged, what drifted and how right the predictions were."""

from __future__ import annotations

from funnelcast import champions
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.terms import Json
from training.alerts import alerts
from training.drift import drift_alerts, drift_document, inputs_of
from training.performance import performance_document
from training.track_record import judged
from training.train import default_as_of


def monitor(settings: Settings, facts: Facts) -> dict[str, Json]:
    """Report drift and performance by model, the track record, and alerts."""
    as_of = default_as_of(facts)
    serving = {name: champions.load(settings, facts.source.name, name) for name in champions.listed(settings, facts.source.name)}
    found = {name: inputs_of(settings, facts, champion, as_of) for name, champion in serving.items()}
    drifted = drift_alerts(found, {}, facts.source.currency)
    return {
        "as_of": as_of.isoformat(),
        **drift_document(found, as_of),
        "performance": performance_document(settings, facts, as_of, serving),
        "track_record": judged(settings, facts, as_of),
        **alerts(facts, as_of, serving, None, drifted, lambda _: None),
    }
