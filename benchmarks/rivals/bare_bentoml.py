"""The least that BentoML serves."""

from __future__ import annotations

import bentoml


@bentoml.service(name="bare", workers=1)
class Bare:
    """Says what it is told."""

    @bentoml.api
    async def echo(self, text: str) -> str:
        """Send a text back."""
        return text
