"""The track record judged: every answer and forecast joined with what came true, as the snapshot holds it and the service says it."""

from __future__ import annotations

from funnelcast import champions
from funnelcast.errors import FunnelcastError
from funnelcast.monitor.outcomes import ACTUALS, Judge, of_forecasts
from funnelcast.monitor.realised import LEVEL, of_models, of_quantity, of_versions
from funnelcast.monitor.track_record import TrackRecord
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import names, read
from funnelcast.terms import AsOf, Json


def judged(settings: Settings, facts: Facts, as_of: AsOf) -> dict[str, Json]:
    """Join what was said with what came true by the facts as they were known before ``as_of``.

    Returns
    -------
    ``answers`` by model, version and horizon, ``models`` over their versions and in words, ``forecasts`` by quantity, in words and by
    distance, ``missing``: what can't be judged and why, and the ``level`` of every interval.
    """
    source = facts.source.name
    record = TrackRecord(settings.track_record(source))
    until = min(as_of, facts.observed_until or as_of)
    known = cut(facts, as_of)
    specs = {name: read(settings.models, name) for name in names(settings.models)}
    trained = {key: AsOf.parse(at, as_of.timezone) for key, at in champions.trained_as_of(settings, source).items()}
    judge = Judge(known, until, specs, trained)
    rows = judge.answers(record.answers())
    families = {name: spec.family for name, spec in specs.items()}
    forecasts, missing = _forecasts(record, known, until)
    return {
        "as_of": as_of.isoformat(),
        "level": LEVEL,
        "answers": of_versions(rows, families),
        "models": of_models(rows, families),
        "forecasts": forecasts,
        "missing": {**judge.reasons, **missing},
    }


def _forecasts(record: TrackRecord, known: Facts, until: AsOf) -> tuple[list[Json], dict[str, Json]]:
    stored = record.forecasts()
    found: list[Json] = []
    missing: dict[str, Json] = {}
    for quantity in [name for name in ACTUALS if (stored["quantity"] == name).any()]:
        try:
            weeks = of_forecasts(known, until, stored, quantity)
        except FunnelcastError as error:
            missing[quantity] = str(error)
        else:
            found.append(of_quantity(quantity, int((stored["quantity"] == quantity).sum()), weeks))
    return found, missing
