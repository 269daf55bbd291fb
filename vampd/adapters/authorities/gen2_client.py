"""The call of Gen2, as a program: ``python -m ...gen2_client WAY TYPE COUNT HOST...``.

``look`` takes no ID: it echoes the name service and looks the object VAMPIRES up. The other ways
look up what they ask, and say `ASKED` before they do: from then on, IDs may be granted that no one
ever sees, while a Gen2 that is down hangs before. `SENT` is said for each request that leaves: the
package repeats one whose connection broke, without a word. IDs that the call returns are printed,
one a line; those of ``instrument`` come as a file, and what that call returns means nothing.

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
# No answer of Gen2's ended the call, not even a refusal.
EXIT_UNANSWERED = 75
# The ways: ask the instrument's process, ask the service `frames`, or only look.
INSTRUMENT, FRAMES, LOOK = "instrument", "frames", "look"
# Lines of stderr.
ASKED = "Gen2 was asked for frame IDs"
SENT = "a request for frame IDs was sent"
# The frame type of engineering IDs, which Gen2 takes as a list.
ENGINEERING_TYPE = "A9"
_EXIT_FAILED = 1
_REMOTE_OBJECTS = "g2base.remoteObjects.remoteObjects"
_OBJECT = "VAMPIRES"
# Those that ask for IDs.
_METHODS = (b"executeCmd", b"getFrames")
# How the package tells of a fault of the server, which is an answer: as its own traceback, or as
# XML-RPC's.
_FAULTS = ("Traceback (most recent call last)", "<Fault ")


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
    _say(ASKED)
    sys.addaudithook(_say_requests)
    if way == FRAMES:
        return _get_frames(proxy, kind, count)
    proxy.executeCmd(_OBJECT, "foo", "get_frames", kind, {"num": count})
    return ()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _say_requests(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook: the package's requests are XML-RPC's, and leave through http.client."""
    if event == "http.client.send" and isinstance(arguments[1], bytes):
        _, found, rest = arguments[1].partition(b"<methodName>")
        if found and rest.partition(b"<")[0] in _METHODS:
            _say(SENT)


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
        _say(f"{type(error).__name__}: {cause.strip()}")
        is_answer = isinstance(error, LookupError) or any(one in str(error) for one in _FAULTS)
        return _EXIT_FAILED if is_answer else EXIT_UNANSWERED
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the remote objects would keep the interpreter from exiting.
    os._exit(status)
