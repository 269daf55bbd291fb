"""The tests, collected once for all processes of a run, which are forked from here.

Each process of pytest-xdist collects by itself, which is mostly importing: 8 s of processor time,
and 1.5 s where all is imported already. What a test module says at its import is done once.
"""

import json
import os
import sys
from socket import recv_fds

import pytest

from tests.support.forked.sharing import REQUEST_BYTES, become, share


def main() -> None:
    """Collect what the arguments say, then be what each connection asks for."""
    listener_fd, collected = int(sys.argv[1]), sys.argv[2:]
    # What is wrong with a test is told where it is collected again; nobody reads this output.
    pytest.main(["--collect-only", "-qq", "-n0", "-p", "no:cacheprovider", *collected])
    if (requests := share(listener_fd)) is None:
        return
    # The connection stays open until this process ends: whoever asked waits for that.
    asked, streams, _, _ = recv_fds(requests, REQUEST_BYTES, 3)
    become(streams)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = ["-c"]
    exec(json.loads(asked)["program"], {"__name__": "__main__"})


if __name__ == "__main__":
    main()
