"""The call of Gen2, as a program: ``python -m vampd.adapters.gen2_client COUNT [HOST...]``.

`g2base` is the observatory's own package, on no registry, and imported nowhere else. Its remote
objects start threads and may wait for ever for a host that is down, so the call has a process of
its own, which its caller ends. The answer comes as a file; what the call returns tells nothing.
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
    """Ask for ``count`` frame IDs of type A. ImportError without `g2base`; else what it raises."""
    remote_objects = importlib.import_module(_REMOTE_OBJECTS)
    if hosts:
        remote_objects.init(list(hosts))
    else:
        remote_objects.init()
    proxy = remote_objects.remoteObjectProxy(_OBJECT)
    proxy.executeCmd(_OBJECT, "foo", "get_frames", "A", {"num": count})


def main() -> int:
    """Make the call that the arguments tell; the exit status."""
    try:
        call_gen2(int(sys.argv[1]), sys.argv[2:])
    except ImportError as error:
        sys.stderr.write(
            f"the package g2base cannot be imported ({error}); install it for {sys.executable}, or"
            " choose another frameids.authority\n"
        )
        return EXIT_NO_PACKAGE
    except Exception as error:  # noqa: BLE001 - whatever the foreign package raises, told in a line
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return _EXIT_FAILED
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the remote objects would keep the interpreter from its end.
    os._exit(status)
