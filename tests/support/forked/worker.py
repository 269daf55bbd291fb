"""A process of pytest-xdist, forked from one that has imported the tests; see `collected`.

xdist starts ``python -m tests.support.forked.worker [WHAT TO COLLECT] -u -c PROGRAM`` in the place
of an interpreter.
"""

import json
import os
import sys
from socket import send_fds

from tests.support.forked.sharing import connect


def main() -> None:
    """Hand over the streams and the program; end with the process that has taken them."""
    *collected, _, _, program = sys.argv[1:]
    name = f"vampd-collected-{os.getppid()}"
    with connect(name, "tests.support.forked.collected", *collected) as process:
        send_fds(process, [json.dumps({"program": program}).encode()], [0, 1, 2])
        for fd in (0, 1):
            os.close(fd)
        process.recv(1)


if __name__ == "__main__":
    main()
