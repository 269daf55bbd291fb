"""What a daemon does until it is idle, in the test's own process: where the daemon is no law."""

from tests.support.daemon.site import Site
from tests.support.worlds.proof.in_process import InProcess


def settle_here(site: Site) -> None:
    """All nights as far as they get; none may fail by a bug."""
    InProcess(site).advance()
