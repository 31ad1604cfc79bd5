"""The BentoML service of one company: its champions and its latest snapshot."""
