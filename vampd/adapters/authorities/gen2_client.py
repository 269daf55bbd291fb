"""The call of Gen2, as a program: ``python -m ...gen2_client WAY TYPE COUNT HOST...``.

``look`` takes no ID: it echoes the name service and looks the object VAMPIRES up. IDs that the call
returns are printed, one a line; those of ``instrument`` come as a file, and what that call returns
means nothing.

`g2base` is the observatory's own package, on no registry, and imported nowhere else. Its remote
objects start threads and may wait forever for a host that is down, so the call has its own process,
which its caller ends.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

EXIT_NO_PACKAGE = 69
# The ways: ask the instrument's process, ask the service `frames`, or only look.
INSTRUMENT, FRAMES, LOOK = "instrument", "frames", "look"
# The frame type of engineering IDs, which Gen2 takes as a list.
ENGINEERING_TYPE = "A9"
_EXIT_FAILED = 1
_REMOTE_OBJECTS = "g2base.remoteObjects.remoteObjects"
_OBJECT = "VAMPIRES"


def call_gen2(way: str, frame_type: str, count: int, hosts: Sequence[str]) -> tuple[str, ...]:
    """Make the call; the IDs that it returns. ImportError without `g2base`; passes its errors on.

    LookupError for an answer that is a refusal.
    """
    remote_objects = importlib.import_module(_REMOTE_OBJECTS)
    # Without a host the package would ask this machine.
    remote_objects.init(list(hosts))
    kind: str | list[str] = [frame_type] if frame_type == ENGINEERING_TYPE else frame_type
    if way == LOOK:
        _look(remote_objects)
    elif way == FRAMES:
        return _get_frames(remote_objects.remoteObjectProxy(FRAMES), kind, count)
    else:
        proxy = remote_objects.remoteObjectProxy(_OBJECT)
        proxy.executeCmd(_OBJECT, "foo", "get_frames", kind, {"num": count})
    return ()


def _look(remote_objects: Any) -> None:
    names = remote_objects.getns()
    names.ro_echo("vampd")
    if not names.getHosts(_OBJECT):
        raise LookupError(f"the name service answers, and no {_OBJECT} is registered there")


def _get_frames(service: Any, kind: str | list[str], count: int) -> tuple[str, ...]:
    status, answer = service.getFrames(_OBJECT, kind, count)
    if status != 0:
        raise LookupError(f"{FRAMES} refused with status {status}: {answer}")
    return tuple(map(str, answer))


def main() -> int:
    """Make the call that the arguments specify; return the exit status."""
    way, frame_type, count, *hosts = sys.argv[1:]
    try:
        for frame_id in call_gen2(way, frame_type, int(count), hosts):
            sys.stdout.write(f"{frame_id}\n")
    except ImportError as error:
        sys.stderr.write(
            f"the package g2base cannot be imported ({error}); install it for {sys.executable}, or"
            " choose another frameids.authority\n"
        )
        return EXIT_NO_PACKAGE
    except Exception as error:  # noqa: BLE001 - whatever g2base raises is reported in a line
        # A fault of the server comes as its traceback, of which the first line is the cause.
        cause = next((line for line in str(error).splitlines() if line.strip()), "")
        sys.stderr.write(f"{type(error).__name__}: {cause.strip()}\n")
        return _EXIT_FAILED
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the remote objects would keep the interpreter from exiting.
    os._exit(status)
