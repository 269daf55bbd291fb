"""An ssh behind which a sender speaks rsync's protocol and lists what nobody asked for.

    python -m tests.support.worlds.hostile.hostile_rsync ENTRY ... rsync --server --sender ...

``ENTRY`` is ``mode:name`` (octal, name escaped as in Python) of one file list entry. Protocol 27 is
the plainest that a receiver of today still takes; see rsync's flist.c and io.c. The sender leaves
when no file is wanted any more.
"""

from __future__ import annotations

import os
import stat
import struct
import sys

from tests.support.tools.sshd import HOST

_PROTOCOL, _SEED = 27, 1
# Tag of a message that is data, and the flag of a name with a length of four bytes.
_DATA, _LONG_NAME = 7 << 24, 0x40
# The receiver wants no other file.
_NO_MORE = struct.pack("<i", -1)
_SIZE, _TIME = 5, 1_762_424_400


def main(entry: str, command: list[str]) -> None:
    """Answer as the far end of ``command`` does."""
    if "--server" not in command:
        os.execvp("sh", ["sh", "-c", " ".join(command[command.index(HOST) + 1 :])])
    mode, _, name = entry.partition(":")
    listed = _entry(int(mode, 8), name.encode().decode("unicode_escape").encode("latin-1"))
    # After the list its end, and no error.
    message = listed + b"\0" + struct.pack("<i", 0)
    os.write(1, struct.pack("<ii", _PROTOCOL, _SEED))
    os.write(1, struct.pack("<I", _DATA + len(message)) + message)
    received = b""
    while not received.endswith(_NO_MORE) and (piece := os.read(0, 65536)):
        received += piece


def offered_folder(name: bytes) -> bytes:
    """What a sender says to a receiver, from its version to the end of a list of one folder."""
    end = b"\0" + struct.pack("<i", 0)
    return struct.pack("<i", _PROTOCOL) + _entry(stat.S_IFDIR | 0o777, name) + end


def _entry(mode: int, name: bytes) -> bytes:
    head = struct.pack("<Bi", _LONG_NAME, len(name)) + name
    return head + struct.pack("<iIi", _SIZE, _TIME, mode)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
