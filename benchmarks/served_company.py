"""The champions of a small demo company, ready to be served by us and by others, and what callers send."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from benchmarks.servers import Asked, Server
from funnelcast import champions
from funnelcast.families.registry import family_of
from funnelcast.settings import CHECKOUT, Settings
from funnelcast.simulate import simulate
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from funnelcast.spec import read
from serving.reading.contracts import CLOCKS, Contact, Deal, Invoice, Subscription, Touchpoint, Transaction
from training.train import Request, default_as_of
from training.train import train as train_model

MODELS = ("clv", "lead_scoring")
MANY = 200
"""The items of a large request."""

_FACTS: Mapping[str, Any] = {
    "transactions": Transaction,
    "touchpoints": Touchpoint,
    "subscriptions": Subscription,
    "invoices": Invoice,
    "deals": Deal,
}
_ECHO = Asked("/", [b"{}"])


@dataclass(frozen=True)
class Company:
    """A home with champions, and the rows of those whom they score."""

    home: Path
    facts: Facts
    rows: Mapping[str, pd.DataFrame]

    @classmethod
    def made(cls, folder: Path, contacts: int) -> Company:
        """Simulate a company and train its champions."""
        facts = open_source(simulate(folder / "demo", contacts=contacts))
        settings, as_of = Settings.read({"FUNNELCAST_HOME": str(folder)}), default_as_of(facts)
        found = {}
        for model in MODELS:
            train_model(settings, facts, Request(model))
            spec = read(settings.models, model)
            rows = family_of(spec.family).candidates(cut(facts, as_of), spec, None, as_of).order_by("contact_id").execute()
            found[model] = rows.sample(MANY, random_state=1)
        return cls(folder, facts, found)

    def champion(self, model: str) -> champions.Champion:
        """Load a champion as the service does."""
        return champions.load(Settings.read({"FUNNELCAST_HOME": str(self.home)}), self.facts.source.name, model)

    def vectors(self, model: str) -> pd.DataFrame:
        """Give the rows as its model reads them."""
        return self.rows[model][list(self.champion(model).model.columns)]

    def summaries(self) -> list[dict[str, Any]]:
        """Give customers as they are sent to be valued."""
        names = ["contact_id", *self.vectors("clv").columns]
        rows = self.rows["clv"][names].to_dict("records")
        return [{**row, "frequency": int(row["frequency"])} for row in rows]

    def leads(self) -> list[dict[str, Any]]:
        """Give leads with their raw history."""
        known, zone = cut(self.facts, default_as_of(self.facts)), ZoneInfo(self.facts.source.timezone)
        tables = {name: dict(list(known.table(name).execute().groupby("contact_id"))) for name in ("contacts", *CLOCKS)}
        return [_item(name, tables, zone) for name in self.rows["lead_scoring"]["contact_id"]]

    def ours(self, first: Asked) -> Server:
        """Serve them by funnelcast."""
        command = _bentoml("serving.service:FunnelcastService")
        source = {"FUNNELCAST_SOURCE": str(self.home / "demo" / "source.toml"), "FUNNELCAST_KEYLESS": "1", "FUNNELCAST_WORKERS": "1"}
        return self._server("funnelcast", command, first, source)

    def bentoml(self, first: Asked) -> Server:
        """Serve the CLV champion by a plain typed BentoML API."""
        command = _bentoml("benchmarks.rivals.plain_bentoml:Plain")
        return self._server("a typed BentoML API", command, first, {"SERVED_SOURCE": self.facts.source.name})

    def bare_bentoml(self) -> Server:
        """Serve nothing by BentoML."""
        command = _bentoml("benchmarks.rivals.bare_bentoml:Bare")
        return self._server("a bare BentoML service", command, Asked("/echo", [b'{"text": "a"}']), {})

    def mlflow(self, model: str, first: Asked, *, signature: bool) -> Server:
        """Serve a champion by MLflow, as a model from code."""
        import mlflow  # noqa: PLC0415 (2 s)

        champion, vectors = self.champion(model), self.vectors(model)
        told = mlflow.models.infer_signature(vectors, champion.model.predict(vectors)) if signature else None
        artefact = {"champion": str(self.home / "champions" / self.facts.source.name / champion.folder)}
        name, kept = f"mlflow models serve, {'a' if signature else 'no'} signature", f"{model}-{'signed' if signature else 'unsigned'}"
        return self._by_mlflow(name, kept, first, python_model=_rival("pyfunc"), artifacts=artefact, signature=told)

    def lifetimes(self, first: Asked) -> Server:
        """Serve lifetimes by MLflow: what one would serve without us."""
        name = "lifetimes by mlflow models serve, no signature"
        return self._by_mlflow(name, "lifetimes", first, python_model=_rival("lifetimes_pyfunc"))

    def _by_mlflow(self, name: str, kept: str, first: Asked, **saved: Any) -> Server:
        import mlflow  # noqa: PLC0415 (2 s)

        folder = self.home / "mlflow" / kept
        mlflow.pyfunc.save_model(folder, pip_requirements=[], **saved)
        command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder)]
        return self._server(name, [*command, "--env-manager", "local", "-w", "1", "-p", "{port}"], first, {})

    def echo(self) -> Server:
        """Serve nothing: what came is sent back."""
        command = [sys.executable, "-m", "uvicorn", "benchmarks.rivals.echo:app", "--port", "{port}", "--no-access-log"]
        return self._server("a bare ASGI echo", command, _ECHO, {})

    def _server(self, name: str, command: Sequence[str], first: Asked, more: Mapping[str, str]) -> Server:
        own = {"FUNNELCAST_HOME": str(self.home), "BENTOML_HOME": str(self.home / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
        return Server(name, command, first, {**own, **more}, self.home / "servers.log")


def frame_split(vectors: pd.DataFrame) -> bytes:
    """Write vectors as MLflow reads them best."""
    document = json.loads(vectors.to_json(orient="split", index=False, double_precision=15))
    return json.dumps({"dataframe_split": document}).encode()


def _rival(name: str) -> str:
    return str(CHECKOUT / "benchmarks" / "rivals" / f"{name}.py")


def _bentoml(service: str) -> list[str]:
    return [sys.executable, "-m", "bentoml", "serve", service, "--host", "127.0.0.1", "--port", "{port}"]


def _item(name: str, tables: Mapping[str, Mapping[Any, pd.DataFrame]], zone: ZoneInfo) -> dict[str, Any]:
    (row,) = tables["contacts"][name].to_dict("records")
    own = {column: value for column, value in row.items() if column not in Contact.model_fields and not column.endswith("known_at")}
    item = {**_fields(row, Contact, zone), "attributes": {column: value for column, value in own.items() if not pd.isna(value)}}
    for table, shape in _FACTS.items():
        facts = tables[table][name].to_dict("records") if name in tables[table] else []
        item[table] = [_fields(fact, shape, zone) for fact in facts]
    return item


def _fields(row: Mapping[Any, Any], shape: Any, zone: ZoneInfo) -> dict[str, Any]:
    given = {column: row[column] for column in shape.model_fields if column in row and not pd.isna(row[column])}
    return {column: value.replace(tzinfo=zone).isoformat() if isinstance(value, pd.Timestamp) else value for column, value in given.items()}
