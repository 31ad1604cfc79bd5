"""How good a model is: metrics, calibration, backtests, the paired bootstrap."""
