"""What each command calls: only then is anything heavy imported, so that `funnelcast --help` answers at once."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from funnelcast.errors import UsageError
from funnelcast.settings import Settings
from funnelcast.terms import QUANTITIES, AsOf

if TYPE_CHECKING:
    from funnelcast.sources.facts import Facts


def progress(message: str) -> None:
    """Say on stderr what is going on."""
    print(f"· {message}", file=sys.stderr, flush=True)


def _source_path(options: argparse.Namespace, settings: Settings) -> Path:
    path = Path(options.source) if options.source else settings.demo
    if not options.source and not path.exists():
        reason = (
            "No --source was given and the demo company isn't there yet: name a source.toml, or run `funnelcast demo --no-serve` first."
        )
        raise UsageError(reason=reason)
    return path


def _source_name(options: argparse.Namespace, settings: Settings) -> str:
    from funnelcast.sources import source_file  # noqa: PLC0415

    return source_file.read(_source_path(options, settings)).source.name


def _facts(options: argparse.Namespace, settings: Settings) -> Facts:
    from funnelcast.sources.open import open_source  # noqa: PLC0415

    path = _source_path(options, settings)
    progress(f"reading {path}")
    return open_source(path, threads=settings.threads, memory=settings.memory)


def _as_of(options: argparse.Namespace, facts: Facts) -> AsOf | None:
    if not options.as_of:
        return None
    try:
        return AsOf.parse(options.as_of, facts.source.timezone)
    except ValueError as error:
        raise UsageError(reason=f"--as-of {options.as_of!r} is not a date: write 2025-12-31.") from error


def run_demo(options: argparse.Namespace, settings: Settings) -> Any:
    """Simulate a company, train everything on it and serve it."""
    from training.demo import demo  # noqa: PLC0415

    path = demo(settings, Path(options.out) if options.out else settings.demo.parent, options.contacts, options.seed, progress)
    if options.no_serve:
        return {"source": str(path), "next": "funnelcast serve"}
    options.source = str(path)
    return run_serve(options, settings)


def run_simulate(options: argparse.Namespace, _: Settings) -> Any:
    """Write a simulated company."""
    from funnelcast.simulate import simulate  # noqa: PLC0415

    path = simulate(Path(options.out), contacts=options.contacts, seed=options.seed, months=options.months, progress=progress)
    return {"source": str(path)}


def run_template(options: argparse.Namespace, _: Settings) -> Any:
    """List the templates of source.toml, or write one with what to export and, if asked, a sample."""
    from funnelcast.sources import template  # noqa: PLC0415

    if not options.names:
        return {"templates": [{"name": name, "brings": template.brings(name)} for name in template.names()]}
    if not options.out:
        raise UsageError(reason="Say where to write source.toml: --out DIR.")
    out, guide = Path(options.out), [line for name in options.names for line in template.guide(name)]
    if not options.sample:
        return {"source": str(template.write(options.names, out)), "guide": guide, "sample": []}
    from funnelcast.simulate import company  # noqa: PLC0415
    from funnelcast.simulate.exports import require_free, write_exports  # noqa: PLC0415

    require_free(out, options.names)
    source = template.write(options.names, out)
    progress(f"simulating a company of {options.contacts} contacts")
    written = write_exports(company(options.contacts, options.seed), out, options.names)
    return {"source": str(source), "guide": guide, "sample": [str(path) for path in written]}


def run_check(options: argparse.Namespace, settings: Settings) -> Any:
    """Report on a company's facts."""
    from funnelcast.sources.check import report  # noqa: PLC0415

    return {"findings": [finding.document() for finding in report(Path(options.source) if options.source else settings.demo)]}


def run_train(options: argparse.Namespace, settings: Settings) -> Any:
    """Train one model, or all."""
    from funnelcast.families.family import Options  # noqa: PLC0415
    from training.train import Request, train, train_all, trainable  # noqa: PLC0415

    facts = _facts(options, settings)
    how = Options(trials=options.trials, threads=settings.threads, progress=progress)
    request = Request(options.model, _as_of(options, facts), promote=not options.no_promote, options=how)
    if options.model == "all":
        return train_all(settings, facts, trainable(settings), request)
    return train(settings, facts, request)


def run_backtest(options: argparse.Namespace, settings: Settings) -> Any:
    """Judge a model or a forecast at rolling origins."""
    from training.backtest import backtest_quantity  # noqa: PLC0415
    from training.backtest_model import backtest_model  # noqa: PLC0415

    facts = _facts(options, settings)
    run = backtest_quantity if options.model in QUANTITIES else backtest_model
    return run(settings, facts, options.model, origins=options.origins, weeks=options.weeks, progress=progress)


