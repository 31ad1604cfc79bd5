from __future__ import annotations

import json
import subprocess
import sys

from funnelcast.settings import CHECKOUT
from tests.service.conftest import Served

SCRIPT = """
import json, sys
from pathlib import Path
from funnelcast.settings import Settings
from serving.app import build_app
from serving.reading.contracts import ClvRequest, ScoreRequest
from serving import scoring
from serving.items import Asked
settings = Settings.read({"FUNNELCAST_HOME": sys.argv[1]})
store = build_app(settings, Path(sys.argv[2])).state.store
bought = [{"occurred_at": "2025-02-03T10:00:00Z", "amount": 80.0}]
contacts = [{"contact_id": "a", "transactions": bought}]
for model in ("churn", "lead_scoring"):
    scoring.score(model, store.state(), [Asked(ScoreRequest(contacts=contacts, explain=2), "r")])
answer = scoring.value(store.state(), [Asked(ClvRequest(contacts=contacts), "r")]).replies[0]
print(json.dumps({"clv": answer["predictions"][0]["clv"], "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def test_the_service_imports_no_training_library(served: Served) -> None:
    command = [sys.executable, "-c", SCRIPT, str(served.settings.home), str(served.source)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["clv"] > 0
    assert not {"mlflow", "lifetimes", "statsforecast", "optuna", "matplotlib", "sklearn", "training"} & set(answer["modules"])
