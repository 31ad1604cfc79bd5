"""Transactional revenue: fitted per channel or series, drawn for any weeks or months."""

from funnelcast.forecast.sales.draw import by_series, flows, forecast_sales
from funnelcast.forecast.sales.inputs import SalesInputs, sales_inputs

__all__ = ["SalesInputs", "by_series", "flows", "forecast_sales", "sales_inputs"]
