"""The front door `funnelcast …`: parses, calls, prints. Nothing imports it."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from funnelcast.errors import FunnelcastError, UsageError
from funnelcast.settings import Settings

if TYPE_CHECKING:
    from funnelcast.sources.facts import Facts
    from funnelcast.terms import AsOf

Command = Callable[[argparse.Namespace, Settings], Any]
_QUANTITIES = ("sales", "pipeline", "cash")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status: 0 done, 1 failed with a reason; argparse itself ends with 2 on wrong usage."""
    options = build_parser().parse_args(arguments)
    try:
        settings = Settings.read()
        settings.confine_libraries()
        # libraries may print: with --json stdout holds one document and nothing else
        with contextlib.redirect_stdout(sys.stderr):
            document = options.run(options, settings)
    except FunnelcastError as error:
        return _failed(str(error), debug=options.debug)
    except KeyboardInterrupt:
        return _failed("Stopped.", debug=False, status=130)
    except Exception as error:  # noqa: BLE001 (the one place where a fault of ours becomes a sentence)
        reason = f"Something of funnelcast's own broke: {type(error).__name__}: {error}. Run again with --debug to see where."
        return _failed(reason, debug=options.debug)
    if document is not None:
        _print(options, document)
    return _exit_status(options, document)


def _exit_status(options: argparse.Namespace, document: Any) -> int:
    if options.command == "check":
        return int(any(finding["level"] == "error" for finding in document["findings"]))
    failed_all = options.command == "train" and isinstance(document, dict) and document.get("failed") and not document.get("trained")
    return int(bool(failed_all))


def _print(options: argparse.Namespace, document: Any) -> None:
    if options.json:
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
        return
    from funnelcast.terminal import show  # noqa: PLC0415 (rich is only needed for tables)

    show(options.command, document)


def _failed(reason: str, *, debug: bool, status: int = 1) -> int:
    if debug:
        traceback.print_exc()
    print(f"funnelcast: {reason}", file=sys.stderr)
    return status


def progress(message: str) -> None:
    """Say on stderr what is going on."""
    print(f"· {message}", file=sys.stderr, flush=True)


# ------------------------------------------------------------------------------------------------ what each command calls


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
    from funnelcast.terms import AsOf  # noqa: PLC0415

    if not options.as_of:
        return None
    try:
        return AsOf.parse(options.as_of, facts.source.timezone)
    except ValueError as error:
        raise UsageError(reason=f"--as-of {options.as_of!r} is not a date: write 2025-12-31.") from error


def _demo(options: argparse.Namespace, settings: Settings) -> Any:
    from training.demo import demo  # noqa: PLC0415

    path = demo(settings, Path(options.out) if options.out else settings.demo.parent, options.contacts, options.seed, progress)
    if options.no_serve:
        return {"source": str(path), "next": "funnelcast serve"}
    options.source = str(path)
    return _serve(options, settings)


def _simulate(options: argparse.Namespace, _: Settings) -> Any:
    from funnelcast.simulate import simulate  # noqa: PLC0415

    path = simulate(Path(options.out), contacts=options.contacts, seed=options.seed, months=options.months, progress=progress)
    return {"source": str(path)}


def _check(options: argparse.Namespace, settings: Settings) -> Any:
    from funnelcast.sources.check import report  # noqa: PLC0415

    return {"findings": [finding.document() for finding in report(Path(options.source) if options.source else settings.demo)]}


def _train(options: argparse.Namespace, settings: Settings) -> Any:
    from funnelcast.families.family import Options  # noqa: PLC0415
    from training.train import Request, train, train_all, trainable  # noqa: PLC0415

    facts = _facts(options, settings)
    how = Options(trials=options.trials, threads=settings.threads, progress=progress)
    request = Request(options.model, _as_of(options, facts), promote=not options.no_promote, options=how)
    if options.model == "all":
        return train_all(settings, facts, trainable(settings), request)
    return train(settings, facts, request)


def _backtest(options: argparse.Namespace, settings: Settings) -> Any:
    from training.backtest import backtest_quantity  # noqa: PLC0415
    from training.backtest_model import backtest_model  # noqa: PLC0415

    facts = _facts(options, settings)
    run = backtest_quantity if options.model in _QUANTITIES else backtest_model
    return run(settings, facts, options.model, origins=options.origins, weeks=options.weeks, progress=progress)


def _models(_: argparse.Namespace, settings: Settings) -> Any:
    from training.promote import registered  # noqa: PLC0415

    return {"models": registered(settings)}


def _promote(options: argparse.Namespace, settings: Settings) -> Any:
    from training.promote import promote  # noqa: PLC0415

    return promote(settings, _source_name(options, settings), options.model, version=options.version, force=options.force)


