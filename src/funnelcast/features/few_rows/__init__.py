"""The features of a few rows, without an engine: the same Ibis expressions, run step by step on numpy arrays.

An SQL engine spends tens of milliseconds on planning and on setting up the many operators of the feature query, for one contact as for a
thousand. Here the expression is translated once, and a request runs the steps. The engine's SQL is the judge: tests hold both side by
side, and what isn't known here is left to the engine.
"""

from funnelcast.features.few_rows.column import Column, column, literal, unknown
from funnelcast.features.few_rows.program import Program
from funnelcast.features.few_rows.translate import Untranslatable, translate

__all__ = ["Column", "Program", "Untranslatable", "column", "literal", "translate", "unknown"]
