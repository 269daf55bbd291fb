"""The call of Gen2, as a program: ``python -m ...gen2_client WAY TYPE COUNT HOST...``.

``look`` takes no ID: it echoes the name service and looks the object VAMPIRES up. The other ways
look up what they ask, and say `ASKED` before they do: from then on, IDs may be granted that no one
ever sees, while a Gen2 that is down hangs before. IDs that the call returns
are printed, one a line; those of ``instrument`` come as a file, and what that call returns
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
# A line of stderr.
ASKED = "Gen2 was asked for frame IDs"
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
    names = remote_objects.getns()
    if way == LOOK:
        names.ro_echo("vampd")
        _require_registered(names, _OBJECT)
        return ()
    name = FRAMES if way == FRAMES else _OBJECT
    _require_registered(names, name)
    proxy = remote_objects.remoteObjectProxy(name)
    sys.stderr.write(f"{ASKED}\n")
    sys.stderr.flush()
    if way == FRAMES:
        return _get_frames(proxy, kind, count)
    proxy.executeCmd(_OBJECT, "foo", "get_frames", kind, {"num": count})
    return ()


def _require_registered(names: Any, name: str) -> None:
    if not names.getHosts(name):
        raise LookupError(f"the name service answers, and no {name} is registered there")


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
