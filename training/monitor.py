"""What aged, what drifted, how well the champions do and how right the predictions were."""

from __future__ import annotations

from funnelcast import champions
from funnelcast.artefacts import to_json
from funnelcast.monitor.report import figures, report
from funnelcast.monitor.report_plots import plots
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.terms import Json
from funnelcast.tracking import Record
from training.alerts import alerts
from training.drift import drift_alerts, drift_document, inputs_of
from training.performance import performance_document
from training.recording import log_run
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


def monitored(settings: Settings, facts: Facts) -> dict[str, Json]:
    """Report the same, and keep it as a run: the report for people, its plots, the figures, and the document itself.

    Returns
    -------
    The document with ``run_id`` and, where runs are kept below the home, the path of the ``report``.
    """
    document = monitor(settings, facts)
    kept = {f"plots/{name}": image for name, image in plots(document).items()}
    record = Record(metrics=figures(document), files={"report.html": report(document), "monitor.json": to_json(document), **kept})
    run_id = log_run(settings, f"{facts.source.name}.monitor", record)
    path = settings.artefacts / run_id / "artifacts" / "report.html"
    return {**document, "run_id": run_id, "report": str(path) if path.exists() else None}
