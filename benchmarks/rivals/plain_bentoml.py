"""A plain typed BentoML API over the same CLV champion."""

from __future__ import annotations

import os
from typing import Any

import bentoml
import numpy as np
from pydantic import BaseModel

from funnelcast import champions
from funnelcast.families.table import Table
from funnelcast.settings import Settings


class Customer(BaseModel):
    """One customer by its summary."""

    contact_id: str
    frequency: int
    recency: float
    T: float
    monetary_value: float
    first_value: float = 0.0


class Prediction(BaseModel):
    """What is predicted of it."""

    contact_id: str
    p_alive: float
    p_purchase: float
    expected_purchases: float
    expected_spend: float
    clv: float
    clv_p10: float
    clv_p90: float


@bentoml.service(name="plain", workers=1)
class Plain:
    """The champion behind a typed API."""

    def __init__(self) -> None:
        self._model: Any = champions.load(Settings.read(), os.environ["SERVED_SOURCE"], "clv").model

    @bentoml.api
    async def predict(self, contacts: list[Customer]) -> list[Prediction]:
        """Predict each customer."""
        columns = {
            name: np.array([getattr(one, name) for one in contacts], np.float64) for name in ("frequency", "recency", "T", "monetary_value")
        }
        answers = self._model.predictions(Table({**columns}, len(contacts)))
        rows = zip(contacts, *(answers[name].tolist() for name in answers), strict=True)
        return [Prediction(contact_id=one.contact_id, **dict(zip(answers, values, strict=True))) for one, *values in rows]
