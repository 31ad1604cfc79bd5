"""Transactional revenue: fitted per channel or series, drawn for any weeks or months.

This is the view from above. The view from below, the purchases that a CLV model draws for each customer and for those to come, is made
where families may be imported (training/bottom_up.py), kept as plain numbers (bottom_up.py) and set beside it in the answer.
"""

from funnelcast.forecast.sales.draw import by_series, flows, forecast_sales
from funnelcast.forecast.sales.inputs import SalesInputs, sales_inputs

__all__ = ["SalesInputs", "by_series", "flows", "forecast_sales", "sales_inputs"]
