"""One set of feature definitions for training, batch and the service: Ibis expressions on what was known."""

from funnelcast.features.assemble import build, definition, definitions, feature_set, fingerprint, words

__all__ = ["build", "definition", "definitions", "feature_set", "fingerprint", "words"]