def run_models(_: argparse.Namespace, settings: Settings) -> Any:
    """List what is registered."""
    from training.promote import registered  # noqa: PLC0415

    return {"models": registered(settings)}


def run_promote(options: argparse.Namespace, settings: Settings) -> Any:
    """Promote a version, if the gates let it."""
    from training.promote import promote  # noqa: PLC0415

    return promote(settings, _source_name(options, settings), options.model, version=options.version, force=options.force)


def run_rollback(options: argparse.Namespace, settings: Settings) -> Any:
    """Bring back the previous champion."""
    from training.promote import rollback  # noqa: PLC0415

    return rollback(settings, _source_name(options, settings), options.model)


def run_score(options: argparse.Namespace, settings: Settings) -> Any:
    """Score everyone in question into a file."""
    from training.score import score  # noqa: PLC0415
    from training.write_back import write_back  # noqa: PLC0415

    facts = _facts(options, settings)
    if options.crm:
        return write_back(settings, facts, options.model, options.crm, Path(options.out), as_of=_as_of(options, facts), progress=progress)
    return score(settings, facts, options.model, Path(options.out), as_of=_as_of(options, facts), progress=progress)


def run_list(options: argparse.Namespace, settings: Settings) -> Any:
    """Make the list of whom to contact."""
    from training.lists import Ask, make_list  # noqa: PLC0415

    facts = _facts(options, settings)
    out = Path(options.out) if options.out else None
    ask = Ask(options.model, options.capacity, options.cost, options.share, options.lang, out)
    return make_list(settings, facts, ask, as_of=_as_of(options, facts), progress=progress)


def run_refresh(options: argparse.Namespace, settings: Settings) -> Any:
    """Make a new snapshot."""
    from training.refresh import refresh  # noqa: PLC0415

    facts = _facts(options, settings)
    return refresh(settings, facts, as_of=_as_of(options, facts), progress=progress)


def run_attribute(options: argparse.Namespace, settings: Settings) -> Any:
    """Give each channel its credit."""
    from training.company import attribute  # noqa: PLC0415

    facts = _facts(options, settings)
    return attribute(settings, facts, method=options.method, order=options.order, as_of=_as_of(options, facts))


def run_economics(options: argparse.Namespace, settings: Settings) -> Any:
    """Tell what channels and periods earn."""
    from training.company import company_economics  # noqa: PLC0415

    facts = _facts(options, settings)
    return company_economics(settings, facts, as_of=_as_of(options, facts))


def run_forecast(options: argparse.Namespace, settings: Settings) -> Any:
    """Forecast a quantity."""
    from funnelcast.forecast.projection import Ask  # noqa: PLC0415
    from funnelcast.forecast.scenario import Scenario, load  # noqa: PLC0415
    from training.forecast import forecast  # noqa: PLC0415

    facts = _facts(options, settings)
    scenario = load(Path(options.scenario)) if options.scenario else Scenario()
    count = options.periods if options.every == "month" and options.periods else options.weeks
    ask = Ask(options.quantity, every=options.every, count=count, by=options.by, scenario=scenario)
    return forecast(settings, facts, ask, as_of=_as_of(options, facts), progress=progress)


def run_monitor(options: argparse.Namespace, settings: Settings) -> Any:
    """Tell what drifted and how right we were."""
    from training.monitor import monitored  # noqa: PLC0415

    return monitored(settings, _facts(options, settings))


def run_retrain(options: argparse.Namespace, settings: Settings) -> Any:
    """Do the scheduled job."""
    from training.retrain import retrain  # noqa: PLC0415

    return retrain(settings, _facts(options, settings), progress=progress)


def run_forget(options: argparse.Namespace, settings: Settings) -> Any:
    """Remove a person from what is kept."""
    from training.forget import forget  # noqa: PLC0415

    return forget(settings, _facts(options, settings), options.contact_id, progress=progress)


def run_serve(options: argparse.Namespace, settings: Settings) -> Any:
    """Serve a company until a signal ends it."""
    from serving.run import serve  # noqa: PLC0415

    return serve(
        settings,
        Path(options.source) if options.source else settings.demo,
        host=options.host,
        port=options.port,
        workers=options.workers,
        progress=progress,
    )


def run_keys(options: argparse.Namespace, settings: Settings) -> Any:
    """Add, list or revoke API keys."""
    from serving import auth  # noqa: PLC0415

    if options.action == "add":
        return {"name": options.name, "scope": options.scope, "key": auth.add(settings.keys, options.name, options.scope)}
    if options.action == "revoke":
        auth.revoke(settings.keys, options.name)
        return {"revoked": options.name}
    return {"keys": auth.listed(settings.keys)}