def _rollback(options: argparse.Namespace, settings: Settings) -> Any:
    from training.promote import rollback  # noqa: PLC0415

    return rollback(settings, _source_name(options, settings), options.model)


def _score(options: argparse.Namespace, settings: Settings) -> Any:
    from training.score import score  # noqa: PLC0415

    facts = _facts(options, settings)
    return score(settings, facts, options.model, Path(options.out), as_of=_as_of(options, facts), progress=progress)


def _list(options: argparse.Namespace, settings: Settings) -> Any:
    from training.lists import Ask, make_list  # noqa: PLC0415

    facts = _facts(options, settings)
    out = Path(options.out) if options.out else None
    ask = Ask(options.model, options.capacity, options.cost, options.share, options.lang, out)
    return make_list(settings, facts, ask, as_of=_as_of(options, facts), progress=progress)


def _refresh(options: argparse.Namespace, settings: Settings) -> Any:
    from training.refresh import refresh  # noqa: PLC0415

    facts = _facts(options, settings)
    return refresh(settings, facts, as_of=_as_of(options, facts), progress=progress)


def _attribute(options: argparse.Namespace, settings: Settings) -> Any:
    from training.company import attribute  # noqa: PLC0415

    facts = _facts(options, settings)
    return attribute(settings, facts, method=options.method, order=options.order, as_of=_as_of(options, facts))


def _economics(options: argparse.Namespace, settings: Settings) -> Any:
    from training.company import company_economics  # noqa: PLC0415

    facts = _facts(options, settings)
    return company_economics(settings, facts, as_of=_as_of(options, facts))


def _forecast(options: argparse.Namespace, settings: Settings) -> Any:
    from funnelcast.forecast.projection import Ask  # noqa: PLC0415
    from funnelcast.forecast.scenario import Scenario, load  # noqa: PLC0415
    from training.forecast import forecast  # noqa: PLC0415

    facts = _facts(options, settings)
    scenario = load(Path(options.scenario)) if options.scenario else Scenario()
    count = options.periods if options.every == "month" and options.periods else options.weeks
    ask = Ask(options.quantity, every=options.every, count=count, by=options.by, scenario=scenario)
    return forecast(settings, facts, ask, as_of=_as_of(options, facts), progress=progress)


def _monitor(options: argparse.Namespace, settings: Settings) -> Any:
    from training.monitor import monitor  # noqa: PLC0415

    return monitor(settings, _facts(options, settings))


def _retrain(options: argparse.Namespace, settings: Settings) -> Any:
    from training.retrain import retrain  # noqa: PLC0415

    return retrain(settings, _facts(options, settings), progress=progress)


def _serve(options: argparse.Namespace, settings: Settings) -> Any:
    from serving.run import serve  # noqa: PLC0415

    return serve(
        settings,
        Path(options.source) if options.source else settings.demo,
        host=options.host,
        port=options.port,
        workers=options.workers,
        progress=progress,
    )


def _keys(options: argparse.Namespace, settings: Settings) -> Any:
    from serving import auth  # noqa: PLC0415

    if options.action == "add":
        return {"name": options.name, "scope": options.scope, "key": auth.add(settings.keys, options.name, options.scope)}
    if options.action == "revoke":
        auth.revoke(settings.keys, options.name)
        return {"revoked": options.name}
    return {"keys": auth.listed(settings.keys)}


# ------------------------------------------------------------------------------------------------ the grammar


