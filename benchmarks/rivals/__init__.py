"""What one would otherwise serve the same predictions with."""
