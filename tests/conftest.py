from __future__ import annotations

from pathlib import Path

import pytest

from funnelcast.settings import CHECKOUT

SHARED_DATA = CHECKOUT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data sets; tests on it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the public data sets are not beside this checkout")
    return SHARED_DATA
