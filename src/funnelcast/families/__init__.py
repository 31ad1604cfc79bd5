"""The kinds of model, one module or folder each; no family imports another."""
