"""From the bytes of a request to what is asked: strict JSON, the shapes of envelopes and items, and their facts as tables.

``contracts`` says by pydantic what may come. What is plain is read by msgspec, compiled from those very shapes; whatever else comes goes to
pydantic, which judges it and words what is wrong.
"""
