"""Where funnelcast runs: one frozen Settings read from the environment when asked, never at import."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from funnelcast.errors import UsageError

_LIBRARY = Path(__file__).resolve().parent
CHECKOUT = _LIBRARY.parent if (_LIBRARY.parent / "models").is_dir() else _LIBRARY.parents[1]
"""Where models/ lies: beside src/, or in a bento, which has no src/, beside the library."""


@dataclass(frozen=True)
class Settings:
    """All state lives under ``home``; the fields mirror environment variables listed in the README."""

    home: Path
    tracking_uri: str
    threads: int
    memory: str | None

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read FUNNELCAST_HOME, MLFLOW_TRACKING_URI, FUNNELCAST_THREADS and FUNNELCAST_MEMORY.

        Raises
        ------
        UsageError
            FUNNELCAST_MEMORY is no size.
        """
        given = os.environ if environment is None else environment
        home = Path(given.get("FUNNELCAST_HOME") or CHECKOUT / ".funnelcast").resolve()
        return cls(
            home=home,
            tracking_uri=given.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / 'mlflow.db'}",
            threads=int(given.get("FUNNELCAST_THREADS") or os.cpu_count() or 1),
            memory=_size(given.get("FUNNELCAST_MEMORY") or None),
        )

    @property
    def artefacts(self) -> Path:
        """Where MLflow keeps artefacts when it runs on the local database."""
        return self.home / "artefacts"

    @property
    def champions(self) -> Path:
        """Where promoted models are exported for the service."""
        return self.home / "champions"

    @property
    def snapshots(self) -> Path:
        """Where refresh leaves its snapshots."""
        return self.home / "snapshots"

    def studies(self, source: str) -> Path:
        """Where the searches for hyperparameters of one source are kept."""
        return self.home / "studies" / source

    @property
    def keys(self) -> Path:
        """The API keys, hashed."""
        return self.home / "keys.json"

    @property
    def audit(self) -> Path:
        """Where the service says who asked what."""
        return self.home / "audit"

    def track_record(self, source: str) -> Path:
        """Where the answers and forecasts of one source are kept to be judged."""
        return self.home / "track_record" / f"{source}.db"

    @property
    def demo(self) -> Path:
        """The simulated company that commands use when no source is named."""
        return self.home / "demo" / "source.toml"

    @property
    def models(self) -> Path:
        """The folders that say what each model is."""
        return CHECKOUT / "models"

    def confine_libraries(self) -> None:
        """Keep below ``home`` what libraries would otherwise write into the user's own folder, and keep them from calling home."""
        os.environ.setdefault("BENTOML_HOME", str(self.home / "bentoml"))
        os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MPLCONFIGDIR", str(self.home / "matplotlib"))
        os.environ.setdefault("MPLBACKEND", "agg")


def _size(given: str | None) -> str | None:
    if given and not re.fullmatch(r"\d+(\.\d+)? ?[KMGT]i?B", given):
        raise UsageError(reason=f"FUNNELCAST_MEMORY is {given!r}: give a size such as 2GB.")
    return given
