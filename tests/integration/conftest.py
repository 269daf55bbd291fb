"""Sites whose night is done, for whom it is only the beginning."""

import os

import pytest

from tests.support.daemon.settled import SettledSites


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> SettledSites:
    """Sites that are made once for all processes of this run."""
    base = tmp_path_factory.getbasetemp()
    # xdist gives each process a folder in that of all.
    return SettledSites(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)
