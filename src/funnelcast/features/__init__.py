"""One set of feature definitions for training, batch scoring and the service."""
