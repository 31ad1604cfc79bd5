"""A champion as an MLflow model from code: what `mlflow models serve` answers with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel

from funnelcast.artefacts import read_folder
from funnelcast.champions import ABOUT, read_about
from funnelcast.families.registry import family_of


class Champion(PythonModel):  # type: ignore[misc]
    """Reads its artefact's folder and predicts from ready-made vectors."""

    def load_context(self, context: Any) -> None:
        """Load the model."""
        files = read_folder(Path(context.artifacts["champion"]))
        family = family_of(read_about(files).family)
        self._model = family.rebuild({name: content for name, content in files.items() if name != ABOUT})

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:  # noqa: ARG002 (MLflow's names)
        """Predict each row."""
        return self._model.predict(model_input)


mlflow.models.set_model(Champion())
