from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from funnelcast.settings import CHECKOUT
from funnelcast.simulate import Company
from funnelcast.simulate import company as simulated

if TYPE_CHECKING:
    from tests.service.conftest import Served

# a busy machine is slow, not wrong: no example has a time limit
settings.register_profile("funnelcast", deadline=None)
settings.load_profile("funnelcast")

SHARED_DATA = CHECKOUT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data sets; tests on it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the public data sets are not beside this checkout")
    return SHARED_DATA


@pytest.fixture(scope="session")
def company() -> Company:
    """A simulated company of 2,000 contacts; ``company.facts()`` opens it, ``company.truth`` knows better."""
    return simulated(contacts=2_000, seed=1)


@pytest.fixture(scope="session")
def large_company() -> Company:
    """A simulated company of 8,000 contacts, for what needs many of them."""
    return simulated(contacts=8_000, seed=3)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A company of 1,500 contacts with every model trained, promoted and refreshed."""
    from tests.service.conftest import trained  # noqa: PLC0415 (seconds of imports, which most tests do without)

    return trained(tmp_path_factory.mktemp("home"))
