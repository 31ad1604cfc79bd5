"""Draws of the company's future, from predictions to sales, pipeline and cash."""
