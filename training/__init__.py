"""The pipelines that MLproject runs."""
