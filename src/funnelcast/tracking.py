"""Runs, versions and aliases in MLflow: the only file that imports it.

A run holds parameters, metrics by fold, plots, the card and the artefact (JSON and LightGBM text); a version of the registered model
``<source name>.<model>`` points at the artefact's folder. Nothing is pickled, and unpickling is switched off.
"""

from __future__ import annotations

import getpass
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from funnelcast.artefacts import MANIFEST, read_folder, write_file, write_folder
from funnelcast.errors import NotFound
from funnelcast.settings import Settings
from funnelcast.terms import Alias

EXPERIMENT = "funnelcast"
MODEL_FOLDER = "model"
_TWIN = "judged"
_HISTORY = "history"
_REMEMBERED = 20
_PARAMETER_LENGTH = 500
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Record:
    """What one training run leaves behind.

    Parameters
    ----------
    parameters, tags
        Logged as text.
    metrics
        By name, of the newest fold.
    folds
        The same by earlier fold, as steps of the metric.
    files
        By path in the run's artefacts, beside the model: plots and documents.
    """

    parameters: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    folds: Sequence[Mapping[str, float]] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """One registered version of a model."""

    name: str
    version: int
    run_id: str
    created: datetime
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


class Tracker:
    """The tracking server and model registry of one home."""

    def __init__(self, settings: Settings) -> None:
        os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        from mlflow import MlflowClient  # noqa: PLC0415 (2 s that only a training command should pay)

        settings.home.mkdir(parents=True, exist_ok=True)
        if settings.tracking_uri.startswith(_SQLITE):
            _create(Path(settings.tracking_uri.removeprefix(_SQLITE)))
        self._client = MlflowClient(tracking_uri=settings.tracking_uri, registry_uri=settings.tracking_uri)
        # a remote server decides itself where artefacts go
        self._artefacts = settings.artefacts.as_uri() if settings.tracking_uri.startswith(_SQLITE) else None

    def start(self, name: str) -> str:
        """Open a run and give its id; inside ``mlflow run`` it is the run that MLflow has opened."""
        given = os.environ.pop("MLFLOW_RUN_ID", None)
        if given:
            self._client.set_tag(given, "mlflow.runName", name)
            return given
        run = self._client.create_run(self._experiment(), run_name=name)
        return str(run.info.run_id)

    def log(self, run_id: str, record: Record) -> None:
        """Write parameters, metrics, tags and files of a run in one batch each."""
        from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415

        now = int(time.time() * 1000)
        steps = [*record.folds, record.metrics]
        metrics = [Metric(name, float(value), now, step) for step, fold in enumerate(steps) for name, value in sorted(fold.items())]
        parameters = [Param(name, str(value)[:_PARAMETER_LENGTH]) for name, value in sorted(record.parameters.items())]
        tags = [RunTag(name, value) for name, value in sorted(record.tags.items())]
        self._client.log_batch(run_id, metrics=metrics, params=parameters, tags=tags)
        if record.files:
            with tempfile.TemporaryDirectory() as folder:
                for name, content in record.files.items():
                    write_file(Path(folder) / name, content)
                self._client.log_artifacts(run_id, folder)

    def finish(self, run_id: str, *, failed: bool = False) -> None:
        """Close a run."""
        self._client.set_terminated(run_id, status="FAILED" if failed else "FINISHED")

    def register(
        self,
        name: str,
        run_id: str,
        files: Mapping[str, bytes],
        tags: Mapping[str, str],
        *,
        description: str = "",
        twin: Mapping[str, bytes] | None = None,
    ) -> int:
        """Store an artefact with its manifest in the run and register it as the next version.

        Parameters
        ----------
        name
            ``<source name>.<model>``.
        files
            The artefact, ``about.json`` included.
        tags
            Of the version; ``role`` is part of where it is stored.
        description
            What the registry shows of the version, as Markdown.
        twin
            The model that stood in for it on the newest fold, which it hadn't seen: later challengers are held against it there.
        """
        folder = f"{MODEL_FOLDER}/{tags['role']}"
        self._store(run_id, folder, files)
        if twin is not None:
            self._store(run_id, f"{_TWIN}/{tags['role']}", twin)
        self._ensure_registered(name)
        source = f"{self._client.get_run(run_id).info.artifact_uri}/{folder}"
        version = self._client.create_model_version(name, source=source, run_id=run_id, tags=dict(tags), description=description)
        return int(version.version)

    def files(self, name: str, version: int) -> dict[str, bytes]:
        """Read a version's artefact, checked against its manifest.

        Raises
        ------
        NotFound
            The registry has no such version.
        """
        return self._read(self.version(name, version), MODEL_FOLDER)

    def twin(self, name: str, version: int) -> dict[str, bytes] | None:
        """Read the artefact of the model that was judged in a version's place; None where none was kept."""
        known = self.version(name, version)
        if not self._client.list_artifacts(known.run_id, f"{_TWIN}/{known.tags['role']}"):
            return None
        return self._read(known, _TWIN)

    def file(self, name: str, version: int, path: str) -> bytes | None:
        """Read one of the files that a version's run keeps beside its model; None where it has none of this name."""
        known = self.version(name, version)
        if all(held.path != path for held in self._client.list_artifacts(known.run_id)):
            return None
        with tempfile.TemporaryDirectory() as scratch:
            return Path(self._client.download_artifacts(known.run_id, path, scratch)).read_bytes()

    def version(self, name: str, version: int) -> Version:
        """Find one version."""
        found = [known for known in self.versions(name) if known.version == version]
        if not found:
            raise NotFound(what="version", name=f"{name} {version}", advice="`funnelcast models` lists what is registered.")
        return found[0]

    def versions(self, name: str | None = None) -> list[Version]:
        """List what is registered, newest first within each name."""
        registered = self._client.search_registered_models(filter_string=f"name='{name}'" if name else None)
        found = [
            _version(version, tuple(sorted(alias for alias, number in model.aliases.items() if int(number) == int(version.version))))
            for model in registered
            for version in self._client.search_model_versions(f"name='{model.name}'")
        ]
        return sorted(found, key=lambda version: (version.name, -version.version))

    def champion(self, name: str) -> Version | None:
        """Find the version that holds the alias champion."""
        return next((version for version in self.versions(name) if Alias.CHAMPION in version.aliases), None)

    def previous(self, name: str) -> Version | None:
        """Find the version that a roll-back would bring back."""
        return next((version for version in self.versions(name) if Alias.PREVIOUS in version.aliases), None)

    def promote(self, name: str, version: int, reason: str) -> None:
        """Make a version the champion and the old champion the previous one; say why, when and by whom on the version and on the model."""
        old = self.champion(name)
        if old is not None and old.version != version:
            self._client.set_registered_model_alias(name, Alias.PREVIOUS, str(old.version))
        self._client.set_registered_model_alias(name, Alias.CHAMPION, str(version))
        event = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "by": _user(), "version": version, "reason": reason}
        self._client.set_model_version_tag(name, str(version), "promoted", reason)
        self._client.set_model_version_tag(name, str(version), "promoted_at", str(event["at"]))
        history = [event, *self.history(name)][:_REMEMBERED]
        self._client.set_registered_model_tag(name, _HISTORY, json.dumps(history))
        self._client.update_registered_model(name, _told(history))

    def history(self, name: str) -> list[dict[str, Any]]:
        """Give the newest promotions and roll-backs of a model, newest first: ``at``, ``by``, ``version`` and ``reason``."""
        kept = self._client.get_registered_model(name).tags.get(_HISTORY, "[]")
        return list(json.loads(kept))

    def metrics(self, run_id: str) -> dict[str, float]:
        """Read a run's newest metrics."""
        return {name: float(value) for name, value in self._client.get_run(run_id).data.metrics.items()}

    def parameter(self, run_id: str, name: str) -> str | None:
        """Read one parameter of a run; None where it has none of this name."""
        return self._client.get_run(run_id).data.params.get(name)

    def _experiment(self) -> str:
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=self._artefacts))

    def _store(self, run_id: str, folder: str, files: Mapping[str, bytes]) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            local = Path(scratch) / "artefact"
            write_folder(local, files)
            self._client.log_artifacts(run_id, str(local), folder)

    def _read(self, version: Version, kind: str) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as scratch:
            local = Path(self._client.download_artifacts(version.run_id, f"{kind}/{version.tags['role']}", scratch))
            return {path: content for path, content in read_folder(local).items() if path != MANIFEST}

    def _ensure_registered(self, name: str) -> None:
        if not self._client.search_registered_models(filter_string=f"name='{name}'"):
            self._client.create_registered_model(name)


def _create(database: Path) -> None:
    """Make the database beside and put it there whole: MLflow makes it in dozens of steps, and one that is half made can't be opened."""
    if database.exists():
        return
    from mlflow import MlflowClient  # noqa: PLC0415 (as above)

    with tempfile.TemporaryDirectory(dir=database.parent, prefix=f".{database.name}.") as folder:
        beside = Path(folder) / database.name
        uri = f"{_SQLITE}{beside}"
        MlflowClient(tracking_uri=uri, registry_uri=uri).search_registered_models()
        with suppress(FileExistsError):  # another process was quicker
            database.hardlink_to(beside)


def _told(history: Sequence[Mapping[str, Any]]) -> str:
    """Write the promotions as the registry shows them."""
    rows = [f"| {event['at']} | {event['version']} | {event['by']} | {event['reason'].replace('|', '/')} |" for event in history]
    return "\n".join(["| promoted at | version | by | reason |", "|---|---|---|---|", *rows])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _version(version: Any, aliases: tuple[str, ...]) -> Version:
    created = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    return Version(version.name, int(version.version), version.run_id, created, aliases, dict(version.tags))
