"""Transactional revenue: fitted per channel or series, drawn for any weeks or months.

This is the view from above. The view from below, the purchases that a CLV model draws for each customer, is a second Forecast of the same
periods and draws, made where families may be imported: both stand beside each other in training/, and weights learned on the outcomes of
``evaluate.backtest.run`` at earlier origins combine them.
"""

from funnelcast.forecast.sales.draw import by_series, flows, forecast_sales
from funnelcast.forecast.sales.inputs import SalesInputs, sales_inputs

__all__ = ["SalesInputs", "by_series", "flows", "forecast_sales", "sales_inputs"]