def build_parser() -> argparse.ArgumentParser:
    """Build the whole grammar; each command's help ends with an example."""
    parser = argparse.ArgumentParser(prog="funnelcast", description="Churn, lead scores, customer value, attribution, pipeline and cash.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = _command(
        commands, "demo", _demo, "simulate a company, train and promote every model, refresh and serve", "--no-serve", source=False
    )
    _simulation(demo, out_required=False)
    demo.add_argument("--no-serve", action="store_true", help="stop before serving")
    _address(demo)

    simulate = _command(commands, "simulate", _simulate, "write a simulated company with its truth", "--out company", source=False)
    _simulation(simulate, out_required=True)
    simulate.add_argument("--months", type=_positive, default=36, metavar="M")

    _command(commands, "check", _check, "validate the facts: errors first", "--source acme/source.toml")

    train = _command(
        commands, "train", _train, "train, log, register, gate and promote one model, or all", "churn --trials 20", model="or `all`"
    )
    _add_as_of(train)
    train.add_argument("--trials", type=_positive, metavar="N", help="of the hyperparameter search")
    train.add_argument("--no-promote", action="store_true", help="register, but leave the champion alone")

    backtest = _command(
        commands,
        "backtest",
        _backtest,
        "evaluate at rolling origins beside the baselines",
        "pipeline --origins 6",
        model="or sales, pipeline, cash",
    )
    backtest.add_argument("--origins", type=_positive, default=6, metavar="K")
    backtest.add_argument("--weeks", type=_positive, default=4, metavar="W")

    _command(commands, "models", _models, "list what is registered", "", source=False)
    promote = _command(commands, "promote", _promote, "move the alias champion; the gates decide", "churn --version 3", model="")
    promote.add_argument("--version", type=_positive, metavar="V", help="default: the newest")
    promote.add_argument("--force", action="store_true", help="promote against the gates; recorded")
    _command(commands, "rollback", _rollback, "bring back the previous champion", "churn", model="")

    score = _command(commands, "score", _score, "score everyone in question to parquet or csv", "churn --out churn.csv", model="")
    _add_as_of(score)
    score.add_argument("--out", required=True, metavar="FILE")

    _add_list(commands)
    _add_as_of(
        _command(commands, "refresh", _refresh, "compute everything that the service answers from into one snapshot", "--as-of 2026-01-01")
    )

    attribute = _command(commands, "attribute", _attribute, "give the credit of each channel", "--method markov --order 1")
    attribute.add_argument(
        "--method", metavar="M", help="first, last, last_non_direct, linear, position, time_decay, markov (default), shapley, or all"
    )
    attribute.add_argument("--order", type=_positive, metavar="K", help="of Markov; default: chosen out of sample")
    _add_as_of(attribute)

    _add_as_of(_command(commands, "economics", _economics, "CAC, ROAS, margins, CLV/CAC, payback, retention by channel and period", ""))

    forecast = _command(commands, "forecast", _forecast, "project sales, pipeline or cash", "cash --weeks 13")
    forecast.add_argument("quantity", choices=_QUANTITIES)
    _add_as_of(forecast)
    forecast.add_argument("--weeks", type=_positive, default=13, metavar="W")
    forecast.add_argument("--every", choices=("week", "month"), default="week")
    forecast.add_argument("--periods", type=_positive, metavar="N", help="months, with --every month")
    forecast.add_argument("--by", choices=("series", "channel", "owner"))
    forecast.add_argument("--scenario", metavar="FILE", help="TOML or JSON")

    _command(commands, "monitor", _monitor, "drift, track record, alerts", "")
    _command(commands, "retrain", _retrain, "the scheduled job: retrain what needs it, gate, refresh", "--json")

    _address(_command(commands, "serve", _serve, "serve one company's champions and snapshot", "--port 3000"))

    _add_keys(commands)
    return parser


def _add_keys(commands: Any) -> None:
    keys = _command(commands, "keys", _keys, "add, list or revoke API keys", "add crm --scope score", source=False)
    actions = keys.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="print a new key once and store its hash")
    add.add_argument("name")
    add.add_argument("--scope", choices=("score", "forecast", "admin"), required=True)
    actions.add_parser("list", help="names and scopes")
    actions.add_parser("revoke", help="make a key worthless").add_argument("name")


def _add_list(commands: Any) -> None:
    what, example = "list whom to contact, worked from the top, with expected profit", "churn --capacity 100 --cost 4 --out call.csv"
    parser = _command(commands, "list", _list, what, example, model="")
    _add_as_of(parser)
    parser.add_argument("--capacity", type=_positive, metavar="N", help="contacts at most; default, here and below: [list] of spec.toml")
    parser.add_argument("--cost", type=float, metavar="C", help="of one contact, in the source's currency")
    parser.add_argument("--share", type=float, metavar="S", help="of leavers that a contact keeps, or of conversions that only it brings")
    parser.add_argument("--lang", choices=("fr", "en"), default="en", help="of the table and the file; --json has both")
    parser.add_argument("--out", metavar="FILE", help="the list for a CRM, csv or parquet")


def _command(
    commands: Any, name: str, run: Command, what: str, example: str, *, source: bool = True, model: str | None = None
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=f"Example: funnelcast {name} {example}".rstrip()
    )
    parser.set_defaults(run=run)
    if model is not None:
        parser.add_argument("model", metavar="MODEL", help=f"a folder of models/ {model}".rstrip())
    if source:
        parser.add_argument("--source", metavar="FILE", help="a source.toml; default: the demo company")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else")
    parser.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    return parser


def _add_as_of(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--as-of", metavar="D", help="nothing known at or after this date is used; default: the day after the last observed one"
    )


def _simulation(parser: argparse.ArgumentParser, *, out_required: bool) -> None:
    parser.add_argument("--out", required=out_required, metavar="DIR")
    parser.add_argument("--contacts", type=_positive, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="S")


def _address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", metavar="H")
    parser.add_argument("--port", type=_positive, default=3000, metavar="P")
    parser.add_argument("--workers", type=_positive, default=1, metavar="N")


def _positive(text: str) -> int | None:
    if not text:
        return None  # as `mlflow run` passes what isn't given
    number = int(text)
    if number < 1:
        message = f"{text} is not a whole number above 0"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    sys.exit(main())
