"""The call of Gen2, as a program: ``python -m ...gen2_client COUNT [HOST...]``.

With a COUNT of 0 it starts the remote objects, which look for Gen2's name service, and asks for
nothing.

`g2base` is the observatory's own package, on no registry, and imported nowhere else. Its remote
objects start threads and may wait forever for a host that is down, so the call has its own process,
which its caller ends. The answer comes as a file; what the call returns means nothing.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

EXIT_NO_PACKAGE = 69
_EXIT_FAILED = 1
_REMOTE_OBJECTS = "g2base.remoteObjects.remoteObjects"
_OBJECT = "VAMPIRES"


def call_gen2(count: int, hosts: Sequence[str]) -> None:
    """Ask for ``count`` frame IDs of type A. ImportError without `g2base`; passes its errors on."""
    remote_objects = importlib.import_module(_REMOTE_OBJECTS)
    if hosts:
        remote_objects.init(list(hosts))
    else:
        remote_objects.init()
    proxy = remote_objects.remoteObjectProxy(_OBJECT)
    if count == 0:
        return
    proxy.executeCmd(_OBJECT, "foo", "get_frames", "A", {"num": count})


def main() -> int:
    """Make the call that the arguments specify; return the exit status."""
    try:
        call_gen2(int(sys.argv[1]), sys.argv[2:])
    except ImportError as error:
        sys.stderr.write(
            f"the package g2base cannot be imported ({error}); install it for {sys.executable}, or"
            " choose another frameids.authority\n"
        )
        return EXIT_NO_PACKAGE
    except Exception as error:  # noqa: BLE001 - whatever g2base raises is reported in a line
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return _EXIT_FAILED
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the remote objects would keep the interpreter from exiting.
    os._exit(status)
