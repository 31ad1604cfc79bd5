"""What changed, how right the predictions were, and what deserves an alert."""
