from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from funnelcast.settings import CHECKOUT
from funnelcast.simulate import Company
from funnelcast.simulate import company as simulated

if TYPE_CHECKING:
    from tests.service.conftest import Served

TOGETHER = ("tests/service/", "tests/dashboard/", "tests/spark/")
"""Folders whose tests share what takes long to make: each stays on one worker."""

# a busy machine is slow, not wrong: no example has a time limit
settings.register_profile("funnelcast", deadline=None)
settings.load_profile("funnelcast")

SHARED_DATA = CHECKOUT.parent / "shared" / "data"


class FoldersTogether(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Hand out tests one by one, but some folders as a whole; groups by mark are lost between xdist 3.8 and pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FoldersTogether:
    """Take our way to hand out tests."""
    return FoldersTogether(config, log)


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
