"""What lifetimes tells of a customer, as an MLflow model from code: without a probability of any purchase and without quantiles."""

from __future__ import annotations

import warnings
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel

from benchmarks.clv_company import PAPER, SPEND

_DAYS_PER_WEEK = 7.0
_WEEKS, _MONTHS, _RATE = 52.0, 12, 0.01


class Lifetimes(PythonModel):  # type: ignore[misc]
    """The fitted models of lifetimes, at the parameters of the literature: what they cost doesn't depend on them."""

    def load_context(self, context: Any) -> None:  # noqa: ARG002 (MLflow's names)
        """Set the parameters."""
        from lifetimes import BetaGeoFitter, GammaGammaFitter  # noqa: PLC0415 (it changes warning filters when imported)

        warnings.simplefilter("ignore")
        self._purchases, self._spend = BetaGeoFitter(), GammaGammaFitter()
        self._purchases.params_, self._spend.params_ = pd.Series(PAPER.document()), pd.Series(SPEND.document())
        self._purchases.predict = self._purchases.conditional_expected_number_of_purchases_up_to_time

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:  # noqa: ARG002 (MLflow's names)
        """Predict each row."""
        x, m = model_input["frequency"], model_input["monetary_value"]
        t_x, age = model_input["recency"] / _DAYS_PER_WEEK, model_input["T"] / _DAYS_PER_WEEK
        worth = self._spend.customer_lifetime_value(self._purchases, x, t_x, age, m, time=_MONTHS, discount_rate=_RATE, freq="W")
        told = {
            "p_alive": self._purchases.conditional_probability_alive(x, t_x, age),
            "expected_purchases": self._purchases.predict(_WEEKS, x, t_x, age),
            "expected_spend": self._spend.conditional_expected_average_profit(x, m),
            "clv": worth,
        }
        return pd.DataFrame(told)


mlflow.models.set_model(Lifetimes())
