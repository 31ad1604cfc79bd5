"""The grammar of the front door: every command with its options; each command's help ends with an example."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from funnelcast import commands
from funnelcast.settings import Settings
from funnelcast.terms import QUANTITIES

Command = Callable[[argparse.Namespace, Settings], Any]


def build_parser() -> argparse.ArgumentParser:
    """Build the whole grammar."""
    first = (
        "First steps: `funnelcast demo` shows everything on a simulated company;"
        " `funnelcast template hubspot --out acme --sample` begins with exports as yours are."
    )
    what = "Churn, lead scores, customer value, attribution, pipeline and cash."
    parser = argparse.ArgumentParser(prog="funnelcast", description=what, epilog=first)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _facts(subparsers)
    _models(subparsers)
    _answers(subparsers)
    _forecast(subparsers)
    _upkeep(subparsers)
    _service(subparsers)
    return parser


def _facts(subparsers: Any) -> None:
    what = "simulate a company, train and promote every model, refresh and serve"
    demo = _command(subparsers, "demo", commands.run_demo, what, "--no-serve", source=False)
    _simulation(demo, out_required=False)
    demo.add_argument("--no-serve", action="store_true", help="stop before serving")
    _address(demo)
    what = "write a simulated company with its truth"
    simulate = _command(subparsers, "simulate", commands.run_simulate, what, "--out company", source=False)
    _simulation(simulate, out_required=True)
    simulate.add_argument("--months", type=_positive, default=36, metavar="M", help="of history; default: 36")
    _template(subparsers)
    _command(subparsers, "check", commands.run_check, "validate the facts: errors first", "--source acme/source.toml")


def _template(subparsers: Any) -> None:
    what = "write a source.toml for the exports of HubSpot, Salesforce, Pipedrive, GA4"
    template = _command(subparsers, "template", commands.run_template, what, "hubspot ga4 --out acme", source=False)
    template.add_argument("names", nargs="*", metavar="NAME", help="of one or several that are read together; none: list them")
    template.add_argument("--out", metavar="DIR", help="the folder for source.toml, where the exports go as well")
    template.add_argument("--sample", action="store_true", help="write exports of a simulated company too, to try it with")
    _size(template, contacts=2_000)


def _models(subparsers: Any) -> None:
    what = "train, log, register, gate and promote one model, or all"
    train = _command(subparsers, "train", commands.run_train, what, "churn --trials 20", model=" or `all`")
    _as_of(train)
    train.add_argument("--trials", type=_positive, metavar="N", help="of the hyperparameter search")
    train.add_argument("--no-promote", action="store_true", help="register, but leave the champion alone")
    what, which = "evaluate at rolling origins beside the baselines", f" or a forecast: {', '.join(QUANTITIES)}"
    backtest = _command(subparsers, "backtest", commands.run_backtest, what, "pipeline --origins 6", model=which)
    backtest.add_argument("--origins", type=_positive, default=6, metavar="K", help="dates in the past to predict from; default: 6")
    backtest.add_argument("--weeks", type=_positive, default=4, metavar="W", help="that a forecast looks ahead; default: 4")
    _command(subparsers, "models", commands.run_models, "list what is registered", "", source=False)
    what = "move the alias champion; the gates decide"
    promote = _command(subparsers, "promote", commands.run_promote, what, "churn --version 3", model="")
    promote.add_argument("--version", type=_positive, metavar="V", help="default: the newest")
    promote.add_argument("--force", action="store_true", help="promote against the gates; recorded")
    _command(subparsers, "rollback", commands.run_rollback, "bring back the previous champion", "churn", model="")


def _answers(subparsers: Any) -> None:
    what = "score everyone in question to parquet or csv"
    score = _command(subparsers, "score", commands.run_score, what, "churn --out churn.csv", model="")
    _as_of(score)
    score.add_argument("--out", required=True, metavar="FILE", help="csv or parquet")
    what = "write what this CRM's import takes, as csv: churn, lead_scoring and clv"
    score.add_argument("--crm", choices=("hubspot", "pipedrive", "salesforce"), help=what)
    _list(subparsers)
    what = "compute everything that the service answers from into one snapshot"
    _as_of(_command(subparsers, "refresh", commands.run_refresh, what, "--as-of 2026-01-01"))
    what = "give the credit of each channel"
    attribute = _command(subparsers, "attribute", commands.run_attribute, what, "--method markov --order 1")
    methods = "first, last, last_non_direct, linear, position, time_decay, markov, shapley (default), or all"
    attribute.add_argument("--method", metavar="M", help=methods)
    attribute.add_argument("--order", type=_positive, metavar="K", help="of Markov; default: chosen out of sample")
    _as_of(attribute)
    what = "CAC, ROAS, margins, CLV/CAC, payback, retention by channel and period"
    _as_of(_command(subparsers, "economics", commands.run_economics, what, ""))


def _list(subparsers: Any) -> None:
    what, example = "list whom to contact, worked from the top, with expected profit", "churn --capacity 100 --cost 4 --out call.csv"
    parser = _command(subparsers, "list", commands.run_list, what, example, model="")
    _as_of(parser)
    parser.add_argument("--capacity", type=_positive, metavar="N", help="contacts at most; default, here and below: [list] of spec.toml")
    parser.add_argument("--cost", type=float, metavar="C", help="of one contact, in the source's currency")
    parser.add_argument("--share", type=float, metavar="S", help="of leavers that a contact keeps, or of conversions that only it brings")
    parser.add_argument("--lang", choices=("fr", "en"), default="en", help="of the table and the file; --json has both")
    parser.add_argument("--out", metavar="FILE", help="the list for a CRM, csv or parquet")


def _forecast(subparsers: Any) -> None:
    forecast = _command(subparsers, "forecast", commands.run_forecast, "project sales, pipeline or cash", "cash --weeks 13")
    forecast.add_argument("quantity", choices=QUANTITIES, help="what was sold, what was won, what is in the bank")
    _as_of(forecast)
    forecast.add_argument("--weeks", type=_positive, default=13, metavar="W", help="full weeks ahead; default: 13")
    forecast.add_argument("--every", choices=("week", "month"), default="week", help="length of a period; default: week")
    forecast.add_argument("--periods", type=_positive, metavar="N", help="months, with --every month")
    forecast.add_argument("--by", choices=("series", "channel", "owner"), help="the periods of each one of these as well")
    forecast.add_argument("--scenario", metavar="FILE", help='what if, as TOML or JSON: win_rate = {"*" = 0.9}, payment_delay_days = 10')


def _upkeep(subparsers: Any) -> None:
    _command(subparsers, "monitor", commands.run_monitor, "drift, track record, alerts", "")
    _command(subparsers, "retrain", commands.run_retrain, "the scheduled job: retrain what needs it, gate, refresh", "--json")
    what = "remove a person from snapshots and track record, and list what is left to do"
    forget = _command(subparsers, "forget", commands.run_forget, what, "C0000042 --source acme/source.toml")
    forget.add_argument("contact_id", metavar="CONTACT_ID", help="or another identity of the contact, such as an e-mail")


def _service(subparsers: Any) -> None:
    _address(_command(subparsers, "serve", commands.run_serve, "serve one company's champions and snapshot", "--port 3000"))
    keys = _command(subparsers, "keys", commands.run_keys, "add, list or revoke API keys", "add crm --scope score", source=False)
    actions = keys.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="print a new key once and store its hash")
    add.add_argument("name", help="of who will use it; replaces the key of that name")
    what = "score: contacts and their lists; forecast: planning; admin: everything"
    add.add_argument("--scope", choices=("score", "forecast", "admin"), required=True, help=what)
    actions.add_parser("list", help="names and scopes")
    actions.add_parser("revoke", help="make a key worthless").add_argument("name", help="of the key")


def _command(
    subparsers: Any, name: str, run: Command, what: str, example: str, *, source: bool = True, model: str | None = None
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=f"Example: funnelcast {name} {example}".rstrip()
    )
    parser.set_defaults(run=run)
    if model is not None:
        known = "churn, lead_scoring, clv, attribution, deal_outcome, payment_delay, or another folder of models/"
        parser.add_argument("model", metavar="MODEL", help=f"{known};{model}" if model else known)
    if source:
        parser.add_argument("--source", metavar="FILE", help="a source.toml; default: the demo company")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else")
    parser.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    return parser


def _as_of(parser: argparse.ArgumentParser) -> None:
    what = "nothing known at or after this date is used; default: the day after the last observed one"
    parser.add_argument("--as-of", metavar="D", help=what)


def _simulation(parser: argparse.ArgumentParser, *, out_required: bool) -> None:
    parser.add_argument("--out", required=out_required, metavar="DIR", help="the folder for the company's files")
    _size(parser, contacts=10_000)


def _size(parser: argparse.ArgumentParser, *, contacts: int) -> None:
    parser.add_argument("--contacts", type=_positive, default=contacts, metavar="N", help=f"of that company; default: {contacts:,}")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same company; default: 0")


def _address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="address to listen on; another than 127.0.0.1 needs keys")
    parser.add_argument("--port", type=_positive, default=3000, metavar="P", help="default: 3000")
    parser.add_argument("--workers", type=_positive, default=1, metavar="N", help="processes that answer side by side; default: 1")


def _positive(text: str) -> int | None:
    if not text:
        return None  # as `mlflow run` passes what isn't given
    number = int(text)
    if number < 1:
        message = f"{text} is not a whole number above 0"
        raise argparse.ArgumentTypeError(message)
    return number
