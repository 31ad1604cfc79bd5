"""A company with a known truth: the demo's facts, and the judge of every model."""
